package main

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// record is the one JSON line printed at the end and stored in S3, for people and for reports. What is unknown is left out.
type record struct {
	Job             string  `json:"job,omitempty"`
	Attempt         string  `json:"attempt,omitempty"`
	Tool            string  `json:"tool,omitempty"`
	Version         string  `json:"version,omitempty"`
	Image           string  `json:"image,omitempty"` // by digest
	ExitCode        int     `json:"exit_code"`
	Resumed         bool    `json:"resumed,omitempty"`         // an earlier attempt had done it all
	WaitingSeconds  float64 `json:"waiting_seconds,omitempty"` // from the submission to the container's start
	StagingSeconds  float64 `json:"staging_seconds"`
	WorkSeconds     float64 `json:"work_seconds"`
	BytesIn         int64   `json:"bytes_in"`
	BytesOut        int64   `json:"bytes_out"`
	PeakMemoryBytes int64   `json:"peak_memory_bytes,omitempty"` // of all processes together, without page cache
	MemoryBytes     int64   `json:"memory_bytes,omitempty"`      // granted
	CPUSeconds      float64 `json:"cpu_seconds,omitempty"`
	VCPUs           float64 `json:"vcpus,omitempty"` // granted

	measured bool
}

// newRecord is what is known at the start. The images set JOB_TOOL and JOB_TOOL_VERSION, the job definition JOB_IMAGE, and who
// submits may set JOB_SUBMITTED, in seconds since 1970.
func newRecord(now time.Time, getenv func(string) string) record {
	rec := record{Job: getenv("AWS_BATCH_JOB_ID"), Attempt: getenv("AWS_BATCH_JOB_ATTEMPT"), Image: getenv("JOB_IMAGE"),
		Tool: getenv("JOB_TOOL"), Version: getenv("JOB_TOOL_VERSION")}
	if submitted, err := strconv.ParseInt(getenv("JOB_SUBMITTED"), 10, 64); err == nil {
		rec.WaitingSeconds = max(0, now.Sub(time.Unix(submitted, 0)).Seconds())
	}
	rec.VCPUs, rec.MemoryBytes = granted(getenv("ECS_CONTAINER_METADATA_URI_V4"))
	return rec
}

// measure adds what the job took, once: the record in the log and the one in S3 are the same.
func (r *record) measure(g *gauge) {
	if !r.measured {
		r.PeakMemoryBytes, r.CPUSeconds, r.measured = g.peakMemory(), cpuSeconds(), true
	}
}

// granted tells vCPUs and bytes of memory: from the ECS agent where there is one, since the kernel of AWS's machines knows the
// vCPUs only as a rounded weight; else from the cgroup, version 2 or 1.
func granted(metadata string) (vcpus float64, memory int64) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if request, err := http.NewRequestWithContext(ctx, http.MethodGet, metadata, nil); err == nil && metadata != "" {
		if answer, err := http.DefaultClient.Do(request); err == nil {
			var container struct{ Limits struct{ CPU, Memory float64 } } // 1,024 units a vCPU; MiB
			_ = json.NewDecoder(answer.Body).Decode(&container)
			answer.Body.Close()
			vcpus, memory = container.Limits.CPU/1024, int64(container.Limits.Memory)<<20
		}
	}
	if limit, err := strconv.ParseInt(cgroup("memory.max", "memory/memory.limit_in_bytes"), 10, 64); memory == 0 && err == nil && limit < unlimited {
		memory = limit
	}
	if vcpus > 0 {
		return vcpus, memory
	}
	quota, period, _ := strings.Cut(cgroup("cpu.max", "cpu/cpu.cfs_quota_us"), " ")
	if period == "" {
		period = cgroup("", "cpu/cpu.cfs_period_us")
	}
	if microseconds, err := strconv.ParseFloat(quota, 64); err == nil && microseconds > 0 {
		of, _ := strconv.ParseFloat(period, 64)
		return microseconds / of, memory
	}
	shares, _ := strconv.ParseFloat(cgroup("", "cpu/cpu.shares"), 64)
	return shares / 1024, memory
}

const unlimited = 1 << 60 // bytes; version 1 of cgroups has no word for it

// gauge watches the container from its start: the kernel keeps a peak of memory, but one that takes in the page cache.
type gauge struct {
	volume       string
	memory, free atomic.Int64
}

const sampling = 100 * time.Millisecond

func startGauge(volume string) *gauge {
	g := &gauge{volume: volume}
	g.free.Store(freeBytes(volume))
	go func() {
		for ; ; time.Sleep(sampling) {
			g.memory.Store(g.peakMemory())
			g.free.Store(g.leastFree())
		}
	}()
	return g
}

// peakMemory is in bytes, 0 if unknown.
func (g *gauge) peakMemory() int64 { return max(g.memory.Load(), memoryInUse()) }

// leastFree is the least free space that the volume had, in bytes.
func (g *gauge) leastFree() int64 { return min(g.free.Load(), freeBytes(g.volume)) }

func freeBytes(folder string) int64 {
	var volume syscall.Statfs_t
	if syscall.Statfs(folder, &volume) != nil {
		return 0
	}
	return int64(volume.Bavail) * int64(volume.Bsize)
}

// judgeFull tells a scratch volume that others have filled from one that is too small for the job: an attempt on another machine helps
// in the first case only.
func judgeFull(err error, area string) error {
	var f fault
	if errors.As(err, &f) && f.code == exitFull {
		f.code = fullCode(area, 0)
		return f
	}
	return err
}

// fullCode is the exit code for a volume that is full, or that has no room for what the job needs, in bytes.
func fullCode(area string, need int64) int {
	var volume syscall.Statfs_t
	if syscall.Statfs(filepath.Dir(area), &volume) != nil {
		return exitFull
	}
	block := int64(volume.Bsize)
	others := int64(volume.Blocks-volume.Bfree)*block - usedBy(area)
	if isTooSmall(int64(volume.Blocks)*block, others, need) {
		return exitTooSmall
	}
	return exitFull
}

// isTooSmall tells whether a volume of a size would be too small on any machine. Others have filled it if they hold more than a fifth of
// it: images and the machine's own system, which a job meets everywhere, take less.
func isTooSmall(size, others, need int64) bool {
	fifth := size / 5
	return others <= fifth || need > size-fifth
}

// usedBy is what a folder takes on its volume, in bytes.
func usedBy(folder string) (bytes int64) {
	_ = filepath.WalkDir(folder, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil {
			if info, err := entry.Info(); err == nil {
				if stat, ok := info.Sys().(*syscall.Stat_t); ok {
					bytes += stat.Blocks * 512
				}
			}
		}
		return nil
	})
	return bytes
}

// memoryInUse is what the container's processes hold for themselves or share, in bytes.
func memoryInUse() (bytes int64) {
	// Version 1 tells of the cgroup alone and of the whole tree under it; version 2 of the tree.
	for _, line := range strings.Split(cgroup("memory.stat", "memory/memory.stat"), "\n") {
		name, value, _ := strings.Cut(line, " ")
		switch name {
		case "anon", "shmem", "total_rss", "total_shmem":
			if version1 := strings.HasPrefix(name, "total_"); version1 == isVersion1() {
				size, _ := strconv.ParseInt(value, 10, 64)
				bytes += size
			}
		}
	}
	return bytes
}

// memoryKills counts the processes that the kernel has killed because the container's memory was used up.
func memoryKills() (kills int64) {
	_, rest, _ := strings.Cut(cgroup("memory.events", "memory/memory.oom_control"), "oom_kill ")
	kills, _ = strconv.ParseInt(strings.SplitN(rest, "\n", 2)[0], 10, 64)
	return kills
}

// cpuSeconds is the CPU time of the container so far, 0 if unknown.
func cpuSeconds() float64 {
	if _, rest, found := strings.Cut(cgroup("cpu.stat", ""), "usage_usec "); found {
		microseconds, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
		return microseconds / 1e6
	}
	nanoseconds, _ := strconv.ParseFloat(cgroup("", "cpuacct/cpuacct.usage"), 64)
	return nanoseconds / 1e9
}

// cgroups is where the kernel tells of the container's own group; tests name another place.
var cgroups = "/sys/fs/cgroup"

func isVersion1() bool {
	_, err := os.Stat(filepath.Join(cgroups, "cgroup.controllers"))
	return err != nil
}

// cgroup is the text of a file of the container's group, by its name in version 2 and in version 1; empty if there is none.
func cgroup(version2, version1 string) string {
	name := version2
	if isVersion1() {
		name = version1
	}
	if name == "" {
		return ""
	}
	text, _ := os.ReadFile(filepath.Join(cgroups, name))
	return strings.TrimSpace(string(text))
}
