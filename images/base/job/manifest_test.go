package main

import "testing"

func TestAJobIsKnownAgainByInputsCommandImageAndVariables(t *testing.T) {
	job := func() manifest {
		return manifest{Image: "i@sha256:0", Command: []string{"a", "b"}, Environment: "e",
			Inputs: []object{{URI: "s3://b/k", Size: 1, ETag: "x", VersionID: "1"}}}
	}
	for name, c := range map[string]struct {
		change func(*manifest)
		same   bool
	}{
		"nothing":                      {func(*manifest) {}, true},
		"who ran it":                   {func(m *manifest) { m.Job, m.Attempt = "j", "2" }, true},
		"the same content once more":   {func(m *manifest) { m.Inputs[0].VersionID = "2" }, true},
		"its checksum":                 {func(m *manifest) { m.Inputs[0].SHA256 = "s" }, true},
		"the image":                    {func(m *manifest) { m.Image = "i@sha256:1" }, false},
		"the command":                  {func(m *manifest) { m.Command = []string{"a b"} }, false},
		"the environment":              {func(m *manifest) { m.Environment = "f" }, false},
		"an input's content":           {func(m *manifest) { m.Inputs[0].ETag = "y" }, false},
		"an input's size":              {func(m *manifest) { m.Inputs[0].Size = 2 }, false},
		"an input's place":             {func(m *manifest) { m.Inputs[0].URI = "s3://b/l" }, false},
		"an input more":                {func(m *manifest) { m.Inputs = append(m.Inputs, object{}) }, false},
		"no input where there was one": {func(m *manifest) { m.Inputs = nil }, false},
	} {
		changed := job()
		c.change(&changed)
		if job().isOf(changed) != c.same || changed.isOf(job()) != c.same {
			t.Errorf("%s: want %v", name, c.same)
		}
	}
}

func TestOnlyVariablesThatBearOnTheResultCount(t *testing.T) {
	base := environmentSum([]string{"PLOIDY=1", "SAMPLE=s"})
	for variable, same := range map[string]bool{
		"AWS_BATCH_JOB_ID=4f": true, "ECS_AGENT_URI=u": true, "HOSTNAME=h": true, "JOB_SUBMITTED=1": true, "JOB_INPUTS=s3://b/k": true,
		"JOB_OUTPUTS=*": false, "JOB_OUTPUT_PREFIX=s3://b/p": false, "THREADS=2": false, "JOBS=2": false,
	} {
		if got := environmentSum([]string{"SAMPLE=s", variable, "PLOIDY=1"}); (got == base) != same {
			t.Errorf("%s: want %v", variable, same)
		}
	}
	if environmentSum([]string{"PLOIDY=2", "SAMPLE=s"}) == base {
		t.Error("another value makes no difference")
	}
}
