package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func describe([]object) record { return record{} }

func TestAJobIsRecognizedByInputsCommandImageAndVariables(t *testing.T) {
	job := func() manifest {
		return manifest{Image: "i@sha256:0", Command: []string{"a", "b"}, Environment: "e",
			Inputs: []object{{URI: "s3://b/k", Size: 1, ETag: "x", VersionID: "1"}}}
	}
	for name, c := range map[string]struct {
		change func(*manifest)
		same   bool
	}{
		"nothing":                      {func(*manifest) {}, true},
		"job and attempt":              {func(m *manifest) { m.Job, m.Attempt = "j", "2" }, true},
		"the same content again":       {func(m *manifest) { m.Inputs[0].VersionID = "2" }, true},
		"its checksum":                 {func(m *manifest) { m.Inputs[0].SHA256 = "s" }, true},
		"the image":                    {func(m *manifest) { m.Image = "i@sha256:1" }, false},
		"the command":                  {func(m *manifest) { m.Command = []string{"a b"} }, false},
		"the environment":              {func(m *manifest) { m.Environment = "f" }, false},
		"an input's content":           {func(m *manifest) { m.Inputs[0].ETag = "y" }, false},
		"an input's size":              {func(m *manifest) { m.Inputs[0].Size = 2 }, false},
		"an input's place":             {func(m *manifest) { m.Inputs[0].URI = "s3://b/l" }, false},
		"an input more":                {func(m *manifest) { m.Inputs = append(m.Inputs, object{}) }, false},
		"no input where there was one": {func(m *manifest) { m.Inputs = nil }, false},
	} {
		changed := job()
		c.change(&changed)
		if job().isSameJob(changed) != c.same || changed.isSameJob(job()) != c.same {
			t.Errorf("%s: want %v", name, c.same)
		}
	}
}

func TestOnlyVariablesThatAffectTheResultCount(t *testing.T) {
	base := environmentSum([]string{"PLOIDY=1", "SAMPLE=s"})
	for variable, same := range map[string]bool{
		"AWS_BATCH_JOB_ID=4f": true, "ECS_AGENT_URI=u": true, "HOSTNAME=h": true, "JOB_SUBMITTED=1": true, "JOB_INPUTS=s3://b/k": true,
		"JOB_INPUTS_FROM=s3://b/l": true, "JOB_SCRIPT_FROM=s3://b/s": true, "JOB_INPUT_MANIFESTS=m.json": true, "JOB_TEST_INPUTS=1": true, "JOB_MANIFEST=s3://b/m": true,
		"JOB_RESUME=1": true, "JOB_KEEP_ON_FAILURE=*.log": true, "JOB_TIMEOUT_SECONDS=60": true, "JOB_RECORD_VARIABLES=PLOIDY": true, "JOB_IMAGE=i": true, "JOB_TOOL=bwa": true, "JOB_TOOL_VERSION=1": true,
		"JOB_TASKS=s3://b/t": true, "JOB_RUN=r": true, "JOB_STEP=align": true, "JOB_SUBJECT=s": true, "JOB_PART=R1": true, "JOB_WARNINGS=w": true,
		"JOB_OUTPUTS=*": false, "JOB_OUTPUT_PREFIX=s3://b/p": false, "THREADS=2": false, "JOBS=2": false, "JOB_PLOIDY=2": false,
		"AWS_BATCH_JOB_ARRAY_INDEX=1": false, "AWS_BATCH_JOB_ARRAY_SIZE=2": false, "AWS_BATCH_JOB_NODE_INDEX=1": false,
		"AWS_BATCH_JOB_NUM_NODES=2": false,
	} {
		if got := environmentSum([]string{"SAMPLE=s", variable, "PLOIDY=1"}); (got == base) != same {
			t.Errorf("%s: want %v", variable, same)
		}
	}
	if environmentSum([]string{"PLOIDY=2", "SAMPLE=s"}) == base {
		t.Error("another value makes no difference")
	}
	// A job that finished before an upgrade of job must still be recognized.
	const before = "78527dc6c4ce53ce4f655fe9867e178c2f37ae45479e8bfdeebcbc156e849e0b"
	if sum := environmentSum([]string{"PLOIDY=1", "AWS_BATCH_JOB_ID=4f", "JOB_OUTPUTS=*", "JOB_OUTPUT_PREFIX=s3://b/p", "JOB_IMAGE=i", "JOB_TOOL=bwa"}); sum != before {
		t.Errorf("the sum was %s and is %s", before, sum)
	}
}

func TestTheManifestHoldsOnlyTheVariablesThatTheJobNames(t *testing.T) {
	environment := map[string]string{"JOB_RECORD_VARIABLES": " PLOIDY MATES\nEMPTY ", "PLOIDY": "1", "EMPTY": "", "TOKEN": "secret"}
	lookup := func(name string) (string, bool) { value, set := environment[name]; return value, set }
	if got, want := recordedVariables(lookup), map[string]string{"PLOIDY": "1", "EMPTY": ""}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	delete(environment, "JOB_RECORD_VARIABLES")
	if got := recordedVariables(lookup); len(got) > 0 {
		t.Errorf("got %v without the list", got)
	}
}

func TestAJobCountsAsFinishedOnlyWithItsManifestAndUnchangedOutputs(t *testing.T) {
	job := manifest{Image: "i@sha256:0", Command: []string{"true"}, Outputs: []object{{URI: "s3://b/out", Key: "out", Size: 4, ETag: "e"}}}
	text, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	whole := string(text)
	for name, c := range map[string]struct {
		text     string
		status   int // of the output
		etag     string
		finished bool
	}{
		"as they were":              {whole, http.StatusOK, "e", true},
		"an output overwritten":     {whole, http.StatusOK, "f", false},
		"an output deleted":         {whole, http.StatusNotFound, "", false},
		"an output behind a denial": {whole, http.StatusForbidden, "", false}, // deleted, and the role may not list
		"a manifest cut off":        {whole[:len(whole)-9], http.StatusOK, "e", false},
		"a manifest with an end":    {whole + "end", http.StatusOK, "e", false},
		"another kind of manifest":  {`{"outputs": "none"}`, http.StatusOK, "e", false},
		"a list":                    {"[]", http.StatusOK, "e", false},
		"white space":               {" \n", http.StatusOK, "e", false},
	} {
		store := storeAt(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				_, _ = w.Write([]byte(c.text))
				return
			}
			w.Header().Set("ETag", `"`+c.etag+`"`)
			w.Header().Set("Content-Length", "4")
			w.WriteHeader(c.status)
		})
		if finished, err := store.isFinished(context.Background(), location{bucket: "b", key: "manifest.json"}, job); finished != c.finished || err != nil {
			t.Errorf("%s: %v, %v", name, finished, err)
		}
	}
}

// This applies to jobs that resume too.
func TestInputsMustMatchTheirManifests(t *testing.T) {
	for text, code := range map[string]int{
		`{"outputs": [{"uri": "s3://b/in", "size": 4, "etag": "e", "sha256": "s"}]}`: 0,
		`{"outputs": [{"uri": "s3://b/in", "size": 4, "etag": "f", "sha256": "s"}]}`: exitDamaged,
		"":   exitNoInput,
		"[]": exitDamaged,
	} {
		store := storeAt(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"e"`)
			if r.Method == http.MethodGet {
				_, _ = w.Write([]byte(text))
				return
			}
			w.Header().Set("Content-Length", "4")
		})
		found, err := store.find(context.Background(), plan{inputs: []location{{bucket: "b", key: "in"}}, producers: []location{{bucket: "b", key: "m"}}})
		if codeOf(err) != code || code == 0 && found[0].SHA256 != "s" {
			t.Errorf("%s: %v, %v", text, found, err)
		}
	}
}

func TestAnOutputThatCannotBeSearchedForIsAFault(t *testing.T) {
	for name, c := range map[string]struct {
		file, pattern string
		code          int
	}{
		"no fault":                       {"b/out", "*/out", 0},
		"a folder that is not UTF-8":     {"b\xe9/out", "*/out", exitNoOutput},
		"a file that is not UTF-8":       {"b/out\xe9", "*/out*", exitNoOutput},
		"a file outside the pattern":     {"b/tmp\xe9", "*/out", 0},
		"a file instead of a folder":     {"tmp\xe9", "*/out", 0},
		"an unreadable folder":           {"loop", "*/out", exitNoOutput},
		"an unreadable folder elsewhere": {"loop", "a/*", 0},
	} {
		work := t.TempDir()
		for _, file := range []string{"a/out", c.file} {
			file = filepath.Join(work, file)
			var err error
			if filepath.Base(file) == "loop" {
				err = os.Symlink("loop", file) // file modes do not restrict root, which runs the tests in the image build
			} else {
				err = errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, nil, 0o644))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		found, err := findOutputs(plan{outputs: []string{c.pattern}, prefix: &location{bucket: "b"}}, work)
		if codeOf(err) != c.code {
			t.Errorf("%s: %v, %v, want code %d", name, found, err, c.code)
		}
	}
}

func TestASignalDuringTheWriteOfTheManifestStopsTheJob(t *testing.T) {
	defer func(before time.Duration) { cleanupTimeout = before }(cleanupTimeout)
	cleanupTimeout = 100 * time.Millisecond
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	store := storeAt(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		switch {
		case r.Method == http.MethodHead:
			w.WriteHeader(http.StatusNotFound)
		case r.URL.Path == "/b/manifest.json":
			cancel()
			<-r.Context().Done()
		default:
			w.Header().Set("ETag", `"e"`)
		}
	})
	work := filepath.Dir(writeTemp(t, []byte("ACGT")))
	asked := plan{outputs: []string{"file"}, prefix: &location{bucket: "b"}, manifest: location{bucket: "b", key: "manifest.json"}}
	if err := store.stageOut(ctx, asked, work, manifest{}, describe); codeOf(err) != exitStopped {
		t.Errorf("got %v, want code %d", err, exitStopped)
	}
}

func TestTheFilesOfAFailureAreKeptSmallestFirst(t *testing.T) {
	work := t.TempDir()
	for name, size := range map[string]int64{"big.log": 5000, "small.log": 1, "deep/other.log": 10, "a.txt": 3, "record.json": 2, "bad\xe9.log": 1} {
		name = filepath.Join(work, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, nil, 0o644), os.Truncate(name, size)); err != nil {
			t.Fatal(err)
		}
	}
	got := findFilesToKeep([]string{"*.log", "*/*.log", "none", "deep", "*.json", "small*"}, work)
	if want := []string{"small.log", "deep/other.log", "big.log"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestAFailedAttemptPublishesItsFilesAndItsRecord(t *testing.T) {
	asked := plan{keep: []string{"file"}, prefix: &location{bucket: "b", key: "to/"}}
	for name, c := range map[string]struct {
		rec  record
		want []string
	}{
		"a command that failed":  {record{Job: "4f:1", Attempt: "2", WorkSeconds: 1}, []string{"/b/to/failed/4f_1/2/file", "/b/to/failed/4f_1/2/record.json"}},
		"one before the command": {record{Job: "4f", Attempt: "1"}, []string{"/b/to/failed/4f/1/record.json"}},
		"one outside Batch":      {record{WorkSeconds: 1}, nil},
	} {
		captureLog(t)
		var sent []string
		store := storeAt(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			sent = append(sent, r.URL.Path)
			w.Header().Set("ETag", `"e"`)
		})
		store.publishFailure(context.Background(), asked, filepath.Dir(writeTemp(t, []byte("ACGT"))), c.rec)
		if !slices.Equal(sent, c.want) {
			t.Errorf("%s: sent %v, want %v", name, sent, c.want)
		}
	}
	var none *store // as of a job that failed before it opened one
	none.publishFailure(context.Background(), asked, "", record{Job: "4f"})
}

func TestAStoppedAttemptPublishesWhatItCanInAFewSeconds(t *testing.T) {
	defer func(before time.Duration) { cleanupTimeout = before }(cleanupTimeout)
	captureLog(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, answers := range []bool{true, false} {
		cleanupTimeout = map[bool]time.Duration{true: time.Minute, false: 100 * time.Millisecond}[answers]
		sent := 0
		ended := make(chan struct{})
		store := storeAt(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			if w.Header().Set("ETag", `"e"`); !answers {
				<-ended
				return
			}
			sent++
		})
		asked := plan{keep: []string{"file"}, prefix: &location{bucket: "b", key: "to/"}}
		store.publishFailure(ctx, asked, filepath.Dir(writeTemp(t, []byte("ACGT"))), record{Job: "4f", Attempt: "1", WorkSeconds: 1})
		if close(ended); answers && sent != 2 {
			t.Errorf("sent %d", sent)
		}
	}
}
