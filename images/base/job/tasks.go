package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
)

// tasksVariable names the object with the variables of each child of an array job: a JSON object on each line, in the order of the index.
const tasksVariable = "JOB_TASKS"

// longestTask is the longest line of JOB_TASKS with its line feed, in bytes. The first request reads as much.
const longestTask = 64 << 10

const remedyOfTasks = "Write one JSON object of strings on each line, and pad all lines with spaces to one length of at most 65,536 bytes"

// setTask sets the variables that JOB_TASKS holds for this child of an array, for job itself and for the command. They override the
// environment. It returns the store that it opened, or nil without JOB_TASKS.
func setTask(ctx context.Context, started time.Time, getenv func(string) string, setenv func(name, value string) error) (*store, error) {
	uri := strings.TrimSpace(getenv(tasksVariable))
	if uri == "" {
		return nil, nil
	}
	list, err := parseObject(tasksVariable, uri)
	if err != nil {
		return nil, err
	}
	index, err := taskIndex(getenv)
	if err != nil {
		return nil, err
	}
	limit, err := parseTimeout(strings.TrimSpace(getenv("JOB_TIMEOUT_SECONDS")))
	if err != nil {
		return nil, err
	}
	store, err := openStore(ctx, "", "", "")
	if err != nil {
		return nil, err
	}
	store.outage.lastTry = lastTry(started, limit)
	line, err := store.readTask(ctx, *list, index)
	if err != nil {
		return store, err
	}
	variables, err := parseTask(line)
	if err != nil {
		return store, faultf(exitUsage, "%s: line %d of %s %v", tasksVariable, index+1, list, err)
	}
	for name, value := range variables {
		if err := setenv(name, *value); err != nil {
			return store, faultf(exitUsage, "%s: line %d of %s: %q cannot be a variable (%v). Remove = and NUL characters", tasksVariable, index+1, list, name, rootCause(err))
		}
	}
	return store, nil
}

// taskIndex returns the index of this child, 0 for a job that is not of an array.
func taskIndex(getenv func(string) string) (int64, error) {
	text := getenv(arrayIndex)
	if text == "" {
		return 0, nil
	}
	index, err := strconv.ParseInt(text, 10, 32)
	if err != nil || index < 0 {
		return 0, faultf(exitUsage, "%s: %q is not an index of 0 or more. Leave it to Batch", arrayIndex, text)
	}
	return index, nil
}

// readTask returns a line of the object without reading all of it. All lines have the length of the first.
func (s *store) readTask(ctx context.Context, list location, index int64) ([]byte, error) {
	start, size, etag, err := s.readRange(ctx, list, 0, longestTask, nil)
	if err != nil {
		return nil, err
	}
	length := int64(bytes.IndexByte(start, '\n') + 1)
	switch lines := size / max(length, 1); {
	case length == 0:
		return nil, faultf(exitUsage, "%s: %s has no line feed in its first %d bytes. %s", tasksVariable, list, len(start), remedyOfTasks)
	case size%length != 0:
		return nil, faultf(exitUsage, "%s: %s has %d bytes, which is not a multiple of its first line's %d. %s", tasksVariable, list, size, length, remedyOfTasks)
	case index >= lines:
		return nil, faultf(exitUsage, "%s: %s has %d lines, and the job has index %d. Submit an array of at most %d jobs", tasksVariable, list, lines, index, lines)
	}
	line := start
	if first := index * length; first+length <= int64(len(start)) {
		line = start[first : first+length]
	} else if line, _, _, err = s.readRange(ctx, list, first, length, etag); err != nil {
		return nil, err
	}
	if end := int64(bytes.IndexByte(line, '\n') + 1); end != length || int64(len(line)) != length {
		return nil, faultf(exitUsage, "%s: line %d of %s does not have the length of the first line, %d bytes. %s", tasksVariable, index+1, list, length, remedyOfTasks)
	}
	return line, nil
}

// readRange reads part of an object, as much as there is. It returns the size and the ETag of the whole object too.
func (s *store) readRange(ctx context.Context, l location, start, length int64, etag *string) ([]byte, int64, *string, error) {
	var content bytes.Buffer
	request := &s3.GetObjectInput{Bucket: &l.bucket, Key: &l.key, IfMatch: etag, Range: aws.String(fmt.Sprintf("bytes=%d-%d", start, start+length-1))}
	answer, err := s.client.GetObject(ctx, request, readInto(func() io.Writer {
		content.Reset()
		return &content
	}))
	var refusal smithy.APIError
	if errors.As(err, &refusal) && refusal.ErrorCode() == "InvalidRange" || statusOf(err) == http.StatusRequestedRangeNotSatisfiable {
		return nil, 0, nil, nil // the object is empty
	}
	if err != nil {
		return nil, 0, nil, explain("read", l, err)
	}
	size := int64(content.Len())
	if _, total, found := strings.Cut(aws.ToString(answer.ContentRange), "/"); found {
		if size, err = strconv.ParseInt(total, 10, 64); err != nil {
			return nil, 0, nil, faultf(exitIO, "cannot read %s: S3 answers with the range %q", l, *answer.ContentRange)
		}
	}
	return content.Bytes(), size, answer.ETag, nil
}

// parseTask reads the variables of a line. Its errors continue a sentence about the line.
func parseTask(line []byte) (map[string]*string, error) {
	var variables map[string]*string
	err := json.Unmarshal(line, &variables)
	if err == nil && variables == nil {
		err = errors.New("it is null")
	}
	if err != nil {
		return nil, fmt.Errorf("is not a JSON object of strings (%v). %s", err, remedyOfTasks)
	}
	for name, value := range variables {
		switch {
		case value == nil:
			return nil, fmt.Errorf("sets %s to null. Write a string", name)
		case name == tasksVariable:
			return nil, fmt.Errorf("sets %s, which names the object itself. Remove it from the line", name)
		case strings.HasPrefix(name, "AWS_"), strings.HasPrefix(name, "ECS_"):
			return nil, fmt.Errorf("sets %s. The names AWS_… and ECS_… belong to AWS. Remove it from the line", name)
		}
	}
	return variables, nil
}
