package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"
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
			awsOptions{payer: "requester", acl: "private", words: []string{"s3", "cp", "a", "s3://b/k"}}},
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
