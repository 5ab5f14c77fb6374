package main

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

// clock is a simulated time for retries. It advances only when everything that waits for it is otherwise idle.
type clock struct {
	mutex    sync.Mutex
	moment   time.Time
	waiting  []chan struct{}
	last     time.Time // when the last waiting request continues
	activity int       // counts events
}

// fakeTime replaces the clock of the retries by a simulated one.
func fakeTime(t *testing.T) *clock {
	c := &clock{moment: time.Unix(1_800_000_000, 0)}
	formerNow, formerBackoff := now, backoff
	now, backoff = c.now, c
	ended := make(chan struct{})
	t.Cleanup(func() { close(ended); now, backoff = formerNow, formerBackoff })
	go func() {
		for before := -1; ; {
			select {
			case <-ended:
				return
			case <-time.After(time.Millisecond):
			}
			c.mutex.Lock()
			if c.activity == before && len(c.waiting) > 0 {
				c.moment = c.last
				for _, each := range c.waiting {
					close(each)
				}
				c.waiting = nil
			}
			before = c.activity
			c.mutex.Unlock()
		}
	}()
	return c
}

func (c *clock) now() time.Time {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.moment
}

func (c *clock) noteActivity() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.activity++
}

// BackoffDelay waits for the SDK's delay in simulated time.
func (c *clock) BackoffDelay(attempt int, err error) (time.Duration, error) {
	delay, err := retry.NewExponentialJitterBackoff(retry.DefaultMaxBackoff).BackoffDelay(attempt, err)
	c.mutex.Lock()
	resume := make(chan struct{})
	c.waiting = append(c.waiting, resume)
	if end := c.moment.Add(delay); end.After(c.last) {
		c.last = end
	}
	c.activity++
	c.mutex.Unlock()
	<-resume
	return 0, err
}

// capturedLog holds the messages of job in a test.
type capturedLog struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (h *capturedLog) Write(text []byte) (int, error) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.text.Write(text)
}

func (h *capturedLog) count(words string) int {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return strings.Count(h.text.String(), words)
}

func captureLog(t *testing.T) *capturedLog {
	h := &capturedLog{}
	former := logWriter
	logWriter = h
	t.Cleanup(func() { logWriter = former })
	return h
}

// bucket is a store that keeps uploads, and fails for some time from a certain request on.
type bucket struct {
	clock *clock
	mutex sync.Mutex

	objects map[string][]byte
	parts   map[string][]byte
	firsts  sync.WaitGroup // all first parts arrive before a second part is processed
	aborted int

	starts func(*http.Request) bool // whether a request starts the outage
	lasts  time.Duration
	resets bool // the store closes connections instead of answering with 503
	began  time.Time
	tries  int // number of requests during the outage
}

func newBucket(c *clock) *bucket {
	return &bucket{clock: c, objects: map[string][]byte{}, parts: map[string][]byte{}}
}

// isOut reports whether a request falls into the outage.
func (b *bucket) isOut(r *http.Request) bool {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.began.IsZero() && b.starts != nil && b.starts(r) {
		b.began = b.clock.now()
	}
	out := !b.began.IsZero() && b.clock.now().Before(b.began.Add(b.lasts))
	if out {
		b.tries++
	}
	return out
}

func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.clock.noteActivity()
	defer b.clock.noteActivity()
	content, _ := io.ReadAll(r.Body)
	if r.URL.Query().Get("partNumber") == "2" {
		b.firsts.Wait()
	}
	if b.isOut(r) {
		if b.resets {
			connection, _, _ := w.(http.Hijacker).Hijack()
			connection.Close()
			return
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte("<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"))
		return
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	query, name := r.URL.Query(), r.URL.Path
	switch {
	case query.Has("uploads"):
		_, _ = w.Write([]byte("<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>"))
	case r.Method == http.MethodDelete:
		b.aborted++
	case query.Has("partNumber"):
		part := name + "?" + query.Get("partNumber")
		if _, again := b.parts[part]; query.Get("partNumber") == "1" && !again {
			b.firsts.Done()
		}
		b.parts[part] = content
		w.Header().Set("ETag", `"e"`)
	case query.Has("uploadId"):
		for number := 1; b.parts[fmt.Sprintf("%s?%d", name, number)] != nil; number++ {
			b.objects[name] = append(b.objects[name], b.parts[fmt.Sprintf("%s?%d", name, number)]...)
		}
		_, _ = w.Write([]byte("<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>"))
	case r.Method == http.MethodPut:
		b.objects[name] = content
		w.Header().Set("ETag", `"e"`)
	case b.objects[name] == nil && name != "/b":
		w.WriteHeader(http.StatusNotFound)
	default:
		w.Header().Set("ETag", fmt.Sprintf(`"%x"`, md5.Sum(b.objects[name])))
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b.objects[name]))
	}
}

// sizeOf returns the size of an output. Only every fourth output is large, because the SHA-256 of many parts takes time.
func sizeOf(i int, size int64) int64 {
	if i%4 > 0 {
		return min(size, 9)
	}
	return size
}

// makeOutputs returns a plan that publishes files, and the working folder with these files.
func makeOutputs(t *testing.T, count int, size int64) (plan, string) {
	work := t.TempDir()
	for i := range count {
		name := filepath.Join(work, fmt.Sprintf("out-%d", i))
		if err := errors.Join(os.WriteFile(name, []byte("ACGT"), 0o600), os.Truncate(name, sizeOf(i, size))); err != nil {
			t.Fatal(err)
		}
	}
	return plan{outputs: []string{"out-*"}, prefix: &location{bucket: "b", key: "to/"}, manifest: location{bucket: "b", key: "to/manifest.json"}}, work
}

func TestAnOutageOfS3IsOutlasted(t *testing.T) {
	defer func(former int64) { partSize = former }(partSize)
	partSize = 5 << 20 // the minimum of the SDK
	for _, lasts := range []time.Duration{2 * time.Second, 8 * time.Second, 30 * time.Second, 2 * time.Minute, 30 * time.Minute} {
		for _, count := range []int{1, 16} {
			for _, resets := range []bool{false, true} {
				for phase, c := range map[string]outageTest{
					"staging in": {size: 9, starts: func(r *http.Request) bool { return r.Method == http.MethodGet }},
					"publishing": {size: 9, starts: func(r *http.Request) bool { return r.Method == http.MethodPut }},
					"in mid multipart": {size: partSize + 9,
						starts: func(r *http.Request) bool { return r.URL.Query().Get("partNumber") == "2" }},
				} {
					c.count, c.lasts, c.resets = count, lasts, resets
					if phase == "staging in" && lasts > stagingRetryTime {
						c.code = exitNetwork
					}
					t.Run(fmt.Sprintf("%s, %s, %d files, resets %v", phase, lasts, count, resets), c.test)
				}
			}
		}
	}
}

type outageTest struct {
	starts func(*http.Request) bool
	lasts  time.Duration
	resets bool
	count  int // of inputs and of outputs
	size   int64
	code   int
}

func (c outageTest) test(t *testing.T) {
	clock, captured := fakeTime(t), captureLog(t)
	s3 := newBucket(clock)
	s3.starts, s3.lasts, s3.resets = c.starts, c.lasts, c.resets
	store := storeAt(t, s3.ServeHTTP)
	asked, work := makeOutputs(t, c.count, c.size)
	if c.size > partSize {
		s3.firsts.Add((c.count + 3) / 4)
	}
	for i := range c.count {
		s3.objects[fmt.Sprintf("/b/in-%d", i)] = []byte("ACGT")
		asked.inputs = append(asked.inputs, location{bucket: "b", key: fmt.Sprintf("in-%d", i)})
	}
	began := clock.now()

	inputs, err := store.find(context.Background(), asked)
	if err == nil {
		err = store.stageIn(context.Background(), asked, inputs, work)
	}
	if err == nil {
		store.outage.startPhase(publishingRetryTime(0))
		err = store.stageOut(context.Background(), asked, work, manifest{}, describe)
	}
	took := clock.now().Sub(began)
	if codeOf(err) != c.code || s3.tries == 0 || s3.aborted > 0 {
		t.Errorf("%v after %s, %d tries in the outage, %d uploads begun anew", err, took, s3.tries, s3.aborted)
	}
	if c.code != 0 {
		if took < stagingRetryTime || took > stagingRetryTime+time.Minute {
			t.Errorf("it ended after %s", took)
		}
		return
	}
	if len(s3.objects["/b/to/manifest.json"]) == 0 || len(s3.objects["/b/to/manifest.record.json"]) == 0 {
		t.Error("it left no manifest or no record")
	}
	for i := range c.count {
		if got := int64(len(s3.objects[fmt.Sprintf("/b/to/out-%d", i)])); got != sizeOf(i, c.size) {
			t.Errorf("output %d has %d bytes", i, got)
		}
	}
	if lines, minutes := captured.count("has not responded successfully"), int(c.lasts.Minutes()); lines > minutes || lines < minutes*3/4-1 {
		t.Errorf("%d lines of log", lines)
	}
}

func TestTwentyFinishedJobsPublishAfterAnOutageOfHalfAnHour(t *testing.T) {
	clock := fakeTime(t)
	captureLog(t)
	s3 := newBucket(clock)
	s3.starts, s3.lasts = func(r *http.Request) bool { return r.Method == http.MethodPut }, 30*time.Minute
	faults := make([]error, 20)
	var jobs sync.WaitGroup
	for i := range faults {
		store := storeAt(t, s3.ServeHTTP)
		store.outage.startPhase(publishingRetryTime(time.Second))
		asked, work := makeOutputs(t, 2, 9)
		asked.prefix.key = fmt.Sprintf("%d/", i)
		asked.manifest.key = asked.prefix.key + "manifest.json"
		jobs.Add(1)
		go func() {
			defer jobs.Done()
			faults[i] = store.stageOut(context.Background(), asked, work, manifest{}, describe)
		}()
	}
	jobs.Wait()
	for i, err := range faults {
		if err != nil || len(s3.objects[fmt.Sprintf("/b/%d/manifest.json", i)]) == 0 {
			t.Errorf("job %d: %v", i, err)
		}
	}
}

func TestPublishingIsRetriedForAsLongAsTheWorkTookButNotPastTheTimeLimit(t *testing.T) {
	for _, c := range []retryTimeTest{
		{work: time.Minute, outage: 30 * time.Minute},
		{work: time.Minute, outage: 40 * time.Minute, ends: 30 * time.Minute},
		{work: time.Hour, outage: 59 * time.Minute},
		{work: time.Hour, outage: 2 * time.Hour, ends: time.Hour},
		{work: time.Minute, limit: 10 * time.Minute, outage: 20 * time.Minute, ends: 8 * time.Minute},
		{work: time.Minute, limit: time.Minute, outage: 20 * time.Minute, ends: 45 * time.Second},
	} {
		t.Run(fmt.Sprintf("%+v", c), c.test)
	}
}

type retryTimeTest struct{ work, limit, outage, ends time.Duration }

func (c retryTimeTest) test(t *testing.T) {
	clock := fakeTime(t)
	captureLog(t)
	s3 := newBucket(clock)
	s3.starts, s3.lasts = func(*http.Request) bool { return true }, c.outage
	store := storeAt(t, s3.ServeHTTP)
	store.outage.lastTry = lastTry(clock.now(), c.limit)
	store.outage.startPhase(publishingRetryTime(c.work))
	began := clock.now()
	asked, work := makeOutputs(t, 1, 9)
	err := store.stageOut(context.Background(), asked, work, manifest{}, describe)
	took := clock.now().Sub(began)
	if c.ends == 0 {
		if err != nil {
			t.Errorf("%v after %s", err, took)
		}
		return
	}
	if codeOf(err) != exitNetwork || took < c.ends || took > c.ends+time.Minute || !strings.Contains(err.Error(), "job retried for") {
		t.Errorf("%v after %s", err, took)
	}
	// After a failure each request is tried once, without a new retry time.
	tries := s3.tries
	if _, err := store.readAll(context.Background(), location{bucket: "b", key: "k"}); err == nil || s3.tries != tries+1 {
		t.Errorf("%v after %d tries more", err, s3.tries-tries)
	}
}

func TestASuccessfulResponseEndsAnOutage(t *testing.T) {
	clock := fakeTime(t)
	captured := captureLog(t)
	began := clock.now()
	answers := 0
	store := storeAt(t, func(w http.ResponseWriter, _ *http.Request) {
		clock.noteActivity()
		if clock.now().Sub(began) < time.Duration(answers+1)*4*time.Minute { // four minutes each
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if answers++; answers == 2 { // a permanent error ends the outage too
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte("<Error><Code>NoSuchKey</Code></Error>"))
		}
	})
	for want := range 3 {
		_, err := store.readAll(context.Background(), location{bucket: "b", key: "k"})
		if isMissing := want == 1; answers != want+1 || isMissing != (err != nil) {
			t.Fatalf("outage %d: %v after %d answers", want, err, answers)
		}
	}
	if captured.count("S3 responds again after") != 3 {
		t.Errorf("it said %s", captured.text.String())
	}
}

func TestPermanentErrorsAreNotRetried(t *testing.T) {
	for _, c := range []struct {
		status int
		code   string
		want   int
	}{
		{http.StatusForbidden, "AccessDenied", exitDenied}, {http.StatusNotFound, "NoSuchBucket", exitNoOutput},
		{http.StatusMovedPermanently, "PermanentRedirect", exitNoOutput}, {http.StatusBadRequest, "InvalidRequest", exitDenied},
		{http.StatusBadRequest, "KMS.DisabledException", exitDenied}, {http.StatusNotImplemented, "NotImplemented", exitDenied},
		{http.StatusBadRequest, "ExpiredToken", exitDenied}, // static credentials cannot be renewed
	} {
		clock := fakeTime(t)
		asked := 0
		store := storeAt(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			asked++
			w.WriteHeader(c.status)
			_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", c.code)
		})
		store.outage.startPhase(publishingRetryTime(0))
		began := clock.now()
		err := store.upload(context.Background(), &object{bucket: "b", Key: "k"}, writeTemp(t, []byte("ACGT")), minStreams)
		if codeOf(err) != c.want || asked != 1 || clock.now() != began {
			t.Errorf("%s: %v after %d requests, want code %d", c.code, err, asked, c.want)
		}
	}
}

func TestTransientErrorsAreRetried(t *testing.T) {
	for code, status := range map[string]int{"SlowDown": 503, "InternalError": 500, "RequestTimeout": 400, "OperationAborted": 409, "": 429, "Proxy": 521} {
		fakeTime(t)
		t.Setenv("AWS_MAX_ATTEMPTS", "2") // a setting for the command, which job ignores
		asked := 0
		store := storeAt(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("ETag", `"e"`)
			if asked++; asked < 10 {
				w.WriteHeader(status)
				_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code></Error>", code)
			}
		})
		if err := store.put(context.Background(), location{bucket: "b", key: "k"}, "{}"); err != nil || asked != 10 {
			t.Errorf("%s: %v after %d requests", code, err, asked)
		}
	}
}

// fakeAgent provides credentials as the ECS agent does.
func fakeAgent(t *testing.T, answer func(asked int) (status int)) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(answer(asked))
		_, _ = fmt.Fprintf(w, `{"AccessKeyId": "key%d", "SecretAccessKey": "s", "Token": "t", "Expiration": "2099-01-01T00:00:00Z"}`, asked)
	}))
	t.Cleanup(server.Close)
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.URL)
}

// storeWithRole returns a store that a handler simulates, for a job whose credentials come from the agent.
func storeWithRole(t *testing.T, handler http.HandlerFunc) *store {
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	for name, value := range map[string]string{"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": "us-east-1", "HOME": t.TempDir(),
		"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""} {
		t.Setenv(name, value)
	}
	store, err := openStore(context.Background(), "", "", "")
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func TestCredentialsThatExpireInAnOutageAreRenewed(t *testing.T) {
	fakeTime(t)
	captureLog(t)
	fakeAgent(t, func(int) int { return http.StatusOK })
	asked := 0
	store := storeWithRole(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("ETag", `"e"`)
		switch asked++; {
		case asked < 30:
			w.WriteHeader(http.StatusServiceUnavailable)
		case strings.Contains(r.Header.Get("Authorization"), "key1/"):
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte("<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>"))
		}
	})
	store.outage.startPhase(publishingRetryTime(0))
	if err := store.put(context.Background(), location{bucket: "b", key: "k"}, "{}"); err != nil || asked != 31 {
		t.Errorf("%v after %d requests", err, asked)
	}
}

func TestAnAgentThatOnlyProvidesExpiredCredentialsIsANetworkFault(t *testing.T) {
	fakeTime(t)
	captureLog(t)
	fakeAgent(t, func(int) int { return http.StatusOK })
	store := storeWithRole(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte("<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>"))
	})
	_, err := store.readAll(context.Background(), location{bucket: "b", key: "k"})
	if codeOf(err) != exitNetwork || !strings.Contains(err.Error(), "only provides expired credentials") {
		t.Error(err)
	}
}

func TestAnOutageOfTheAgentIsOutlasted(t *testing.T) {
	for _, status := range []int{http.StatusTooManyRequests, http.StatusInternalServerError} {
		for until, code := range map[int]int{12: 0, 1000: exitNetwork} {
			clock := fakeTime(t)
			captureLog(t)
			fakeAgent(t, func(asked int) int {
				clock.noteActivity()
				if asked < until {
					return status
				}
				return http.StatusOK
			})
			store := storeWithRole(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ACGT")) })
			content, err := store.readAll(context.Background(), location{bucket: "b", key: "k"})
			if codeOf(err) != code || code == 0 && string(content) != "ACGT" {
				t.Errorf("%d until %d: %q, %v", status, until, content, err)
			}
		}
	}
}

func TestTruncatedContentIsRetriedUntilTheRetryTimeEnds(t *testing.T) {
	defer func(former int64) { partSize = former }(partSize)
	partSize = 8
	whole := "ACGTACGTTTTTGGGGAC"
	for times, code := range map[int]int{20: 0, 10_000: exitNetwork} {
		clock := fakeTime(t)
		captureLog(t)
		var mutex sync.Mutex
		left := times
		store := storeAt(t, func(w http.ResponseWriter, r *http.Request) {
			clock.noteActivity()
			mutex.Lock()
			defer mutex.Unlock()
			if left--; left < 0 {
				http.ServeContent(w, r, "", time.Time{}, strings.NewReader(whole))
				return
			}
			w.Header().Set("Content-Length", "2")
			_, _ = w.Write([]byte("X"))
		})
		began := clock.now()
		target := writeTemp(t, nil)
		err := store.fetch(context.Background(), object{bucket: "b", Key: "k", Size: int64(len(whole))}, target, minStreams)
		if got, _ := os.ReadFile(target); codeOf(err) != code || code == 0 && string(got) != whole {
			t.Errorf("%d times: %v, %q", times, err, got)
		}
		if took := clock.now().Sub(began); code != 0 && took < 5*time.Minute {
			t.Errorf("%d times: it ended after %s", times, took)
		}
	}
}

func TestAnUploadThatWasCompletedWithoutAResponseIsNotLost(t *testing.T) {
	defer func(former int64) { partSize = former }(partSize)
	partSize = 5 << 20
	clock := fakeTime(t)
	captureLog(t)
	s3 := newBucket(clock)
	s3.firsts.Add(1)
	completed := 0
	store := storeAt(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.URL.Query().Has("uploadId") {
			switch completed++; completed {
			case 1: // the upload is completed, but the response is lost
				connection, _, _ := w.(http.Hijacker).Hijack()
				connection.Close()
				return
			case 2:
				w.WriteHeader(http.StatusNotFound)
				_, _ = w.Write([]byte("<Error><Code>NoSuchUpload</Code></Error>"))
				return
			}
		}
		s3.ServeHTTP(w, r)
	})
	output := object{bucket: "b", Key: "k"}
	if err := store.upload(context.Background(), &output, writeTemp(t, make([]byte, partSize+1)), minStreams); err != nil || int64(len(s3.objects["/b/k"])) != partSize+1 {
		t.Errorf("%v, %d bytes", err, len(s3.objects["/b/k"]))
	}
}

func TestASignalEndsAnOutage(t *testing.T) {
	captureLog(t)
	ctx, cancel := context.WithCancel(context.Background())
	store := storeAt(t, func(w http.ResponseWriter, _ *http.Request) {
		cancel()
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	ended := make(chan error)
	go func() {
		_, err := store.readAll(ctx, location{bucket: "b", key: "k"})
		ended <- err
	}()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("it read something")
		}
	case <-time.After(time.Minute): // only a hang takes this long, even on a slow machine
		t.Error("the request has not ended")
	}
}

func TestOneObjectUsesStreamsByVCPUsAndManyShareThem(t *testing.T) {
	for vcpus, want := range map[float64]int{0: 4, 0.25: 4, 1: 4, 1.5: 6, 2: 8, 4: 16, 96: 16} {
		if got := streamsFor(vcpus); got != want {
			t.Errorf("%v vCPUs: %d streams, want %d", vcpus, got, want)
		}
	}
	for objects, want := range map[int]int{0: 16, 1: 16, 4: 16, 8: 8, 16: 4, 5000: 4} {
		if got := (&store{streams: 16}).streamsEach(objects); got != want || got*min(parallelObjects, objects) > 64 {
			t.Errorf("%d objects: %d streams each, want %d", objects, got, want)
		}
	}
}

func TestManyStreamsDownloadAnObjectIntact(t *testing.T) {
	defer func(former int64) { partSize = former }(partSize)
	partSize = 7
	content := bytes.Repeat([]byte("ACGTT"), 1000)
	for _, size := range []int64{0, 1, 6, 7, 8, 14, 4999, 5000} {
		var mutex sync.Mutex
		now, most := 0, 0
		store := storeAt(t, func(w http.ResponseWriter, r *http.Request) {
			mutex.Lock()
			now++
			most = max(most, now)
			mutex.Unlock()
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content[:size]))
			mutex.Lock()
			now--
			mutex.Unlock()
		})
		target := writeTemp(t, nil)
		err := store.fetch(context.Background(), object{bucket: "b", Key: "k", Size: size}, target, maxStreams)
		if got, _ := os.ReadFile(target); err != nil || !bytes.Equal(got, content[:size]) || most > maxStreams {
			t.Errorf("%d bytes: %d arrived, %v, at most %d streams", size, len(got), err, most)
		}
	}
}
