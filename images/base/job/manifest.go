package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"
)

// manifest says what a finished job made, of what and how. It is written last: what has none, or an empty one, is no result.
type manifest struct {
	Job         string    `json:"job,omitempty"`
	Attempt     string    `json:"attempt,omitempty"`
	Finished    time.Time `json:"finished"`
	Image       string    `json:"image,omitempty"` // by digest
	Command     []string  `json:"command"`
	Environment string    `json:"environment_sha256"`
	Inputs      []object  `json:"inputs"`
	Outputs     []object  `json:"outputs"`
}

// isOf tells whether the manifest is of a job that would do the same: the same content in, through the same command in the same
// image with the same variables. A version's id does not count: the same content may have been written once more.
func (m manifest) isOf(other manifest) bool {
	same := func(a, b object) bool { return a.URI == b.URI && a.Size == b.Size && a.ETag == b.ETag }
	return m.Image == other.Image && m.Environment == other.Environment && slices.Equal(m.Command, other.Command) &&
		slices.EqualFunc(m.Inputs, other.Inputs, same)
}

// environmentSum stands for the variables that a result may depend on: all but those of AWS and of the container, less those that
// tell a job its share, and those of job that do not bear on it. A sum, since a variable may hold a secret.
func environmentSum(variables []string) string {
	var kept []string
	for _, variable := range variables {
		name, _, _ := strings.Cut(variable, "=")
		foreign := name == "HOSTNAME" || strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "ECS_")
		if slices.Contains(shares, name) || !foreign && !slices.Contains(ignoredVariables, name) {
			kept = append(kept, variable)
		}
	}
	sort.Strings(kept)
	sum := sha256.Sum256([]byte(strings.Join(kept, "\x00")))
	return hex.EncodeToString(sum[:])
}

// shares are all that children of an array job, or nodes of one of several, may differ in.
var shares = []string{"AWS_BATCH_JOB_ARRAY_INDEX", "AWS_BATCH_JOB_ARRAY_SIZE", "AWS_BATCH_JOB_NODE_INDEX", "AWS_BATCH_JOB_NUM_NODES"}

// ignoredVariables are those of job itself on which no result depends: they say how the work is done, or the manifest names what they
// say. Other variables whose names begin with JOB_ belong to the command.
var ignoredVariables = []string{"JOB_INPUTS", "JOB_INPUTS_FROM", "JOB_INPUT_MANIFESTS", "JOB_TEST_INPUTS", "JOB_MANIFEST", "JOB_RESUME",
	"JOB_KEEP_ON_FAILURE", "JOB_TIMEOUT_SECONDS", "JOB_IMAGE", "JOB_SUBMITTED", "JOB_TOOL", "JOB_TOOL_VERSION"}

// readManifest returns nil if there is none, or an empty one.
func (s *store) readManifest(ctx context.Context, l location) (*manifest, error) {
	text, err := s.readAll(ctx, l)
	var f fault
	if errors.As(err, &f) && f.code == exitNoInput || err == nil && len(text) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var m manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, faultf(exitDamaged, "%s is no manifest: %v", l, err)
	}
	return &m, nil
}

// isFinished tells whether this very job has been done, and its outputs are still there as it left them.
func (s *store) isFinished(ctx context.Context, l location, job manifest) (bool, error) {
	found, err := s.readManifest(ctx, l)
	var f fault
	switch errors.As(err, &f); f.code {
	case exitDenied: // as a role that may not list is told of what does not exist
		return false, nil
	case exitDamaged: // of another shape, or broken: this run's takes its place
		say("once more: %v", err)
		return false, nil
	}
	if found == nil || err != nil || !found.isOf(job) {
		return false, err
	}
	err = sideBySide(ctx, files, len(found.Outputs), func(ctx context.Context, i int) error {
		output := found.Outputs[i]
		bucket, _, _ := strings.Cut(strings.TrimPrefix(output.URI, "s3://"), "/")
		now, err := s.head(ctx, location{bucket: bucket, key: output.Key})
		if err == nil && (now.Size != output.Size || now.ETag != output.ETag) {
			err = faultf(exitNoInput, "%s was overwritten since", output.URI)
		}
		return err
	})
	switch {
	case err == nil:
		say("done before: %s names the same inputs, command, image and variables, and its outputs are as it left them", l)
		return true, nil
	case errors.As(err, &f) && (f.code == exitNoInput || f.code == exitDenied):
		say("once more, though %s says that it was done: %v", l, err)
		return false, nil
	}
	return false, err
}

// agree holds inputs against the manifest of the job that made them: what has none is no result, and what was overwritten since
// is another. Their SHA-256 is known from then on.
func (s *store) agree(ctx context.Context, inputs []object, l location) error {
	made, err := s.readManifest(ctx, l)
	if err != nil {
		return err
	}
	if made == nil {
		return faultf(exitNoInput, "%s does not exist or is empty: what it would name is no result", l)
	}
	outputs := map[string]object{}
	for _, output := range made.Outputs {
		outputs[output.URI] = output
	}
	for i, input := range inputs {
		output, named := outputs[input.URI]
		if !named {
			continue
		}
		if output.Size != input.Size || output.ETag != input.ETag {
			return faultf(exitDamaged, "input %s is not what %s names: it was overwritten since", input.location(), l)
		}
		inputs[i].SHA256 = output.SHA256
	}
	return nil
}

// stageOut publishes every file that an output pattern matches, then the record, then the manifest. A pattern that matches nothing is
// a failure before anything is published. describe makes the record when the outputs are there.
func (s *store) stageOut(ctx context.Context, p plan, work string, made manifest, describe func([]object) record) error {
	outputs, err := findOutputs(p, work)
	if err != nil {
		return err
	}
	if err := s.withdraw(ctx, p.manifest); err != nil {
		return err
	}
	streams := s.streamsEach(len(outputs))
	err = sideBySide(ctx, files, len(outputs), func(ctx context.Context, i int) error {
		return s.upload(ctx, &outputs[i], filepath.Join(work, strings.TrimPrefix(outputs[i].Key, p.prefix.key)), streams)
	})
	if err != nil {
		return err
	}
	rec, err := json.Marshal(describe(outputs))
	if err != nil {
		return err
	}
	if err := s.put(ctx, p.record(), string(rec)+"\n"); err != nil { // the manifest alone makes the result
		say("the record was not stored: %v", err)
	}
	made.Finished, made.Outputs = time.Now().UTC().Truncate(time.Second), outputs
	text, err := json.MarshalIndent(made, "", "  ")
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	// Everything is there: a signal that comes now must not leave it open whether the manifest is.
	last, cancel := pastTheEnd(ctx)
	defer cancel()
	err = s.put(last, p.manifest, string(text))
	if err != nil && ctx.Err() != nil {
		err = faultf(exitStopped, "stopped by a signal while the manifest was written: if %s is there, so is the whole result", p.manifest)
	}
	return err
}

// leave publishes what explains a failure: the files that the patterns of JOB_KEEP_ON_FAILURE match, the smallest first, then the
// record. Nothing that goes wrong here changes how the job ends. After a signal it takes cleanupTimeout at most.
func (s *store) leave(ctx context.Context, p plan, work string, rec record) {
	if s == nil || p.prefix == nil || rec.Job == "" {
		return
	}
	ctx, cancel := pastTheEnd(ctx)
	defer cancel()
	folder := p.failed(rec.Job, rec.Attempt)
	var kept []string
	if rec.WorkSeconds > 0 { // else there is no more than inputs
		kept = findKept(p.keep, work)
	}
	streams := s.streamsEach(len(kept))
	faults := make([]error, len(kept))
	_ = sideBySide(ctx, files, len(kept), func(ctx context.Context, i int) error {
		key := folder.key + kept[i]
		output := object{URI: location{bucket: folder.bucket, key: key}.String(), Key: key, bucket: folder.bucket}
		faults[i] = s.upload(ctx, &output, filepath.Join(work, kept[i]), streams)
		return nil
	})
	if faults = slices.DeleteFunc(faults, func(err error) bool { return err == nil }); len(faults) > 0 {
		say("%d of %d files of the failed attempt were not kept: %v", len(faults), len(kept), faults[0])
	} else if len(kept) > 0 {
		say("kept %d files of the failed attempt in %s", len(kept), folder)
	}
	text, err := json.Marshal(rec)
	if err == nil {
		err = s.put(ctx, location{bucket: folder.bucket, key: folder.key + recordName}, string(text)+"\n")
	}
	if err != nil {
		say("the record was not stored: %v", err)
	}
}

const recordName = "record.json"

// withdraw empties the manifest of an earlier run, whose outputs are about to be overwritten: it would stand over a mixture. A role
// that may not list is told "forbidden" of what does not exist, and empties it to be sure.
func (s *store) withdraw(ctx context.Context, l location) error {
	before, err := s.head(ctx, l)
	var f fault
	switch {
	case err == nil && before.Size == 0, errors.As(err, &f) && f.code == exitNoInput:
		return nil
	case err == nil, f.code == exitDenied:
		return s.put(ctx, l, "")
	}
	return err
}

// searched is a folder in which fs.Glob passes over nothing without a word: it reads those that are not named in UTF-8, as os.DirFS
// does not, and remembers which it could not read.
type searched struct {
	fs.StatFS
	root  string
	fault error
}

func (s *searched) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := os.ReadDir(filepath.Join(s.root, name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) { // a pattern's folder may be a file
		s.fault = err
	}
	return entries, err
}

// findKept returns the names of the files that patterns match, the smallest first: what explains a failure is most often a log, and a
// machine that shuts down leaves little time. What cannot be kept is passed over.
func findKept(patterns []string, work string) []string {
	sizes := map[string]int64{}
	for _, pattern := range patterns {
		matches, _ := fs.Glob(&searched{StatFS: os.DirFS(work).(fs.StatFS), root: work}, pattern)
		for _, name := range matches {
			info, err := os.Stat(filepath.Join(work, name))
			if err == nil && info.Mode().IsRegular() && utf8.ValidString(name) && name != recordName {
				sizes[name] = info.Size()
			}
		}
	}
	return slices.SortedFunc(maps.Keys(sizes), func(a, b string) int {
		return cmp.Or(cmp.Compare(sizes[a], sizes[b]), strings.Compare(a, b))
	})
}

func findOutputs(p plan, work string) ([]object, error) {
	names := map[string]bool{}
	folder := &searched{StatFS: os.DirFS(work).(fs.StatFS), root: work}
	for _, pattern := range p.outputs {
		matches, err := fs.Glob(folder, pattern)
		if folder.fault != nil {
			return nil, faultf(exitNoOutput, "the output pattern %q cannot be looked for: %v; nothing was published", pattern, folder.fault)
		}
		if err != nil || len(matches) == 0 {
			return nil, faultf(exitNoOutput, "the output pattern %q matches no file; nothing was published", pattern)
		}
		for _, name := range matches {
			if info, err := os.Stat(filepath.Join(work, name)); err != nil || !info.Mode().IsRegular() {
				return nil, faultf(exitNoOutput, "output %q is not a file (for a folder write %s/*); nothing was published", name, name)
			}
			if !utf8.ValidString(name) {
				return nil, faultf(exitNoOutput, "output %q has a name that is not UTF-8, as keys are; nothing was published", name)
			}
			names[name] = true
		}
	}
	outputs := []object{}
	for name := range names {
		key := p.prefix.key + name
		if place := (location{bucket: p.prefix.bucket, key: key}); place == p.manifest || place == p.record() {
			return nil, faultf(exitNoOutput, "output %q is where the manifest or the record goes: name another place by JOB_MANIFEST; nothing was published", name)
		}
		outputs = append(outputs, object{URI: location{bucket: p.prefix.bucket, key: key}.String(), Key: key, bucket: p.prefix.bucket})
	}
	sort.Slice(outputs, func(i, j int) bool { return outputs[i].Key < outputs[j].Key })
	return outputs, nil
}
