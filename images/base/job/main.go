// job is the entrypoint of every Biobatch image: it stages a job's inputs in, runs its command and stages the outputs out.
//
// The promise: outputs are published only after the command has succeeded, each whole, and the manifest last. What has no
// manifest, or an empty one, is no result. For users: docs/reference/job-environment.md.
//
// Read in this order: plan.go (what the JOB_… variables ask for), store.go (S3), outage.go (how long S3 may fail), verify.go (whether
// an input is whole), manifest.go (what a finished or failed job leaves, and how the next one recognises it), execute.go (the command),
// descendants.go (what it left running), usage.go (what it took).
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

// Exit codes of job itself, from sysexits.h so that they stay clear of the tools' own small numbers.
const (
	exitUsage    = 64  // the JOB_… variables or the command are wrong
	exitDamaged  = 65  // an input is not what S3, its manifest or its own format says it is
	exitNoInput  = 66  // an input or its bucket does not exist, an input is archived, a pattern matches nothing, or two inputs share a file name
	exitNetwork  = 69  // S3 or the machine's agent could not be reached, or only answered with faults, until the patience ended
	exitFull     = 71  // the scratch volume is full, and others hold much of it
	exitNoOutput = 73  // an output pattern matches nothing or cannot be looked for, or there is no place to publish at
	exitIO       = 74  // S3 or the scratch volume failed otherwise
	exitDenied   = 77  // S3 refuses: the job role may not do it, there is none, or it is no request that S3 takes
	exitTooSmall = 78  // the scratch volume is too small for the job
	exitMemory   = 137 // a process of the command was killed for want of memory
	exitStopped  = 143 // SIGTERM or SIGINT: there is no manifest, so no result, unless it was just being written
)

// scratch is where the job definition mounts the writable volume; the image's root is read-only.
const scratch = "/scratch"

// fault is an error with the exit code that it ends the job with.
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
	// A log that nobody reads any more is no reason to end: caught, the signal is an error of the write alone.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	started := time.Now()
	rec := newRecord(started, os.Getenv)
	gauge := startGauge(scratch)
	run(ctx, started, &rec, gauge)
	rec.measure(gauge)
	line, _ := json.Marshal(rec)
	fmt.Printf("job: %s\n", line)
	os.Exit(rec.ExitCode)
}

func say(format string, values ...any) {
	fmt.Fprintf(log, "job: "+format+"\n", values...)
}

// log is where job speaks to people; tests listen in.
var log io.Writer = os.Stderr

// tell says why the job fails and returns its exit code, 0 if it does not fail.
func tell(ctx context.Context, err error) int {
	var f fault
	switch {
	case err == nil: // also when a signal came after the manifest
		return 0
	case ctx.Err() != nil && (!errors.As(err, &f) || f.code != exitStopped):
		say("stopped by a signal; no manifest was written, so there is no result")
		return exitStopped
	case errors.As(err, &f):
		say("%s", f.text)
		return f.code
	}
	say("%s", err)
	return exitIO
}

// run does the whole job in a fresh folder of its own on the scratch volume, which is emptied before and after: a host-less
// volume outlives its container until the agent's clean-up. It completes the record.
func run(ctx context.Context, started time.Time, rec *record, gauge *gauge) {
	plan, err := readPlan(os.Args[1:], os.Getenv)
	if err != nil {
		rec.ExitCode = tell(ctx, err)
		return
	}
	area := filepath.Join(scratch, areaName(rec.Job, rec.Attempt))
	defer empty(area)
	store, err := attempt(ctx, started, plan, area, rec, gauge)
	if rec.ExitCode = tell(ctx, judgeFull(err, area)); rec.ExitCode != 0 {
		rec.measure(gauge)
		store.leave(ctx, plan, filepath.Join(area, "work"), *rec)
	}
}

// attempt does what the plan asks for. It returns the store too, where it got as far as that, for what a failed attempt leaves.
func attempt(ctx context.Context, started time.Time, plan plan, area string, rec *record, gauge *gauge) (*store, error) {
	work, tmp := filepath.Join(area, "work"), filepath.Join(area, "tmp")
	if err := empty(area); err != nil { // else an output pattern would match what is there
		return nil, faultf(exitIO, "what an earlier run left in %s cannot be removed: %v", area, err)
	}
	for _, folder := range []string{work, tmp} {
		switch err := os.MkdirAll(folder, 0o755); {
		case isFull(err):
			return nil, faultf(exitFull, "the scratch volume is full, by others on the machine: %v", err)
		case err != nil:
			return nil, faultf(exitIO, "%s is not writable (%v): mount a volume there", scratch, err)
		}
	}

	var store *store
	var err error
	if plan.usesStore() {
		if store, err = openStore(ctx); err != nil {
			return nil, err
		}
		store.streams, store.outage.lastTry = streamsFor(rec.VCPUs), lastTry(started, plan.timeout)
	}
	if err := store.checkPlaces(ctx, plan); err != nil {
		return store, err
	}
	started = time.Now()
	made := manifest{Job: rec.Job, Attempt: rec.Attempt, Image: rec.Image, Command: plan.command, Environment: environmentSum(os.Environ())}
	if made.Inputs, err = store.find(ctx, plan); err != nil {
		return store, err
	}
	if err := plan.spare(made.Inputs); err != nil {
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
	rec.BytesIn = totalSize(made.Inputs)
	rec.StagingSeconds = time.Since(started).Seconds()

	started = time.Now()
	err = execute(ctx, plan.command, work, tmp, gauge)
	worked := time.Since(started)
	rec.WorkSeconds = worked.Seconds()
	if store != nil {
		store.outage.begin(stagingPatience)
	}
	if err != nil || plan.prefix == nil {
		return store, err
	}
	store.outage.begin(publishingPatience(worked))
	started = time.Now()
	return store, store.stageOut(ctx, plan, work, made, func(outputs []object) record {
		rec.BytesOut = totalSize(outputs)
		rec.StagingSeconds += time.Since(started).Seconds()
		rec.measure(gauge)
		return *rec
	})
}

// empty removes a folder, also where the command has protected its own files, as some package managers do.
func empty(folder string) error {
	if _, err := os.Lstat(folder); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if os.RemoveAll(folder) == nil {
		return nil
	}
	_ = filepath.WalkDir(folder, func(name string, entry fs.DirEntry, _ error) error {
		if entry != nil && entry.IsDir() { // and has not been read yet
			_ = os.Chmod(name, 0o700)
		}
		return nil
	})
	return os.RemoveAll(folder)
}

// areaName keeps attempts and jobs of one host apart; an array child's id holds a colon, which some tools take for a separator.
func areaName(job, attempt string) string {
	if job == "" {
		return fmt.Sprintf("job-%d", os.Getpid())
	}
	return strings.ReplaceAll(job, ":", "_") + "-" + attempt
}
