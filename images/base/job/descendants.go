package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// adopt makes this process the parent of every descendant that loses its own, whatever group or session it made for itself
// (prctl(2), PR_SET_CHILD_SUBREAPER).
func adopt() error {
	const setChildSubreaper = 36
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, setChildSubreaper, 1, 0); errno != 0 {
		return fmt.Errorf("prctl: %w", errno)
	}
	return nil
}

// endDescendants kills all that descends from this process, and returns when nothing does, in how many rounds. A dead child's own
// children are this process's before the child can be waited for, so that the next round finds them.
func endDescendants() (rounds int) {
	for ; ; rounds++ {
		found := children()
		for _, child := range found {
			_ = syscall.Kill(child, syscall.SIGKILL)
		}
		// As many end, whichever they are: one at a time, thousands that had ended by themselves would take minutes.
		for range max(1, len(found)) {
			if _, err := syscall.Wait4(-1, nil, 0, nil); err == syscall.ECHILD {
				return rounds
			}
		}
	}
}

// children are the processes whose parent this one is (proc_pid_stat(5): the name, in brackets, may hold anything).
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
