package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// grace is what the command has between SIGTERM and SIGKILL. Batch itself kills after 30 seconds.
var grace = 25 * time.Second

// execute runs the command in the working folder, in a process group of its own so that a signal reaches all of a pipeline.
// The command's exit code becomes the job's; a command ended by signal n counts as 128 + n, as in a shell.
func execute(ctx context.Context, command []string, work, tmp string) error {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = work, os.Stdout, os.Stderr
	// The last setting of a name counts. TMPDIR lies outside the working folder: spill files must match no output pattern.
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp, "HOME="+tmp)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		code := 127
		if errors.Is(err, os.ErrPermission) {
			code = 126
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
		}
	}()
	err := cmd.Wait()
	close(ended)
	// What the command left running in the background must not write to outputs while they are published.
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	if ctx.Err() != nil { // whatever the command made of the signal
		return ctx.Err()
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
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
	return err
}

// usage reads the container's peak memory in bytes (page cache included) and CPU time in seconds from its cgroup, version 2 or
// 1; 0 if unknown.
func usage() (int64, float64) {
	read := func(path string) string {
		text, _ := os.ReadFile(path)
		return strings.TrimSpace(string(text))
	}
	for _, path := range []string{"/sys/fs/cgroup/memory.peak", "/sys/fs/cgroup/memory/memory.max_usage_in_bytes"} {
		if peak, err := strconv.ParseInt(read(path), 10, 64); err == nil {
			return peak, cpuSeconds(read)
		}
	}
	return 0, cpuSeconds(read)
}

func cpuSeconds(read func(string) string) float64 {
	if _, rest, found := strings.Cut(read("/sys/fs/cgroup/cpu.stat"), "usage_usec "); found {
		microseconds, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
		return microseconds / 1e6
	}
	nanoseconds, _ := strconv.ParseFloat(read("/sys/fs/cgroup/cpuacct/cpuacct.usage"), 64)
	return nanoseconds / 1e9
}
