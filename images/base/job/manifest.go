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

// manifest describes the outputs of a finished job, its inputs and how it ran. job writes it last. Outputs are incomplete until a
// non-empty manifest exists.
type manifest struct {
	Job         string            `json:"job,omitempty"`
	Attempt     string            `json:"attempt,omitempty"`
	Finished    time.Time         `json:"finished"`
	Image       string            `json:"image,omitempty"` // by digest
	Command     []string          `json:"command"`
	Variables   map[string]string `json:"variables,omitempty"` // those that JOB_RECORD_VARIABLES names
	Environment string            `json:"environment_sha256"`
	Inputs      []object          `json:"inputs"`
	Outputs     []object          `json:"outputs"`
}

// recordedVariables returns the values of the variables that JOB_RECORD_VARIABLES names. The others may hold secrets.
func recordedVariables(lookup func(string) (string, bool)) map[string]string {
	values := map[string]string{}
	names, _ := lookup("JOB_RECORD_VARIABLES")
	for _, name := range strings.Fields(names) {
		if value, set := lookup(name); set {
			values[name] = value
		}
	}
	return values
}

// isSameJob reports whether two manifests describe the same work: the same input content, command, image and variables. The version id
// of an object does not count, because the same content may have been uploaded again.
func (m manifest) isSameJob(other manifest) bool {
	same := func(a, b object) bool { return a.URI == b.URI && a.Size == b.Size && a.ETag == b.ETag }
	return m.Image == other.Image && m.Environment == other.Environment && slices.Equal(m.Command, other.Command) &&
		slices.EqualFunc(m.Inputs, other.Inputs, same)
}

// environmentSum returns a hash of the variables that a result may depend on. It leaves out the variables of AWS and of the container,
// except arrayVariables, and it leaves out ignoredVariables. It is a hash because a variable may hold a secret.
func environmentSum(variables []string) string {
	// With JOB_TASKS, the index only says which line is the job's. The same line at another index, as in an array that holds what an
	// earlier array left unfinished, describes the same job.
	hasTask := slices.ContainsFunc(variables, func(variable string) bool {
		name, value, _ := strings.Cut(variable, "=")
		return name == tasksVariable && strings.TrimSpace(value) != ""
	})
	var kept []string
	for _, variable := range variables {
		name, _, _ := strings.Cut(variable, "=")
		foreign := name == "HOSTNAME" || strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "ECS_")
		distinguishes := slices.Contains(arrayVariables, name) && !(hasTask && (name == arrayIndex || name == arraySize))
		if distinguishes || !foreign && !slices.Contains(ignoredVariables, name) {
			kept = append(kept, variable)
		}
	}
	sort.Strings(kept)
	sum := sha256.Sum256([]byte(strings.Join(kept, "\x00")))
	return hex.EncodeToString(sum[:])
}

// arrayVariables distinguish the children of an array job, or the nodes of a multi-node job.
var arrayVariables = []string{arrayIndex, arraySize, "AWS_BATCH_JOB_NODE_INDEX", "AWS_BATCH_JOB_NUM_NODES"}

const (
	arrayIndex = "AWS_BATCH_JOB_ARRAY_INDEX"
	arraySize  = "AWS_BATCH_JOB_ARRAY_SIZE"
)

// ignoredVariables are the variables of job that do not affect a result, or whose meaning the manifest records otherwise. Other variables
// that begin with JOB_ belong to the command.
var ignoredVariables = []string{"JOB_INPUTS", "JOB_INPUTS_FROM", "JOB_SCRIPT_FROM", "JOB_INPUT_MANIFESTS", "JOB_TEST_INPUTS", "JOB_MANIFEST", "JOB_RESUME",
	"JOB_KEEP_ON_FAILURE", "JOB_TIMEOUT_SECONDS", "JOB_IMAGE", "JOB_SUBMITTED", "JOB_RECORD_VARIABLES", "JOB_TOOL", "JOB_TOOL_VERSION",
	tasksVariable, "JOB_RUN", "JOB_STEP", "JOB_SUBJECT", "JOB_PART", "JOB_WARNINGS"}

// readManifest returns nil if the manifest does not exist or is empty.
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
		return nil, faultf(exitDamaged, "%s is not a manifest: %v", l, err)
	}
	return &m, nil
}

// isFinished reports whether the same job has finished before and its outputs are unchanged.
func (s *store) isFinished(ctx context.Context, l location, job manifest) (bool, error) {
	found, err := s.readManifest(ctx, l)
	var f fault
	switch errors.As(err, &f); f.code {
	case exitDenied: // the answer for a missing object if the role may not list
		return false, nil
	case exitDamaged: // another format, or damaged: this run replaces it
		logf("running the job: %v", err)
		return false, nil
	}
	if found == nil || err != nil || !found.isSameJob(job) {
		return false, err
	}
	err = inParallel(ctx, parallelObjects, len(found.Outputs), func(ctx context.Context, i int) error {
		output := found.Outputs[i]
		bucket, _, _ := strings.Cut(strings.TrimPrefix(output.URI, "s3://"), "/")
		now, err := s.head(ctx, location{bucket: bucket, key: output.Key})
		if err == nil && (now.Size != output.Size || now.ETag != output.ETag) {
			err = faultf(exitNoInput, "%s was overwritten later", output.URI)
		}
		return err
	})
	switch {
	case err == nil:
		logf("the job has finished before: %s lists the same inputs, command, image and variables, and its outputs are unchanged", l)
		return true, nil
	case errors.As(err, &f) && (f.code == exitNoInput || f.code == exitDenied):
		logf("running the job again, although %s lists it as finished: %v", l, err)
		return false, nil
	}
	return false, err
}

// checkAgainstManifest compares inputs with the manifest of the job that made them. It fails if there is no manifest or if an input was
// overwritten later. It sets the SHA-256 of the inputs.
func (s *store) checkAgainstManifest(ctx context.Context, inputs []object, l location) error {
	made, err := s.readManifest(ctx, l)
	if err != nil {
		return err
	}
	if made == nil {
		return faultf(exitNoInput, "%s does not exist or is empty, so the outputs of that job are incomplete", l)
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
			return faultf(exitDamaged, "input %s differs from %s: it was overwritten later", input.location(), l)
		}
		inputs[i].SHA256 = output.SHA256
	}
	return nil
}

// stageOut publishes every file that an output pattern matches, then the record, then the manifest. If a pattern matches nothing, it
// fails before it publishes anything. describe returns the record once the outputs are uploaded.
func (s *store) stageOut(ctx context.Context, p plan, work string, made manifest, describe func([]object) record) error {
	outputs, err := findOutputs(p, work)
	if err != nil {
		return err
	}
	if err := s.invalidateManifest(ctx, p.manifest); err != nil {
		return err
	}
	streams := s.streamsEach(len(outputs))
	err = inParallel(ctx, parallelObjects, len(outputs), func(ctx context.Context, i int) error {
		return s.upload(ctx, &outputs[i], filepath.Join(work, strings.TrimPrefix(outputs[i].Key, p.prefix.key)), streams)
	})
	if err != nil {
		return err
	}
	rec, err := json.Marshal(describe(outputs))
	if err != nil {
		return err
	}
	if err := s.put(ctx, p.record(), string(rec)+"\n"); err != nil { // the result is complete without the record
		logf("the record was not stored: %v", err)
	}
	made.Finished, made.Outputs = time.Now().UTC().Truncate(time.Second), outputs
	text, err := json.MarshalIndent(made, "", "  ")
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	// All outputs are uploaded. A signal from now on must not interrupt the write of the manifest.
	last, cancel := cleanupContext(ctx)
	defer cancel()
	err = s.put(last, p.manifest, string(text))
	if err != nil && ctx.Err() != nil {
		err = faultf(exitStopped, "stopped by a signal while the manifest was written. If %s exists, the outputs are complete", p.manifest)
	}
	return err
}

// publishFailure publishes what explains a failure: the files that match JOB_KEEP_ON_FAILURE, smallest first, then the record. A fault
// here does not change the exit code of the job. After a signal it takes cleanupTimeout at most.
func (s *store) publishFailure(ctx context.Context, p plan, work string, rec record) {
	if s == nil || p.prefix == nil || rec.Job == "" {
		return
	}
	ctx, cancel := cleanupContext(ctx)
	defer cancel()
	folder := p.failed(rec.Job, rec.Attempt)
	var kept []string
	if rec.WorkSeconds > 0 { // otherwise the folder holds inputs only
		kept = findFilesToKeep(p.keep, work)
	}
	streams := s.streamsEach(len(kept))
	faults := make([]error, len(kept))
	_ = inParallel(ctx, parallelObjects, len(kept), func(ctx context.Context, i int) error {
		key := folder.key + kept[i]
		output := object{URI: location{bucket: folder.bucket, key: key}.String(), Key: key, bucket: folder.bucket}
		faults[i] = s.upload(ctx, &output, filepath.Join(work, kept[i]), streams)
		return nil
	})
	if faults = slices.DeleteFunc(faults, func(err error) bool { return err == nil }); len(faults) > 0 {
		logf("%d of %d files of the failed attempt were not kept: %v", len(faults), len(kept), faults[0])
	} else if len(kept) > 0 {
		logf("kept %d files of the failed attempt in %s", len(kept), folder)
	}
	text, err := json.Marshal(rec)
	if err == nil {
		err = s.put(ctx, location{bucket: folder.bucket, key: folder.key + recordName}, string(text)+"\n")
	}
	if err != nil {
		logf("the record was not stored: %v", err)
	}
}

const recordName = "record.json"

// invalidateManifest empties the manifest of an earlier run before its outputs are overwritten, because it would describe a mixture.
// If the role may not list, S3 answers "forbidden" for a missing manifest too, so it is emptied in that case as well.
func (s *store) invalidateManifest(ctx context.Context, l location) error {
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

// searchedFolder is a file system for fs.Glob that skips nothing silently. It reads folders whose names are not UTF-8, which os.DirFS
// does not, and remembers the error of a folder that it could not read.
type searchedFolder struct {
	fs.StatFS
	root  string
	fault error
}

func (s *searchedFolder) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := os.ReadDir(filepath.Join(s.root, name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) { // a folder of the pattern may be a file
		s.fault = err
	}
	return entries, err
}

// findFilesToKeep returns the names of the files that the patterns match, smallest first. A log usually explains a failure, and a machine
// that shuts down leaves little time. It skips what cannot be uploaded.
func findFilesToKeep(patterns []string, work string) []string {
	sizes := map[string]int64{}
	for _, pattern := range patterns {
		matches, _ := fs.Glob(&searchedFolder{StatFS: os.DirFS(work).(fs.StatFS), root: work}, pattern)
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
	folder := &searchedFolder{StatFS: os.DirFS(work).(fs.StatFS), root: work}
	for _, pattern := range p.outputs {
		matches, err := fs.Glob(folder, pattern)
		if folder.fault != nil {
			return nil, faultf(exitNoOutput, "cannot search for the output pattern %q: %v; nothing was published", pattern, folder.fault)
		}
		if err != nil || len(matches) == 0 {
			return nil, faultf(exitNoOutput, "the output pattern %q matches no file; nothing was published", pattern)
		}
		for _, name := range matches {
			if info, err := os.Stat(filepath.Join(work, name)); err != nil || !info.Mode().IsRegular() {
				return nil, faultf(exitNoOutput, "output %q is not a file (for a folder write %s/*); nothing was published", name, name)
			}
			if !utf8.ValidString(name) {
				return nil, faultf(exitNoOutput, "the name of output %q is not UTF-8, which S3 keys must be; nothing was published", name)
			}
			names[name] = true
		}
	}
	outputs := []object{}
	for name := range names {
		key := p.prefix.key + name
		if place := (location{bucket: p.prefix.bucket, key: key}); place == p.manifest || place == p.record() {
			return nil, faultf(exitNoOutput, "output %q would overwrite the manifest or the record; nothing was published. Set JOB_MANIFEST to another URI", name)
		}
		outputs = append(outputs, object{URI: location{bucket: p.prefix.bucket, key: key}.String(), Key: key, bucket: p.prefix.bucket})
	}
	sort.Slice(outputs, func(i, j int) bool { return outputs[i].Key < outputs[j].Key })
	return outputs, nil
}
