// job is the entrypoint of every Biobatch image: it stages a job's inputs in, runs its command and stages the outputs out.
//
// The promise: outputs are published only after the command has succeeded, each whole, and the manifest last. What has no
// manifest, or an empty one, is no result. For users: docs/job.md.
//
// Read in this order: plan.go (what the JOB_… variables ask for), store.go (S3), verify.go (whether an input is whole),
// manifest.go (what a finished job leaves, and how the next one recognises it), execute.go (the command), descendants.go (what it
// left running), usage.go (what it took).
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	exitNetwork  = 69  // S3 could not be reached, or only answered with faults, after retries
	exitFull     = 71  // the scratch volume is full
	exitNoOutput = 73  // an output pattern matches nothing or cannot be looked for, or there is no place to publish at
	exitIO       = 74  // S3 or the scratch volume failed otherwise
	exitDenied   = 77  // the job role may not do it, or there is none
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
	rec := newRecord(time.Now(), os.Getenv)
	gauge := startGauge(scratch)
	err := run(ctx, &rec, gauge)
	var f fault
	switch {
	case err == nil: // also when a signal came after the manifest
	case ctx.Err() != nil && (!errors.As(err, &f) || f.code != exitStopped):
		say("stopped by a signal; no manifest was written, so there is no result")
		rec.ExitCode = exitStopped
	case errors.As(err, &f):
		say("%s", f.text)
		rec.ExitCode = f.code
	default:
		say("%s", err)
		rec.ExitCode = exitIO
	}
	rec.PeakMemoryBytes, rec.CPUSeconds = gauge.peakMemory(), cpuSeconds()
	line, _ := json.Marshal(rec)
	fmt.Printf("job: %s\n", line)
	os.Exit(rec.ExitCode)
}

func say(format string, values ...any) {
	fmt.Fprintf(os.Stderr, "job: "+format+"\n", values...)
}

// run does the whole job in a fresh folder of its own on the scratch volume, which is emptied before and after: a host-less
// volume outlives its container until the agent's clean-up.
func run(ctx context.Context, rec *record, gauge *gauge) error {
	plan, err := readPlan(os.Args[1:], os.Getenv)
	if err != nil {
		return err
	}
	area := filepath.Join(scratch, areaName(rec.Job, rec.Attempt))
	work, tmp := filepath.Join(area, "work"), filepath.Join(area, "tmp")
	if err := empty(area); err != nil { // else an output pattern would match what is there
		return faultf(exitIO, "what an earlier run left in %s cannot be removed: %v", area, err)
	}
	defer empty(area)
	for _, folder := range []string{work, tmp} {
		switch err := os.MkdirAll(folder, 0o755); {
		case isFull(err):
			return faultf(exitFull, "the scratch volume is full, by others on the machine: %v", err)
		case err != nil:
			return faultf(exitIO, "%s is not writable (%v): mount a volume there", scratch, err)
		}
	}

	var store *store
	if plan.usesStore() {
		if store, err = openStore(ctx); err != nil {
			return err
		}
	}
	if err := store.checkPlaces(ctx, plan); err != nil {
		return err
	}
	started := time.Now()
	made := manifest{Job: rec.Job, Attempt: rec.Attempt, Image: rec.Image, Command: plan.command, Environment: environmentSum(os.Environ())}
	if made.Inputs, err = store.find(ctx, plan); err != nil {
		return err
	}
	if err := plan.spare(made.Inputs); err != nil {
		return err
	}
	if plan.resume {
		if done, err := store.isFinished(ctx, plan.manifest, made); done || err != nil {
			rec.Resumed = done
			return err
		}
	}
	if err := store.stageIn(ctx, plan, made.Inputs, work); err != nil {
		return err
	}
	rec.BytesIn = totalSize(made.Inputs)
	rec.StagingSeconds = time.Since(started).Seconds()

	started = time.Now()
	err = execute(ctx, plan.command, work, tmp, gauge)
	rec.WorkSeconds = time.Since(started).Seconds()
	if err != nil || plan.prefix == nil {
		return err
	}
	started = time.Now()
	made.Outputs, err = store.stageOut(ctx, plan, work, made)
	rec.BytesOut = totalSize(made.Outputs)
	rec.StagingSeconds += time.Since(started).Seconds()
	return err
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
