package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// becomeSubreaper makes this process the parent of every orphaned descendant, also of those in other groups or sessions
// (prctl(2), PR_SET_CHILD_SUBREAPER).
func becomeSubreaper() error {
	const setChildSubreaper = 36
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, setChildSubreaper, 1, 0); errno != 0 {
		return fmt.Errorf("prctl: %w", errno)
	}
	return nil
}

// killDescendants kills all descendants of this process and returns the number of rounds it took. When a child dies, its children
// become children of this process before the child can be waited for, so the next round finds them.
func killDescendants() (rounds int) {
	for ; ; rounds++ {
		found := children()
		for _, child := range found {
			_ = syscall.Kill(child, syscall.SIGKILL)
		}
		// Wait for as many processes as were killed, in any order. Waiting for one in each round would take minutes if thousands have
		// already ended.
		for range max(1, len(found)) {
			if _, err := syscall.Wait4(-1, nil, 0, nil); err == syscall.ECHILD {
				return rounds
			}
		}
	}
}

// children returns the ids of this process's children. In /proc/PID/stat, the name in brackets may contain any character
// (proc_pid_stat(5)).
func children() (found []int) {
	self := strconv.Itoa(os.Getpid())
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range stats {
		stat, _ := os.ReadFile(name)
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if len(fields) > 1 && fields[1] == self {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
			found = append(found, pid)
		}
	}
	return found
}
