// job is the entrypoint of every Biobatch image: it stages a job's inputs in, runs its command and stages the outputs out.
//
// The promise: outputs are published only after the command has succeeded, each whole, and the manifest last. What has no
// manifest is no result. plan.go reads and checks the job's environment: JOB_INPUTS, JOB_INPUTS_FROM, JOB_OUTPUTS,
// JOB_OUTPUT_PREFIX, JOB_MANIFEST.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	exitNoInput  = 66  // an input does not exist, a pattern matches nothing, or two inputs share a file name
	exitNoOutput = 73  // an output pattern matches nothing, or there is no place to publish at
	exitIO       = 74  // S3 or the scratch volume failed, after retries
	exitDenied   = 77  // the job role may not do it
	exitStopped  = 143 // SIGTERM or SIGINT: there is no manifest, so no result
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

// record is the one JSON line printed at the end, for people and for reports.
type record struct {
	Job             string  `json:"job,omitempty"`
	Attempt         string  `json:"attempt,omitempty"`
	ExitCode        int     `json:"exit_code"`
	StagingSeconds  float64 `json:"staging_seconds"`
	WorkSeconds     float64 `json:"work_seconds"`
	BytesIn         int64   `json:"bytes_in"`
	BytesOut        int64   `json:"bytes_out"`
	PeakMemoryBytes int64   `json:"peak_memory_bytes,omitempty"`
	CPUSeconds      float64 `json:"cpu_seconds,omitempty"`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	rec := record{Job: os.Getenv("AWS_BATCH_JOB_ID"), Attempt: os.Getenv("AWS_BATCH_JOB_ATTEMPT")}
	err := run(ctx, &rec)
	var f fault
	switch {
	case err == nil: // also when a signal came after the manifest
	case ctx.Err() != nil:
		say("stopped by a signal; no manifest was written, so there is no result")
		rec.ExitCode = exitStopped
	case errors.As(err, &f):
		say("%s", f.text)
		rec.ExitCode = f.code
	default:
		say("%s", err)
		rec.ExitCode = exitIO
	}
	rec.PeakMemoryBytes, rec.CPUSeconds = usage()
	line, _ := json.Marshal(rec)
	fmt.Printf("job: %s\n", line)
	os.Exit(rec.ExitCode)
}

func say(format string, values ...any) {
	fmt.Fprintf(os.Stderr, "job: "+format+"\n", values...)
}

// run does the whole job in a fresh folder of its own on the scratch volume, which is emptied before and after: a host-less
// volume outlives its container until the agent's clean-up.
func run(ctx context.Context, rec *record) error {
	plan, err := readPlan(os.Args[1:], os.Getenv)
	if err != nil {
		return err
	}
	area := filepath.Join(scratch, areaName(rec.Job, rec.Attempt))
	work, tmp := filepath.Join(area, "work"), filepath.Join(area, "tmp")
	_ = os.RemoveAll(area)
	defer os.RemoveAll(area)
	for _, folder := range []string{work, tmp} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return faultf(exitIO, "%s is not writable (%v): mount a volume there", scratch, err)
		}
	}

	var store *store
	if plan.usesStore() {
		if store, err = openStore(ctx); err != nil {
			return err
		}
	}
	if plan.prefix != nil {
		if err := store.checkPrefix(ctx, *plan.prefix); err != nil {
			return err
		}
	}
	started := time.Now()
	inputs, err := store.stageIn(ctx, plan, work)
	if err != nil {
		return err
	}
	for _, in := range inputs {
		rec.BytesIn += in.Size
	}
	rec.StagingSeconds = time.Since(started).Seconds()

	started = time.Now()
	err = execute(ctx, plan.command, work, tmp)
	rec.WorkSeconds = time.Since(started).Seconds()
	if err != nil || plan.prefix == nil {
		return err
	}
	started = time.Now()
	outputs, err := store.stageOut(ctx, plan, work, inputs)
	for _, out := range outputs {
		rec.BytesOut += out.Size
	}
	rec.StagingSeconds += time.Since(started).Seconds()
	return err
}

// areaName keeps attempts and jobs of one host apart; an array child's id holds a colon, which some tools take for a separator.
func areaName(job, attempt string) string {
	if job == "" {
		return fmt.Sprintf("job-%d", os.Getpid())
	}
	return strings.ReplaceAll(job, ":", "_") + "-" + attempt
}
