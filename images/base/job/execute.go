package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// gracePeriod is the time between SIGTERM and SIGKILL for the command. Batch sends its own SIGKILL after 30 seconds.
var gracePeriod = 25 * time.Second

// execute runs the command in the working folder, in a new process group so that a signal reaches a whole pipeline.
// The exit code of the command becomes that of the job. If signal n ended the command, the code is 128 + n, as in a shell.
// If memory was used up or the scratch volume was full, the job ends with exitMemory or exitFull, whatever the command returned.
func execute(ctx context.Context, command []string, work, tmp, inputList string, gauge *gauge) error {
	killed := memoryKills()
	if err := becomeSubreaper(); err != nil {
		return err
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = work, os.Stdout, os.Stderr
	// The last value of a name counts. TMPDIR is outside the working folder, because output patterns must not match temporary files.
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp, "HOME="+tmp, inputListVariable+"="+inputList)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		code := 126
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, exec.ErrNotFound) {
			code = 127
		}
		return faultf(code, "cannot run %q: %v", command[0], err)
	}
	ended := make(chan struct{})
	go func() {
		select {
		case <-ended:
			return
		case <-ctx.Done():
		}
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(gracePeriod):
			logf("the command did not end within %s of SIGTERM; killing it", gracePeriod)
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			_ = cmd.Process.Kill() // the process may have left its group
		}
	}()
	err := cmd.Wait()
	close(ended)
	// Background processes of the command must not write to outputs while job publishes them.
	killDescendants()
	if ctx.Err() != nil { // whatever the command returned after the signal
		return ctx.Err()
	}
	err = explainEnd(err)
	switch {
	case memoryKills() > killed: // the command may have ended with 0 all the same
		return faultf(exitMemory, "a process of the command was killed because it ran out of memory; nothing was published. Ask for more (--memory-mib)")
	case err != nil && gauge.leastFree() < leastFree:
		return faultf(exitFull, "this job or other jobs on the machine filled the scratch volume: %v. Ask for a larger volume, or write less to it", err)
	}
	return err
}

// leastFree is the free space, in bytes, below which a volume counts as full. File systems reserve the last blocks.
const leastFree = 64 << 10

func explainEnd(err error) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	status, _ := exit.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		return faultf(128+int(status.Signal()), "the command was ended by signal %d (%s); nothing was published", status.Signal(), status.Signal())
	}
	hint := ""
	if exit.ExitCode() == 128+int(syscall.SIGKILL) {
		hint = " (something killed it, usually because it ran out of memory)"
	}
	return faultf(exit.ExitCode(), "the command failed with exit code %d%s; nothing was published", exit.ExitCode(), hint)
}
