package main

import (
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func fakeCgroups(t *testing.T, files map[string]string) {
	t.Helper()
	before := cgroups
	t.Cleanup(func() { cgroups = before })
	cgroups = t.TempDir()
	for name, text := range files {
		path := filepath.Join(cgroups, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBothVersionsOfCgroupsAreRead(t *testing.T) {
	for version, files := range map[string]map[string]string{
		"2": {"cgroup.controllers": "cpu memory\n", "memory.stat": "anon 3000\nfile 9000\nshmem 96\n", "cpu.stat": "usage_usec 1500000\nuser_usec 1\n",
			"memory.events": "oom 7\noom_kill 2\noom_group_kill 0\n", "memory.max": "2048\n", "cpu.max": "150000 100000\n"},
		"1": {"memory/memory.stat": "cache 9000\nrss 1\nshmem 1\ntotal_rss 3000\ntotal_shmem 96\n", "cpuacct/cpuacct.usage": "1500000000\n",
			"memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n", "memory/memory.limit_in_bytes": "2048\n",
			"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n", "cpu/cpu.shares": "1536\n"},
	} {
		fakeCgroups(t, files)
		vcpus, memory, _ := grantedResources("")
		if memoryInUse() != 3096 || memoryKills() != 2 || cpuSeconds() != 1.5 || vcpus != 1.5 || memory != 2048 {
			t.Errorf("version %s: %d bytes, %d kills, %v s, %v vCPUs, %d bytes granted",
				version, memoryInUse(), memoryKills(), cpuSeconds(), vcpus, memory)
		}
	}
}

func TestUnknownValuesAreZero(t *testing.T) {
	fakeCgroups(t, map[string]string{"cgroup.controllers": "", "memory.max": "max\n", "cpu.max": "max 100000\n"})
	vcpus, memory, _ := grantedResources("http://127.0.0.1:1")
	if memoryInUse() != 0 || memoryKills() != 0 || cpuSeconds() != 0 || vcpus != 0 || memory != 0 {
		t.Error("something is known")
	}
	fakeCgroups(t, map[string]string{"memory/memory.limit_in_bytes": "9223372036854771712\n", "cpu/cpu.cfs_quota_us": "-1\n"})
	if vcpus, memory, _ := grantedResources(""); vcpus != 0 || memory != 0 {
		t.Error("something is known")
	}
}

func TestTheAgentsLimitsComeFirst(t *testing.T) {
	agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v4/id/task" {
			_, _ = w.Write([]byte(`{"AvailabilityZone": "eu-west-1b"}`))
			return
		}
		_, _ = w.Write([]byte(`{"Name": "job", "Limits": {"CPU": 4096, "Memory": 7600}}`))
	}))
	defer agent.Close()
	fakeCgroups(t, map[string]string{"cgroup.controllers": "", "memory.max": "1\n", "cpu.max": "100000 100000\n"})
	if vcpus, memory, _ := grantedResources(agent.URL); vcpus != 4 || memory != 7600<<20 {
		t.Errorf("%v vCPUs, %d bytes", vcpus, memory)
	}
}

func TestThePeakRemainsAfterMemoryIsReleased(t *testing.T) {
	fakeCgroups(t, map[string]string{"cgroup.controllers": "", "memory.stat": "anon 5000\n"})
	g := &gauge{}
	g.memory.Store(g.peakMemory())
	if err := os.WriteFile(filepath.Join(cgroups, "memory.stat"), []byte("anon 10\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if g.peakMemory() != 5000 {
		t.Errorf("%d", g.peakMemory())
	}
}

func TestTheWaitingTimeIsKnownIfTheSubmissionTimeIs(t *testing.T) {
	fakeCgroups(t, nil)
	variables := map[string]string{"JOB_SUBMITTED": "1000", "JOB_TOOL": "bwa", "JOB_TOOL_VERSION": "0.7.18", "JOB_IMAGE": "i@sha256:0"}
	rec := newRecord(time.Unix(1042, 500_000_000), func(name string) string { return variables[name] })
	if rec.WaitingSeconds != 42.5 || rec.Tool != "bwa" || rec.Version != "0.7.18" || rec.Image != "i@sha256:0" {
		t.Errorf("%+v", rec)
	}
	if rec.Submitted != 1000 || rec.Started != 1042.5 || rec.ArrayIndex != nil {
		t.Errorf("%+v", rec)
	}
	if rec := newRecord(time.Unix(0, 0), func(name string) string { return variables[name] }); rec.WaitingSeconds != 0 {
		t.Errorf("clocks that differ give %v s", rec.WaitingSeconds)
	}
}

func TestTheRecordTellsRunsAndChildrenApart(t *testing.T) {
	fakeCgroups(t, nil)
	variables := map[string]string{"AWS_BATCH_JOB_ARRAY_INDEX": "0", "JOB_SUBMITTED": "1000"}
	getenv := func(name string) string { return variables[name] }
	rec := newRecord(time.Unix(1042, 0), getenv)
	if rec.ArrayIndex == nil || *rec.ArrayIndex != 0 {
		t.Errorf("%+v", rec)
	}
	maps.Copy(variables, map[string]string{"JOB_RUN": "r", "JOB_STEP": "align", "JOB_SUBJECT": "ada", "JOB_PART": "R1", "JOB_SUBMITTED": ""})
	rec.readVariables(getenv)
	if rec.Run != "r" || rec.Step != "align" || rec.Subject != "ada" || rec.Part != "R1" || rec.Submitted != 0 || rec.WaitingSeconds != 0 {
		t.Errorf("%+v", rec)
	}
}

func TestTheEndOfTheRecordIsThatOfItsMeasurement(t *testing.T) {
	fakeCgroups(t, nil)
	before := epoch(time.Now())
	var rec record
	rec.measure(&gauge{volume: t.TempDir()})
	first := rec.Finished
	time.Sleep(2 * time.Millisecond)
	if rec.measure(&gauge{}); first < before || rec.Finished != first {
		t.Errorf("%v, then %v", first, rec.Finished)
	}
}

func TestTheFirmwareOfAnInstanceNamesItsType(t *testing.T) {
	former := firmware
	t.Cleanup(func() { firmware = former })
	for vendor, want := range map[string]string{"Amazon EC2\n": "m6i.large", "Dell Inc.\n": "", "": ""} {
		firmware = t.TempDir()
		for name, text := range map[string]string{"sys_vendor": vendor, "product_name": "m6i.large\n"} {
			if err := os.WriteFile(filepath.Join(firmware, name), []byte(text), 0o600); vendor != "" && err != nil {
				t.Fatal(err)
			}
		}
		if got := instanceType(); got != want {
			t.Errorf("%q: %q, want %q", vendor, got, want)
		}
	}
}

func TestAVolumeThatOthersFilledIsDistinguishedFromOneThatIsTooSmall(t *testing.T) {
	for _, c := range []struct {
		others, need int64
		want         bool
	}{{0, 0, true}, {20, 0, true}, {21, 0, false}, {95, 0, false}, {50, 80, false}, {50, 81, true}, {5, 120, true}, {0, 50, true}} {
		if got := isTooSmall(100, c.others, c.need); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
	area := filepath.Join(t.TempDir(), "area")
	var volume syscall.Statfs_t
	if err := errors.Join(os.Mkdir(area, 0o755), syscall.Statfs(area, &volume)); err != nil {
		t.Fatal(err)
	}
	size := int64(volume.Blocks) * int64(volume.Bsize)
	if code := fullCode(area, size); code != exitTooSmall {
		t.Errorf("as much as there is: code %d, want %d", code, exitTooSmall)
	}
	if err := os.WriteFile(filepath.Join(area, "file"), make([]byte, 1<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	if own := usedBy(area); own < 1<<20 || own > 1<<21 {
		t.Errorf("a file of a MiB takes %d bytes", own)
	}
	for _, code := range []int{exitIO, exitCommand} {
		if got := codeOf(classifyFullVolume(fault{code: code}, area)); got != code {
			t.Errorf("code %d became %d", code, got)
		}
	}
	if err := classifyFullVolume(nil, area); err != nil {
		t.Error(err)
	}
}

const exitCommand = 3 // a command's
