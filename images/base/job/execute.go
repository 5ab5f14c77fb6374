package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// grace is what the command has between SIGTERM and SIGKILL. Batch itself kills after 30 seconds.
var grace = 25 * time.Second

// execute runs the command in the working folder, in a process group of its own so that a signal reaches all of a pipeline.
// The command's exit code becomes the job's; a command ended by signal n counts as 128 + n, as in a shell. Two causes lie outside
// the command, and have a code of their own, whatever it made of them: memory used up, and a full scratch volume.
func execute(ctx context.Context, command []string, work, tmp string, gauge *gauge) error {
	killed := memoryKills()
	if err := adopt(); err != nil {
		return err
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = work, os.Stdout, os.Stderr
	// The last setting of a name counts. TMPDIR lies outside the working folder: spill files must match no output pattern.
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp, "HOME="+tmp)
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
		case <-time.After(grace):
			say("the command did not end within %s of SIGTERM; killing it", grace)
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			_ = cmd.Process.Kill() // which may have left its group
		}
	}()
	err := cmd.Wait()
	close(ended)
	// What the command left running in the background must not write to outputs while they are published.
	endDescendants()
	if ctx.Err() != nil { // whatever the command made of the signal
		return ctx.Err()
	}
	err = explainEnd(err)
	switch {
	case memoryKills() > killed: // though the command may have ended well
		return faultf(exitMemory, "a process of the command was killed for want of memory; nothing was published. Ask for more (--memory-mib)")
	case err != nil && gauge.leastFree() < leastFree:
		return faultf(exitFull, "the scratch volume was full, by this job or by others on the machine: %v. Ask for a larger volume, or write less to it", err)
	}
	return err
}

// leastFree is the free space, in bytes, under which a volume is as good as full: file systems keep the last blocks.
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
		hint = " (something killed it, most often for want of memory)"
	}
	return faultf(exit.ExitCode(), "the command failed with exit code %d%s; nothing was published", exit.ExitCode(), hint)
}
