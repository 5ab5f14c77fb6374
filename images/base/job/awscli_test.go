package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

func TestOptionsOfTheAWSCLIAreReadAnywhere(t *testing.T) {
	for _, c := range []struct {
		words []string
		want  awsOptions
	}{
		{[]string{"--region", "eu-west-1", "s3", "cp", "--recursive", "a", "s3://b/", "--only-show-errors"},
			awsOptions{region: "eu-west-1", recursive: true, onlyErrors: true, words: []string{"s3", "cp", "a", "s3://b/"}}},
		{[]string{"s3", "cp", "--storage-class=STANDARD_IA", "-", "s3://b/k", "--sse", "aws:kms", "--sse-kms-key-id", "key"},
			awsOptions{storageClass: "STANDARD_IA", encryption: "aws:kms", kmsKey: "key", words: []string{"s3", "cp", "-", "s3://b/k"}}},
		{[]string{"s3", "cp", "a", "s3://b/k", "--sse"}, awsOptions{encryption: "AES256", words: []string{"s3", "cp", "a", "s3://b/k"}}},
		{[]string{"s3", "cp", "a", "s3://b/k", "--request-payer", "--acl", "private", "--force-glacier-transfer", "--debug", "--no-progress"},
			awsOptions{payer: "requester", acl: "private", archived: true, words: []string{"s3", "cp", "a", "s3://b/k"}}},
	} {
		if got, err := parseAWS(c.words); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%v: %+v, %v", c.words, got, err)
		}
	}
	for _, words := range [][]string{{"s3", "cp", "--dryrun"}, {"--region"}, {"--recursive=yes"}, {"s3", "sync", "--delete"}} {
		if _, err := parseAWS(words); err == nil {
			t.Errorf("%v: not refused", words)
		}
	}
}

func TestCommandsThatThisProgramDoesNotHaveEndWith252(t *testing.T) {
	t.Setenv("AWS_REGION", "us-east-1")
	for _, words := range [][]string{{}, {"s3"}, {"s3", "sync", "a", "s3://b"}, {"s3api", "get-object"}, {"s3", "ls"}, {"s3", "cp", "a"}, {"s3", "cp", "a", "b"},
		{"s3", "cp", "--recursive", "-", "s3://b/k"}, {"s3", "ls", "--recursive", "s3://b"}} {
		if code := runAWS(context.Background(), words); code != awsUsage {
			t.Errorf("%v: %d", words, code)
		}
	}
}

func TestARetryModeThatTheAWSCLIDoesNotHaveIsRefused(t *testing.T) {
	t.Setenv("AWS_REGION", "us-east-1")
	for mode, want := range map[string]int{"legacy": awsNoSource, "standard": awsNoSource, "adaptive": awsNoSource, "fast": awsUsage} {
		t.Setenv("AWS_RETRY_MODE", mode)
		if code := runAWS(context.Background(), []string{"s3", "cp", "/nowhere/file", "s3://b/k"}); code != want {
			t.Errorf("%s: %d", mode, code)
		}
	}
	t.Setenv("AWS_RETRY_MODE", "")
	t.Setenv("AWS_MAX_ATTEMPTS", "often")
	if code := runAWS(context.Background(), []string{"s3", "ls", "s3://b"}); code != awsUsage {
		t.Errorf("%d", code)
	}
}

// answering returns the client of a server, as `aws` has it.
func answering(t *testing.T, answer http.HandlerFunc) *store {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	t.Setenv("AWS_ACCESS_KEY_ID", "id")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	s, err := openStore(context.Background(), "us-east-1", server.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	s.client = s3.New(s.client.Options(), followRegions)
	return s
}

func TestABucketInAnotherRegionIsAskedThere(t *testing.T) {
	var calls []string
	s := answering(t, func(w http.ResponseWriter, r *http.Request) {
		region := strings.Split(r.Header.Get("Authorization"), "/")[2]
		body, _ := io.ReadAll(r.Body)
		calls = append(calls, r.Method+" "+region+" "+string(body))
		w.Header().Set("X-Amz-Bucket-Region", "eu-west-1")
		w.Header().Set("ETag", `"e"`)
		if region != "eu-west-1" {
			w.WriteHeader(http.StatusMovedPermanently)
		}
	})
	c := newCopier(s, awsOptions{quiet: true})
	for range 2 {
		c.report("upload", "-", "s3://b/k", c.send(context.Background(), strings.NewReader("x"), "", location{bucket: "b", key: "k"}))
	}
	if want := []string{"PUT us-east-1 x", "PUT eu-west-1 x", "PUT eu-west-1 x"}; !slices.Equal(calls, want) || c.failed.Load() {
		t.Errorf("%q, failed %v", calls, c.failed.Load())
	}
}

func TestARefusalThatNamesTheRegionOfTheRequestIsFinal(t *testing.T) {
	calls := 0
	s := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		calls++
		w.Header().Set("X-Amz-Bucket-Region", "us-east-1")
		w.WriteHeader(http.StatusForbidden)
	})
	if _, err := s.head(context.Background(), location{bucket: "b", key: "k"}); err == nil || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

func TestTheNumberOfTriesCanBeLimited(t *testing.T) {
	calls := 0
	s := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		calls++
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	s.outage.attempts = 2
	if _, err := s.head(context.Background(), location{bucket: "b", key: "k"}); err == nil || calls != 2 || !strings.Contains(err.Error(), "tried 2 times") {
		t.Errorf("%v after %d calls", err, calls)
	}
}

func TestAnArchivedObjectIsLeftOutUnlessItIsRestoredOrForced(t *testing.T) {
	restored := ""
	s := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amz-Storage-Class", "DEEP_ARCHIVE")
		w.Header().Set("X-Amz-Restore", restored)
		w.Header().Set("ETag", `"e"`)
	})
	target := filepath.Join(t.TempDir(), "out")
	for _, c := range []struct {
		restored string
		forced   bool
		code     int
	}{{"", false, awsSkipped}, {`ongoing-request="true"`, false, awsSkipped}, {`ongoing-request="false", expiry-date="x"`, false, 0}, {"", true, 0}} {
		restored = c.restored
		if code := newCopier(s, awsOptions{quiet: true, archived: c.forced}).copy(context.Background(), "s3://b/k", target); code != c.code {
			t.Errorf("%+v: %d", c, code)
		}
	}
}

func TestTheCertificatesBesideTheProgramAreUsedOnlyByItsAbsolutePath(t *testing.T) {
	folder := t.TempDir()
	t.Chdir(folder)
	if err := os.MkdirAll("etc", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("etc/ca.pem", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		programs []string
		want     string
	}{
		{[]string{"/elsewhere/bin/aws", filepath.Join(folder, "bin/aws")}, filepath.Join(folder, "etc/ca.pem")},
		{[]string{"", "aws", "bin/aws"}, ""}, // the working folder is the job's
	} {
		if got := bundleBeside(c.programs...); got != c.want {
			t.Errorf("%v: %q", c.programs, got)
		}
	}
}

func TestAKeyOfTheAWSCLIIsTakenAsItIs(t *testing.T) {
	if got := place("s3://b/a%20b/*?"); got != (location{bucket: "b", key: "a%20b/*?"}) {
		t.Errorf("%+v", got)
	}
	if got := place("s3://b").folder(); got != (location{bucket: "b"}) {
		t.Errorf("%+v", got)
	}
	if got := place("s3://b/p").folder(); got.key != "p/" {
		t.Errorf("%+v", got)
	}
	if got := copySource(location{bucket: "b", key: "a b/ü+%"}); got != "b/a%20b/%C3%BC%2B%25" {
		t.Errorf("%s", got)
	}
}

func TestAFolderIsWalkedThroughLinksButNotForEver(t *testing.T) {
	top := t.TempDir()
	for _, link := range [][2]string{{"file", "link"}, {"nowhere", "dangling"}, {".", "loop"}} {
		if err := os.Symlink(link[0], filepath.Join(top, link[1])); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"file", "sub/other"} {
		_ = os.MkdirAll(filepath.Dir(filepath.Join(top, name)), 0o755)
		if err := os.WriteFile(filepath.Join(top, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c := newCopier(nil, awsOptions{quiet: true})
	var names []string
	c.walk(top, "", nil, func(_, name string) { names = append(names, name) })
	if want := []string{"file", "link", "sub/other"}; !slices.Equal(names, want) || !c.skipped.Load() {
		t.Errorf("%v, skipped %v", names, c.skipped.Load())
	}
}

func TestAReaderEndsWithItsContext(t *testing.T) {
	input, _, err := os.Pipe() // nobody writes
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := io.ReadAll(untilDone(ctx, input)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
