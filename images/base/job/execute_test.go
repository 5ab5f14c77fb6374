package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

func script(text string) []string { return []string{"bash", "-c", text} }

func TestACommandThatIgnoresTheSignalIsKilled(t *testing.T) {
	defer func(before time.Duration) { gracePeriod = before }(gracePeriod)
	gracePeriod = 200 * time.Millisecond
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	started := time.Now()
	err := execute(ctx, script("trap '' TERM; sleep 60 | sleep 60"), t.TempDir(), t.TempDir(), "", startGauge(t.TempDir()))
	if took := time.Since(started); !errors.Is(err, context.DeadlineExceeded) || took < 700*time.Millisecond || took > 10*time.Second {
		t.Errorf("after %s: %v", took, err)
	}
}

func TestBackgroundProcessesOfACommandCannotChangeItsOutputs(t *testing.T) {
	write := "while true; do echo more >> result; done"
	// A machine under load starts a process late.
	begun := "until [ -s result ]; do sleep 0.05; done"
	for name, command := range map[string]string{
		"in its group": "(" + write + ") & " + begun, "in another session": "setsid bash -c '" + write + "' & " + begun,
		"orphaned": "(setsid bash -c '(" + write + ") & sleep 60' &); " + begun,
	} {
		work := t.TempDir()
		if err := execute(context.Background(), script(command), work, t.TempDir(), "", startGauge(t.TempDir())); err != nil {
			t.Fatal(err)
		}
		size := func() int64 {
			info, err := os.Stat(filepath.Join(work, "result"))
			if err != nil {
				t.Fatal(err)
			}
			return info.Size()
		}
		before := size()
		time.Sleep(100 * time.Millisecond)
		if after := size(); after != before {
			t.Errorf("%s: the output grew from %d to %d bytes", name, before, after)
		}
	}
}

func TestProcessesThatHaveEndedAreReapedInFewRounds(t *testing.T) {
	if err := becomeSubreaper(); err != nil {
		t.Fatal(err)
	}
	if err := exec.Command("bash", "-c", "for i in {1..300}; do (: &); done").Run(); err != nil {
		t.Fatal(err)
	}
	if rounds := killDescendants(); rounds > 10 { // a few may still have another parent
		t.Errorf("300 orphans took %d rounds", rounds)
	}
}

func TestACommandThatLeftItsProcessGroupIsKilledToo(t *testing.T) {
	defer func(before time.Duration) { gracePeriod = before }(gracePeriod)
	gracePeriod = 200 * time.Millisecond
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	leave := `$SIG{TERM} = "IGNORE"; if (!($child = fork)) { setpgrp(0, 0); sleep 60; exit } sleep 1 until setpgrp(0, $child) or $! != 1; sleep 20`
	started := time.Now()
	_ = execute(ctx, []string{"perl", "-e", leave}, t.TempDir(), t.TempDir(), "", startGauge(t.TempDir()))
	if took := time.Since(started); took > 10*time.Second {
		t.Errorf("it was over after %s", took)
	}
}

func TestAFileThatCannotBeExecutedIsDistinguishedFromAMissingOne(t *testing.T) {
	folder := t.TempDir()
	for name, mode := range map[string]os.FileMode{"text": 0o755, "plain": 0o644} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("no program\n"), mode); err != nil {
			t.Fatal(err)
		}
	}
	for name, code := range map[string]int{"text": 126, "plain": 126, "plain/x": 126, "none": 127} {
		if err := execute(context.Background(), []string{filepath.Join(folder, name)}, folder, folder, "", startGauge(folder)); codeOf(err) != code {
			t.Errorf("%s: %v, want code %d", name, err, code)
		}
	}
	if err := execute(context.Background(), []string{"no-such-tool"}, folder, folder, "", startGauge(folder)); codeOf(err) != 127 {
		t.Errorf("got %v, want code 127", err)
	}
}

// TestMain lets a test run this program as job.
func TestMain(m *testing.M) {
	if os.Getenv("BE_JOB") != "" {
		os.Args = os.Args[:1]
		main()
	}
	os.Exit(m.Run())
}

func TestAClosedLogDoesNotChangeTheExitCode(t *testing.T) {
	for _, closed := range []string{"stdout", "stderr"} {
		read, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		read.Close()
		job := exec.Command(os.Args[0])
		job.Env = append(os.Environ(), "BE_JOB=1")
		job.Stdout, job.Stderr = write, &bytes.Buffer{}
		if closed == "stderr" {
			job.Stdout, job.Stderr = job.Stderr, job.Stdout
		}
		_ = job.Run()
		write.Close()
		if job.ProcessState.ExitCode() != exitUsage {
			t.Errorf("%s: %s", closed, job.ProcessState)
		}
	}
}
