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

// record is the JSON line that job prints at the end and stores in S3. Unknown values are left out.
type record struct {
	Job               string  `json:"job,omitempty"`
	Attempt           string  `json:"attempt,omitempty"`
	ArrayIndex        *int64  `json:"array_index,omitempty"`
	Run               string  `json:"run,omitempty"`     // what the client calls the submission
	Step              string  `json:"step,omitempty"`    // of the run
	Subject           string  `json:"subject,omitempty"` // a sample, or what else the job is about
	Part              string  `json:"part,omitempty"`    // of the subject
	Tool              string  `json:"tool,omitempty"`
	Version           string  `json:"version,omitempty"`
	Image             string  `json:"image,omitempty"`         // by digest
	InstanceType      string  `json:"instance_type,omitempty"` // of the machine
	Zone              string  `json:"zone,omitempty"`
	ExitCode          int     `json:"exit_code"`
	Resumed           bool    `json:"resumed,omitempty"`         // an earlier attempt had finished the job
	Submitted         int64   `json:"submitted,omitempty"`       // in seconds since 1970, as the next two
	Started           float64 `json:"started"`                   // the container, on the machine's clock
	Finished          float64 `json:"finished"`                  // the measurement of this record
	WaitingSeconds    float64 `json:"waiting_seconds,omitempty"` // from submission to the start of the container
	StagingSeconds    float64 `json:"staging_seconds"`           // in and out
	PublishingSeconds float64 `json:"publishing_seconds"`        // out
	WorkSeconds       float64 `json:"work_seconds"`
	BytesIn           int64   `json:"bytes_in"`
	BytesOut          int64   `json:"bytes_out"`
	PeakMemoryBytes   int64   `json:"peak_memory_bytes,omitempty"` // of all processes together, without page cache
	MemoryBytes       int64   `json:"memory_bytes,omitempty"`      // granted
	CPUSeconds        float64 `json:"cpu_seconds,omitempty"`
	VCPUs             float64 `json:"vcpus,omitempty"` // granted

	measured bool
}

// newRecord returns a record with the values that are known at the start.
func newRecord(now time.Time, getenv func(string) string) record {
	rec := record{Job: getenv("AWS_BATCH_JOB_ID"), Attempt: getenv("AWS_BATCH_JOB_ATTEMPT"), Started: epoch(now), InstanceType: instanceType()}
	if index, err := taskIndex(getenv); err == nil && getenv(arrayIndex) != "" {
		rec.ArrayIndex = &index
	}
	rec.VCPUs, rec.MemoryBytes, rec.Zone = grantedResources(getenv("ECS_CONTAINER_METADATA_URI_V4"))
	rec.readVariables(getenv)
	return rec
}

// readVariables adds what the variables say, which JOB_TASKS can change. The images set JOB_TOOL and JOB_TOOL_VERSION. The job definition
// sets JOB_IMAGE. The client sets JOB_SUBMITTED, in seconds since 1970, and the names of the run, its step and its subject.
func (r *record) readVariables(getenv func(string) string) {
	r.Image, r.Tool, r.Version = getenv("JOB_IMAGE"), getenv("JOB_TOOL"), getenv("JOB_TOOL_VERSION")
	r.Run, r.Step, r.Subject, r.Part = getenv("JOB_RUN"), getenv("JOB_STEP"), getenv("JOB_SUBJECT"), getenv("JOB_PART")
	r.Submitted, r.WaitingSeconds = 0, 0
	if submitted, err := strconv.ParseInt(getenv("JOB_SUBMITTED"), 10, 64); err == nil {
		r.Submitted, r.WaitingSeconds = submitted, max(0, r.Started-float64(submitted))
	}
}

// epoch returns a time in seconds since 1970, to the millisecond.
func epoch(moment time.Time) float64 { return float64(moment.UnixMilli()) / 1000 }

// measure adds the resource usage once, so that the record in the log and the one in S3 are the same.
func (r *record) measure(g *gauge) {
	if !r.measured {
		r.PeakMemoryBytes, r.CPUSeconds, r.measured = g.peakMemory(), cpuSeconds(), true
		r.Finished = epoch(time.Now())
	}
}

// grantedResources returns the vCPUs and the bytes of memory of the container, and the Availability Zone. It asks the ECS agent first, because
// the kernel on AWS knows the vCPUs only as a rounded weight. Without an agent it reads the cgroup, version 2 or 1.
func grantedResources(metadata string) (vcpus float64, memory int64, zone string) {
	if metadata != "" {
		var container struct{ Limits struct{ CPU, Memory float64 } } // 1,024 units a vCPU; MiB
		var task struct{ AvailabilityZone string }
		askAgent(metadata, &container)
		askAgent(metadata+"/task", &task)
		vcpus, memory, zone = container.Limits.CPU/1024, int64(container.Limits.Memory)<<20, task.AvailabilityZone
	}
	if limit, err := strconv.ParseInt(cgroup("memory.max", "memory/memory.limit_in_bytes"), 10, 64); memory == 0 && err == nil && limit < unlimited {
		memory = limit
	}
	if vcpus > 0 {
		return vcpus, memory, zone
	}
	quota, period, _ := strings.Cut(cgroup("cpu.max", "cpu/cpu.cfs_quota_us"), " ")
	if period == "" {
		period = cgroup("", "cpu/cpu.cfs_period_us")
	}
	if microseconds, err := strconv.ParseFloat(quota, 64); err == nil && microseconds > 0 {
		of, _ := strconv.ParseFloat(period, 64)
		return microseconds / of, memory, zone
	}
	shares, _ := strconv.ParseFloat(cgroup("", "cpu/cpu.shares"), 64)
	return shares / 1024, memory, zone
}

// askAgent reads an answer of the ECS agent. An agent that does not answer leaves the values unknown.
func askAgent(address string, into any) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return
	}
	if answer, err := http.DefaultClient.Do(request); err == nil {
		_ = json.NewDecoder(answer.Body).Decode(into)
		answer.Body.Close()
	}
}

// firmware is the folder in which the kernel shows what the machine's firmware says. Tests replace it.
var firmware = "/sys/devices/virtual/dmi/id"

// instanceType returns the type of the EC2 instance, or "" if it is not known. The firmware of Nitro instances names it. The metadata service
// of the machine is barred to jobs.
func instanceType() string {
	vendor, _ := os.ReadFile(filepath.Join(firmware, "sys_vendor"))
	if strings.TrimSpace(string(vendor)) != "Amazon EC2" {
		return ""
	}
	product, _ := os.ReadFile(filepath.Join(firmware, "product_name"))
	return strings.TrimSpace(string(product))
}

const unlimited = 1 << 60 // bytes; cgroup version 1 reports a huge number if there is no limit

// gauge samples the container's memory and the volume's free space. The kernel records a peak of memory too, but that includes the
// page cache.
type gauge struct {
	volume       string
	memory, free atomic.Int64
}

const sampleInterval = 100 * time.Millisecond

func startGauge(volume string) *gauge {
	g := &gauge{volume: volume}
	g.free.Store(freeBytes(volume))
	go func() {
		for ; ; time.Sleep(sampleInterval) {
			g.memory.Store(g.peakMemory())
			g.free.Store(g.leastFree())
		}
	}()
	return g
}

// peakMemory returns the peak in bytes, 0 if it is unknown.
func (g *gauge) peakMemory() int64 { return max(g.memory.Load(), memoryInUse()) }

// leastFree returns the smallest amount of free space that the volume had, in bytes.
func (g *gauge) leastFree() int64 { return min(g.free.Load(), freeBytes(g.volume)) }

func freeBytes(folder string) int64 {
	var volume syscall.Statfs_t
	if syscall.Statfs(folder, &volume) != nil {
		return 0
	}
	return int64(volume.Bavail) * int64(volume.Bsize)
}

// classifyFullVolume distinguishes a scratch volume that other jobs have filled from one that is too small for the job. Another attempt
// on another machine helps only in the first case.
func classifyFullVolume(err error, area string) error {
	var f fault
	if errors.As(err, &f) && f.code == exitFull {
		f.code = fullCode(area, 0)
		return f
	}
	return err
}

// fullCode returns the exit code for a volume that is full, or has less free space than the job needs, in bytes.
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

// isTooSmall reports whether a volume of this size would be too small on any machine. Other jobs have filled it if more than a fifth is
// in use by others. Images and the operating system, which are on every machine, use less than that.
func isTooSmall(size, others, need int64) bool {
	fifth := size / 5
	return others <= fifth || need > size-fifth
}

// usedBy returns the space that a folder uses on its volume, in bytes.
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

// memoryInUse returns the anonymous and shared memory of the container's processes, in bytes.
func memoryInUse() (bytes int64) {
	// Version 1 reports the cgroup alone and the whole tree below it. Version 2 reports the tree.
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

// memoryKills returns the number of processes that the kernel has killed because the container's memory was used up.
func memoryKills() (kills int64) {
	_, rest, _ := strings.Cut(cgroup("memory.events", "memory/memory.oom_control"), "oom_kill ")
	kills, _ = strconv.ParseInt(strings.SplitN(rest, "\n", 2)[0], 10, 64)
	return kills
}

// cpuSeconds returns the CPU time of the container so far, 0 if it is unknown.
func cpuSeconds() float64 {
	if _, rest, found := strings.Cut(cgroup("cpu.stat", ""), "usage_usec "); found {
		microseconds, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
		return microseconds / 1e6
	}
	nanoseconds, _ := strconv.ParseFloat(cgroup("", "cpuacct/cpuacct.usage"), 64)
	return nanoseconds / 1e9
}

// cgroups is the folder of the container's cgroup. Tests replace it.
var cgroups = "/sys/fs/cgroup"

func isVersion1() bool {
	_, err := os.Stat(filepath.Join(cgroups, "cgroup.controllers"))
	return err != nil
}

// cgroup returns the text of a file in the container's cgroup, by its name in version 2 and in version 1. It is empty if there is none.
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
