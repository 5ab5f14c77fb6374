package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// tasks is an object of S3 that notes which ranges are read.
type tasks struct {
	mutex  sync.Mutex
	text   string
	ranges []string
	before func(requests int, t *tasks) (status int) // called before each answer; 0: an ordinary answer
}

func (o *tasks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.ranges = append(o.ranges, r.Header.Get("Range"))
	if o.before != nil {
		if status := o.before(len(o.ranges), o); status != 0 {
			w.WriteHeader(status)
			return
		}
	}
	w.Header().Set("ETag", fmt.Sprintf(`"%x"`, len(o.text)))
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(o.text))
}

// task returns the variables that a job with these variables gets from the object.
func (o *tasks) task(t *testing.T, variables map[string]string) (map[string]string, error) {
	t.Helper()
	storeAt(t, o.ServeHTTP) // sets the endpoint
	environment := map[string]string{"JOB_TASKS": " s3://b/run/align.jsonl\n"}
	maps.Copy(environment, variables)
	_, err := setTask(context.Background(), time.Now(), func(name string) string { return environment[name] }, func(name, value string) error {
		if name == "" || strings.Contains(name, "=") {
			return errors.New("invalid argument")
		}
		environment[name] = value
		return nil
	})
	return environment, err
}

func index(number int) map[string]string {
	return map[string]string{arrayIndex: fmt.Sprint(number)}
}

// padded returns lines of equal length.
func padded(length int, lines ...string) string {
	var text strings.Builder
	for _, line := range lines {
		text.WriteString(line + strings.Repeat(" ", length-1-len(line)) + "\n")
	}
	return text.String()
}

func TestEachChildReadsItsOwnLineByRange(t *testing.T) {
	for length, second := range map[int]string{
		40:          "",
		20_000:      "",
		22_000:      "bytes=44000-65999",
		longestTask: "bytes=131072-196607",
	} {
		object := &tasks{text: padded(length, `{"SAMPLE": "a"}`, `{"SAMPLE": "b"}`, `{"SAMPLE": "c", "EMPTY": ""}`, `{}`)}
		got, err := object.task(t, map[string]string{arrayIndex: "2", "SAMPLE": "x", "EMPTY": "full", "OTHER": "stays"})
		if err != nil || got["SAMPLE"] != "c" || got["EMPTY"] != "" || got["OTHER"] != "stays" {
			t.Errorf("lines of %d bytes: %v, %v", length, got, err)
		}
		want := []string{"bytes=0-65535", second}
		if second == "" {
			want = want[:1]
		}
		if !slices.Equal(object.ranges, want) {
			t.Errorf("lines of %d bytes: %v, want %v", length, object.ranges, want)
		}
	}
}

func TestAJobThatIsNoArrayReadsTheFirstLine(t *testing.T) {
	object := &tasks{text: padded(40, `{"SAMPLE": "a"}`, `{"SAMPLE": "b"}`)}
	if got, err := object.task(t, nil); err != nil || got["SAMPLE"] != "a" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestWithoutJobTasksNothingIsRead(t *testing.T) {
	store, err := setTask(context.Background(), time.Now(), func(string) string { return "" }, nil)
	if store != nil || err != nil {
		t.Errorf("%v, %v", store, err)
	}
}

func TestMalformedTasksAreRefusedByNameAndRemedy(t *testing.T) {
	one := func(line string) string { return line + "\n" }
	for name, c := range map[string]struct {
		text      string
		variables map[string]string
		words     string
	}{
		"an empty object":       {"", nil, "has no line feed in its first 0 bytes. Write one JSON object"},
		"no line feed":          {`{"A": "1"}`, nil, "no line feed in its first 10 bytes"},
		"a line that is longer": {strings.Repeat(" ", longestTask) + "\n", nil, "no line feed in its first 65536 bytes"},
		"a shorter line":        {padded(20, "{}", "{}") + "{}\n", nil, "has 43 bytes, which is not a multiple of its first line's 20"},
		"uneven lines":          {padded(20, "{}") + padded(10, "{}") + padded(30, "{}"), index(1), "line 2 of s3://b/run/align.jsonl does not have the length of the first line, 20 bytes"},
		"uneven lines far away": {padded(longestTask, "{}") + padded(10, "{}") + padded(longestTask-10, "{}"), index(1), "line 2 of"},
		"an index outside":      {padded(20, "{}", "{}"), index(2), "has 2 lines, and the job has index 2. Submit an array of at most 2 jobs"},
		"another index":         {padded(20, "{}"), map[string]string{arrayIndex: "one"}, `AWS_BATCH_JOB_ARRAY_INDEX: "one" is not an index`},
		"no JSON":               {one("SAMPLE=a"), nil, "line 1 of s3://b/run/align.jsonl is not a JSON object of strings"},
		"a list":                {one(`["a"]`), nil, "is not a JSON object of strings"},
		"null":                  {one("null"), nil, "is not a JSON object of strings (it is null)"},
		"two objects":           {one("{} {}"), nil, "is not a JSON object of strings"},
		"a number":              {one(`{"A": 1}`), nil, "is not a JSON object of strings"},
		"a null":                {one(`{"A": null}`), nil, "sets A to null. Write a string"},
		"itself":                {one(`{"JOB_TASKS": "s3://b/k"}`), nil, "sets JOB_TASKS, which names the object itself. Remove it"},
		"a variable of AWS":     {one(`{"AWS_REGION": "r"}`), nil, "sets AWS_REGION. The names AWS_… and ECS_… belong to AWS. Remove it"},
		"a variable of ECS":     {one(`{"ECS_AGENT_URI": "u"}`), nil, "sets ECS_AGENT_URI"},
		"an impossible name":    {one(`{"A=B": "c"}`), nil, `"A=B" cannot be a variable`},
		"no URI":                {"", map[string]string{"JOB_TASKS": "align.jsonl"}, `JOB_TASKS: "align.jsonl" is not the URI of one object`},
		"a pattern":             {"", map[string]string{"JOB_TASKS": "s3://b/*.jsonl"}, "is not the URI of one object"},
		"a false time limit":    {"", map[string]string{"JOB_TIMEOUT_SECONDS": "soon"}, "JOB_TIMEOUT_SECONDS"},
	} {
		object := &tasks{text: c.text}
		_, err := object.task(t, c.variables)
		if codeOf(err) != exitUsage || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %v, want %q", name, err, c.words)
		} else if variable := "JOB_TASKS"; len(object.ranges) > 0 && !strings.HasPrefix(err.Error(), variable) {
			t.Errorf("%s: %v does not name %s", name, err, variable)
		}
	}
}

func TestAMissingListOfTasksIsAMissingInput(t *testing.T) {
	object := &tasks{before: func(int, *tasks) int { return http.StatusNotFound }}
	if _, err := object.task(t, nil); codeOf(err) != exitNoInput {
		t.Errorf("%v", err)
	}
}

func TestAListThatIsOverwrittenBetweenTheTwoReadsIsRefused(t *testing.T) {
	object := &tasks{text: padded(longestTask, "{}", "{}"), before: func(requests int, o *tasks) int {
		if requests == 2 {
			o.text += padded(longestTask, "{}")
		}
		return 0
	}}
	if _, err := object.task(t, index(1)); codeOf(err) != exitDamaged {
		t.Errorf("%v", err)
	}
}

func TestAnOutageOfS3DoesNotLoseTheTask(t *testing.T) {
	fakeTime(t)
	captureLog(t)
	object := &tasks{text: padded(longestTask, "{}", `{"SAMPLE": "b"}`), before: func(requests int, _ *tasks) int {
		if requests%4 != 0 {
			return http.StatusServiceUnavailable
		}
		return 0
	}}
	if got, err := object.task(t, index(1)); err != nil || got["SAMPLE"] != "b" || len(object.ranges) != 8 {
		t.Errorf("%v, %v after %d requests", got["SAMPLE"], err, len(object.ranges))
	}
	object = &tasks{before: func(int, *tasks) int { return http.StatusServiceUnavailable }}
	if _, err := object.task(t, nil); codeOf(err) != exitNetwork || len(object.ranges) < 10 {
		t.Errorf("%v after %d requests", err, len(object.ranges))
	}
	// The simulated time is after the last moment at which a try may begin.
	object.ranges = nil
	if _, err := object.task(t, map[string]string{"JOB_TIMEOUT_SECONDS": "60"}); codeOf(err) != exitNetwork || len(object.ranges) != 1 {
		t.Errorf("%v after %d requests", err, len(object.ranges))
	}
}

func TestAServerThatIgnoresRangesIsUnderstood(t *testing.T) {
	text := padded(40_000, "{}", "{}", `{"SAMPLE": "c"}`)
	whole := storeAt(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) })
	line, err := whole.readTask(context.Background(), location{bucket: "b", key: "k"}, 2)
	if err != nil || !bytes.HasPrefix(line, []byte(`{"SAMPLE": "c"}`)) {
		t.Errorf("%.30s, %v", line, err)
	}
}

func TestTheSameLineAtAnotherIndexIsTheSameJob(t *testing.T) {
	variables := func(index, size, tasks string) []string {
		return []string{"SAMPLE=a", arrayIndex + "=" + index, arraySize + "=" + size, tasksVariable + "=" + tasks}
	}
	alone := environmentSum([]string{"SAMPLE=a"})
	if first := environmentSum(variables("7", "10", "s3://b/1.jsonl")); first != environmentSum(variables("0", "2", "s3://b/2.jsonl")) || first != alone {
		t.Error("the index counts, although JOB_TASKS is set")
	}
	if environmentSum(variables("0", "2", " ")) == environmentSum(variables("1", "2", " ")) {
		t.Error("the index does not count, although JOB_TASKS is empty")
	}
}
