// job is the entrypoint of every Biobatch image: it stages a job's inputs in, runs its command and stages the outputs out.
//
// job publishes outputs only after the command has succeeded. It uploads each output whole, and the manifest last. Outputs are
// incomplete until a non-empty manifest exists. docs/reference/job-environment.md describes job for users.
//
// Read the files in this order: tasks.go (the variables of an array's child), plan.go (the JOB_… variables), store.go (S3), outage.go (retries), verify.go (integrity of inputs),
// manifest.go (results of finished and failed jobs), inputlist.go (what the command learns of its inputs), execute.go (the command),
// descendants.go (its background processes), usage.go (its resource usage). awscli.go and awscopy.go are the program under the name aws.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Exit codes of job. They come from sysexits.h, because tools use small numbers.
const (
	exitUsage    = 64  // the JOB_… variables or the command are wrong
	exitDamaged  = 65  // an input does not match its checksum in S3, its manifest or its own format
	exitNoInput  = 66  // an input or its bucket does not exist, an input is archived, a pattern matches nothing, or two inputs share a file name
	exitNetwork  = 69  // S3 or the ECS agent could not be reached, or answered with errors only, for the whole retry time
	exitFull     = 71  // the scratch volume is full, and other jobs use much of it
	exitNoOutput = 73  // an output pattern matches nothing or cannot be searched, or the output bucket does not exist
	exitIO       = 74  // another failure of S3 or of the scratch volume
	exitDenied   = 77  // S3 refuses the request: the job has no role, the role lacks a permission, or the request is invalid
	exitTooSmall = 78  // the scratch volume is too small for the job
	exitMemory   = 137 // the kernel killed a process of the command because the container's memory was used up
	exitStopped  = 143 // SIGTERM or SIGINT; a manifest exists only if job was writing it at that moment
)

// scratch is where the job definition mounts the writable volume; the image's root is read-only.
const scratch = "/scratch"

// fault is an error with the exit code of the job.
type fault struct {
	code int
	text string
}

func (f fault) Error() string { return f.text }

func faultf(code int, format string, values ...any) error {
	return fault{code, fmt.Sprintf(format, values...)}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	// A closed log must not end the job. With the signal caught, only the write fails.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	if filepath.Base(os.Args[0]) == awsName {
		logPrefix = awsName
		interrupts := make(chan os.Signal, 1)
		signal.Notify(interrupts, syscall.SIGINT)
		code := runAWS(ctx, os.Args[1:])
		if code == exitStopped && len(interrupts) > 0 {
			code = awsInterrupted
		}
		os.Exit(code)
	}
	started := time.Now()
	rec := newRecord(started, os.Getenv)
	gauge := startGauge(scratch)
	run(ctx, started, &rec, gauge)
	rec.measure(gauge)
	line, _ := json.Marshal(rec)
	fmt.Printf("job: %s\n", line)
	os.Exit(rec.ExitCode)
}

func logf(format string, values ...any) {
	fmt.Fprintf(logWriter, logPrefix+": "+format+"\n", values...)
}

// logPrefix begins the messages of this program.
var logPrefix = "job"

// logWriter receives the messages of job. Tests replace it.
var logWriter io.Writer = os.Stderr

// reportFault logs why the job fails and returns its exit code, 0 if it does not fail.
func reportFault(ctx context.Context, err error) int {
	var f fault
	switch {
	case err == nil: // also if a signal arrived after the manifest was written
		return 0
	case ctx.Err() != nil && (!errors.As(err, &f) || f.code != exitStopped):
		logf("stopped by a signal before the manifest was written; the outputs are incomplete")
		return exitStopped
	case errors.As(err, &f):
		logf("%s", f.text)
		return f.code
	}
	logf("%s", err)
	return exitIO
}

// run does the whole job in a new folder on the scratch volume, and completes the record. It removes the folder before and after,
// because a volume without a host path outlives its container until the ECS agent cleans up.
func run(ctx context.Context, started time.Time, rec *record, gauge *gauge) {
	store, err := setTask(ctx, started, os.Getenv, os.Setenv)
	if err != nil {
		rec.ExitCode = reportFault(ctx, err)
		return
	}
	rec.readVariables(os.Getenv)
	plan, err := readPlan(os.Args[1:], os.Getenv)
	if err != nil {
		rec.ExitCode = reportFault(ctx, err)
		return
	}
	area := filepath.Join(scratch, jobFolder(rec.Job, rec.Attempt))
	defer removeFolder(area)
	store, err = attempt(ctx, started, plan, store, area, rec, gauge)
	if rec.ExitCode = reportFault(ctx, classifyFullVolume(err, area)); rec.ExitCode != 0 {
		rec.measure(gauge)
		store.publishFailure(ctx, plan, filepath.Join(area, "work"), *rec)
	}
}

// attempt carries out the plan. It opens the store if that is not open and the plan uses it, and also returns it, because a failed attempt
// publishes its files through it.
func attempt(ctx context.Context, started time.Time, plan plan, store *store, area string, rec *record, gauge *gauge) (*store, error) {
	work, tmp := filepath.Join(area, "work"), filepath.Join(area, "tmp")
	if err := removeFolder(area); err != nil { // output patterns would match files of an earlier run
		return store, faultf(exitIO, "cannot remove the files of an earlier run in %s: %v", area, err)
	}
	for _, folder := range []string{work, tmp} {
		switch err := os.MkdirAll(folder, 0o755); {
		case isFull(err):
			return store, faultf(exitFull, "other jobs on the machine have filled the scratch volume: %v", err)
		case err != nil:
			return store, faultf(exitIO, "%s is not writable (%v): mount a volume there", scratch, err)
		}
	}

	var err error
	if store == nil && plan.usesStore() {
		if store, err = openStore(ctx, "", "", ""); err != nil {
			return nil, err
		}
	}
	if store != nil {
		store.streams, store.outage.lastTry = streamsFor(rec.VCPUs), lastTry(started, plan.timeout)
	}
	if err := store.checkPlaces(ctx, plan); err != nil {
		return store, err
	}
	started = time.Now()
	if plan.scriptFrom != nil {
		script, err := store.readAll(ctx, *plan.scriptFrom)
		if err != nil {
			return store, err
		}
		plan.command = bashScript(string(script))
	}
	made := manifest{Job: rec.Job, Attempt: rec.Attempt, Image: rec.Image, Command: plan.command,
		Variables: recordedVariables(os.LookupEnv), Environment: environmentSum(os.Environ())}
	if made.Inputs, err = store.find(ctx, plan); err != nil {
		return store, err
	}
	if err := plan.refuseManifestOverInput(made.Inputs); err != nil {
		return store, err
	}
	if plan.resume {
		if done, err := store.isFinished(ctx, plan.manifest, made); done || err != nil {
			rec.Resumed = done
			return store, err
		}
	}
	if err := store.stageIn(ctx, plan, made.Inputs, work); err != nil {
		return store, err
	}
	inputList := filepath.Join(area, "inputs.tsv")
	if err := writeInputList(inputList, made.Inputs); err != nil {
		return store, err
	}
	rec.BytesIn = totalSize(made.Inputs)
	rec.StagingSeconds = time.Since(started).Seconds()

	started = time.Now()
	err = execute(ctx, plan.command, work, tmp, inputList, gauge)
	worked := time.Since(started)
	rec.WorkSeconds = worked.Seconds()
	if store != nil {
		store.outage.startPhase(stagingRetryTime)
	}
	if err != nil || plan.prefix == nil {
		return store, err
	}
	store.outage.startPhase(publishingRetryTime(worked))
	started = time.Now()
	return store, store.stageOut(ctx, plan, work, made, func(outputs []object) record {
		rec.BytesOut = totalSize(outputs)
		rec.PublishingSeconds = time.Since(started).Seconds()
		rec.StagingSeconds += rec.PublishingSeconds
		rec.measure(gauge)
		return *rec
	})
}

// removeFolder removes a folder, even if the command has made its files read-only, as some package managers do.
func removeFolder(folder string) error {
	if _, err := os.Lstat(folder); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if os.RemoveAll(folder) == nil {
		return nil
	}
	_ = filepath.WalkDir(folder, func(name string, entry fs.DirEntry, _ error) error {
		if entry != nil && entry.IsDir() { // WalkDir calls this before it reads the folder
			_ = os.Chmod(name, 0o700)
		}
		return nil
	})
	return os.RemoveAll(folder)
}

// jobFolder names the folder of one attempt of a job. The id of an array child contains a colon, which some tools treat as a separator.
func jobFolder(job, attempt string) string {
	if job == "" {
		return fmt.Sprintf("job-%d", os.Getpid())
	}
	return strings.ReplaceAll(job, ":", "_") + "-" + attempt
}
