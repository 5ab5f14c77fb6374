package main

import (
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
	defer func(before time.Duration) { grace = before }(grace)
	grace = 200 * time.Millisecond
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	started := time.Now()
	err := execute(ctx, script("trap '' TERM; sleep 60 | sleep 60"), t.TempDir(), t.TempDir(), startGauge(t.TempDir()))
	if took := time.Since(started); !errors.Is(err, context.DeadlineExceeded) || took < 700*time.Millisecond || took > 10*time.Second {
		t.Errorf("after %s: %v", took, err)
	}
}

func TestWhatACommandLeavesRunningCannotTouchItsOutputs(t *testing.T) {
	write := "while true; do echo more >> result; done"
	for name, command := range map[string]string{
		"in its group": "(" + write + ") & sleep 0.1", "in a session of its own": "setsid bash -c '" + write + "' & sleep 0.1",
		"orphaned": "(setsid bash -c '(" + write + ") & sleep 60' &); sleep 0.1",
	} {
		work := t.TempDir()
		if err := execute(context.Background(), script(command), work, t.TempDir(), startGauge(t.TempDir())); err != nil {
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

func TestWhatHasEndedByItselfIsClearedAwayInNoTime(t *testing.T) {
	if err := adopt(); err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	if err := exec.Command("bash", "-c", "for i in {1..1000}; do (: &); done").Run(); err != nil {
		t.Fatal(err)
	}
	made := time.Since(started)
	started = time.Now()
	endDescendants()
	if took := time.Since(started); took > made {
		t.Errorf("1,000 orphans were made in %s and cleared away in %s", made, took)
	}
}
