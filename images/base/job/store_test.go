package main

import (
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// storeAt returns a store that a handler simulates.
func storeAt(t *testing.T, handler http.HandlerFunc) *store {
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	for name, value := range map[string]string{"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"} {
		t.Setenv(name, value)
	}
	store, err := openStore(context.Background(), "", "", "")
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// codeOf returns the exit code of the job for an error.
func codeOf(err error) int {
	var f fault
	switch {
	case err == nil:
		return 0
	case errors.As(err, &f):
		return f.code
	}
	return exitIO
}

func TestAStoreThatStopsRespondingIsANetworkFault(t *testing.T) {
	clock := fakeTime(t)
	captureLog(t)
	ended := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		clock.noteActivity()
		w.Header().Set("Content-Length", "8")
		_, _ = w.Write([]byte("ACGT"))
		w.(http.Flusher).Flush()
		<-ended
	}))
	defer server.Close()
	defer close(ended)
	for name, value := range map[string]string{"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"} {
		t.Setenv(name, value)
	}
	defer func(former time.Duration) { idleTimeout = former }(idleTimeout)
	idleTimeout = 50 * time.Millisecond

	// Only a hang takes this long, even on a slow machine.
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	store, err := openStore(ctx, "", "", "")
	if err != nil {
		t.Fatal(err)
	}
	began := clock.now()
	_, err = store.readAll(ctx, location{bucket: "b", key: "k"})
	var f fault
	if ctx.Err() != nil || !errors.As(err, &f) || f.code != exitNetwork || clock.now().Sub(began) < stagingRetryTime {
		t.Errorf("got %v after %s, want code %d", err, clock.now().Sub(began), exitNetwork)
	}
}

func TestAnArchivedObjectIsNotAPermissionFault(t *testing.T) {
	store := storeAt(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`<Error><Code>InvalidObjectState</Code><Message>The operation is not valid for the object's storage class</Message></Error>`))
	})
	_, err := store.readAll(context.Background(), location{bucket: "b", key: "k"})
	var f fault
	if !errors.As(err, &f) || f.code != exitNoInput || !strings.Contains(f.text, "s3://b/k is archived") {
		t.Errorf("got %v, want code %d", err, exitNoInput)
	}
}

func TestTheCausesOfMissingCredentialsAreDistinguished(t *testing.T) {
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"code":"InvalidIdInRequest","message":"CredentialsV2Request: no such task"}`))
	}))
	defer refusing.Close()
	gone := httptest.NewServer(nil)
	gone.Close()
	for name, value := range map[string]string{"AWS_ENDPOINT_URL": gone.URL, "AWS_REGION": "us-east-1", "HOME": t.TempDir(),
		"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": ""} {
		t.Setenv(name, value)
	}
	for agent, want := range map[string]struct {
		code int
		text string
	}{
		"":           {exitDenied, "the job has no role"},
		refusing.URL: {exitDenied, "does not provide the job role's credentials"},
		gone.URL:     {exitNetwork, "connection refused"},
	} {
		t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", agent)
		fakeTime(t)
		store, err := openStore(context.Background(), "", "", "")
		if err != nil {
			t.Fatal(err)
		}
		_, err = store.readAll(context.Background(), location{bucket: "b", key: "k"})
		var f fault
		if !errors.As(err, &f) || f.code != want.code || !strings.Contains(f.text, want.text) {
			t.Errorf("%q: %v, want code %d and %q", agent, err, want.code, want.text)
		}
	}
}

func TestAnInputThatArrivesDamagedIsDownloadedAgain(t *testing.T) {
	for damaged, code := range map[int]int{0: 0, 1: 0, 2: exitDamaged} {
		for _, wrong := range []string{"ACGA", "ACG"} {
			fetched := 0
			store := storeAt(t, func(w http.ResponseWriter, _ *http.Request) {
				content := "ACGT"
				if fetched++; fetched <= damaged {
					content = wrong
				}
				_, _ = w.Write([]byte(content))
			})
			input := object{bucket: "b", Key: "k", Size: 4, checksum: checksum{name: "md5", value: fmt.Sprintf("%x", md5.Sum([]byte("ACGT")))}}
			target := writeTemp(t, nil)
			err := store.download(context.Background(), input, target, minStreams)
			if codeOf(err) != code || fetched != min(damaged+1, 2) {
				t.Errorf("damaged %d times, %s: %v after %d", damaged, wrong, err, fetched)
			}
			if got, _ := os.ReadFile(target); code == 0 && string(got) != "ACGT" {
				t.Errorf("damaged %d times, %s: left %q", damaged, wrong, got)
			}
		}
	}
}

func TestAnInputThatWasOverwrittenIsNotDownloadedAgain(t *testing.T) {
	fetched := 0
	store := storeAt(t, func(w http.ResponseWriter, _ *http.Request) {
		fetched++
		w.WriteHeader(http.StatusPreconditionFailed)
		_, _ = w.Write([]byte(`<Error><Code>PreconditionFailed</Code></Error>`))
	})
	err := store.download(context.Background(), object{bucket: "b", Key: "k", Size: 4, ETag: "e"}, writeTemp(t, nil), minStreams)
	if codeOf(err) != exitDamaged || fetched != 1 {
		t.Errorf("%v after %d", err, fetched)
	}
}

func TestAnOutputThatArrivesDamagedIsUploadedAgain(t *testing.T) {
	for _, code := range []string{"BadDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch"} {
		var sent []string
		fakeTime(t)
		store := storeAt(t, func(w http.ResponseWriter, r *http.Request) {
			content, _ := io.ReadAll(r.Body)
			sent = append(sent, string(content))
			w.Header().Set("ETag", `"e"`)
			if len(sent) == 1 {
				w.WriteHeader(http.StatusBadRequest)
				_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code></Error>", code)
			}
		})
		output := object{bucket: "b", Key: "k"}
		if err := store.upload(context.Background(), &output, writeTemp(t, []byte("ACGT")), minStreams); err != nil || len(sent) != 2 || sent[1] != "ACGT" {
			t.Errorf("%s: sent %q, %v", code, sent, err)
		}
	}
}

func TestAResponseThatIsNotFromS3FailsTheUpload(t *testing.T) {
	for _, answer := range []string{"", "<html><body>Who are you?</body></html>", "<CompleteMultipartUploadResult/>"} {
		store := storeAt(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			switch query := r.URL.Query(); {
			case query.Has("uploads"):
				answer := "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>"
				_, _ = w.Write([]byte(answer))
			case query.Has("partNumber"):
				w.Header().Set("ETag", `"e"`)
			default:
				_, _ = w.Write([]byte(answer))
			}
		})
		for name, err := range map[string]error{
			"manifest": store.put(context.Background(), location{bucket: "b", key: "k"}, "{}"),
			"small":    store.upload(context.Background(), &object{bucket: "b", Key: "k"}, writeTemp(t, []byte("ACGT")), minStreams),
			"in parts": store.upload(context.Background(), &object{bucket: "b", Key: "k"}, writeTemp(t, make([]byte, partSize+1)), minStreams),
		} {
			if codeOf(err) != exitIO {
				t.Errorf("%s, %q: got %v, want code %d", name, answer, err, exitIO)
			}
		}
	}
}

func TestAJobWithoutS3NeedsNoStore(t *testing.T) {
	var none *store
	ctx, work := context.Background(), t.TempDir()
	inputs, err := none.find(ctx, plan{})
	if err := errors.Join(err, none.checkPlaces(ctx, plan{}), none.stageIn(ctx, plan{}, inputs, work)); err != nil {
		t.Error(err)
	}
	none.publishFailure(ctx, plan{}, work, record{Job: "4f", WorkSeconds: 1})
}

func TestAnObjectNamedTwiceIsOneInput(t *testing.T) {
	store := storeAt(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			_, _ = w.Write([]byte(`<ListBucketResult><Contents><Key>in</Key></Contents></ListBucketResult>`))
		}
	})
	in := func(bucket string) location { return location{bucket: bucket, key: "in"} }
	found, err := store.find(context.Background(), plan{inputs: []location{in("b"), in("b"), {bucket: "b", pattern: "i*"}}})
	if err != nil || len(found) != 1 {
		t.Errorf("%v, %v", found, err)
	}
	if _, err := store.find(context.Background(), plan{inputs: []location{in("b"), in("c")}}); codeOf(err) != exitNoInput {
		t.Errorf("got %v, want code %d", err, exitNoInput)
	}
}

func TestABucketForTheManifestThatDoesNotExistIsFoundBeforeTheWork(t *testing.T) {
	store := storeAt(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/none") {
			w.WriteHeader(http.StatusNotFound)
		}
	})
	err := store.checkPlaces(context.Background(), plan{prefix: &location{bucket: "b"}, manifest: location{bucket: "none", key: "m"}})
	if codeOf(err) != exitNoOutput || !strings.Contains(err.Error(), "JOB_MANIFEST") {
		t.Error(err)
	}
	if err := store.checkPlaces(context.Background(), plan{}); err != nil {
		t.Error(err)
	}
}

func TestATruncatedResponseIsRetried(t *testing.T) {
	fakeTime(t)
	asked := map[string]int{}
	store := storeAt(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		query := r.URL.Query()
		answer := "s3://b/in"
		switch {
		case query.Has("list-type"):
			answer = "<ListBucketResult><Contents><Key>in</Key></Contents></ListBucketResult>"
		case query.Has("uploads"):
			answer = "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>"
		case query.Has("partNumber"):
			w.Header().Set("ETag", `"e"`)
			return
		case query.Has("uploadId"):
			answer = "<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>"
		}
		name := r.Method + r.URL.RawQuery
		w.Header().Set("Content-Length", fmt.Sprint(len(answer)))
		if asked[name]++; asked[name] == 1 {
			answer = answer[:8]
		}
		_, _ = w.Write([]byte(answer))
	})
	if text, err := store.readAll(context.Background(), location{bucket: "b", key: "k"}); err != nil || string(text) != "s3://b/in" {
		t.Errorf("content: %q, %v", text, err)
	}
	if found, err := store.match(context.Background(), location{bucket: "b", pattern: "*"}); err != nil || len(found) != 1 {
		t.Errorf("list: %v, %v", found, err)
	}
	if err := store.upload(context.Background(), &object{bucket: "b", Key: "k"}, writeTemp(t, make([]byte, partSize+1)), minStreams); err != nil {
		t.Errorf("upload: %v", err)
	}
}

func TestAFileErrorIsNotANetworkFault(t *testing.T) {
	for cause, code := range map[error]int{syscall.EINVAL: exitIO, syscall.EACCES: exitIO, syscall.ENOSPC: exitFull, syscall.EDQUOT: exitFull} {
		if err := explain("write", location{bucket: "b", key: "k"}, &fs.PathError{Op: "read", Path: "out", Err: cause}); codeOf(err) != code {
			t.Errorf("%v: got %v, want code %d", cause, err, code)
		}
	}
}
