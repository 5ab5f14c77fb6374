package main

import (
	"errors"
	"path"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestLocationsAreDecodedOnce(t *testing.T) {
	for uri, want := range map[string]location{
		"s3://b/a%20b+c":       {"b", "a b+c", ""},
		"s3://b/x/%252A%2A":    {"b", "x/%2A*", ""},
		"s3://b/x%5B/reads*.f": {"b", "x[/", "reads*.f"},
		"s3://b/%2Aa?":         {"b", "", `\*a?`},
		"s3://b":               {"b", "", ""},
	} {
		if got, err := parseLocation(uri); err != nil || got != want {
			t.Errorf("%s: got %+v, %v; want %+v", uri, got, err, want)
		}
	}
	for _, uri := range []string{"b/key", "s3://", "s3://b/*/key", "s3://b/%zz", "s3://b/[a"} {
		if got, err := parseLocation(uri); err == nil {
			t.Errorf("%s: got %+v, want a refusal", uri, got)
		}
	}
}

func TestEncodedPatternCharactersAreLiteral(t *testing.T) {
	for _, c := range []struct {
		encoded, name string
		matches       bool
	}{
		{"*.bam", "a.bam", true}, {"%2A.bam", "a.bam", false}, {"%2A.bam", "*.bam", true},
		{"[!a]x", "bx", true}, {"[!a]x", "ax", false}, {`a\b`, `a\b`, true}, {"%C3%A9?", "éa", true},
		{"[%C3%A9a]", "é", true}, {"[%5Ea]x", "ax", true}, {"[a%2Dc]x", "bx", false}, {"[a%5D]*", "]x", true}, {"a%20+*", "a +b", true},
	} {
		pattern, err := decodePattern(c.encoded)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := path.Match(pattern, c.name); got != c.matches {
			t.Errorf("%s against %s: %v", c.encoded, c.name, got)
		}
	}
}

func TestOneArgumentIsAScriptAndMoreAreNot(t *testing.T) {
	none := func(string) string { return "" }
	one, _ := readPlan([]string{"a | b"}, none)
	two, _ := readPlan([]string{"a", "b"}, none)
	if len(one.command) != 5 || one.command[0] != "bash" || len(two.command) != 2 {
		t.Errorf("%v, %v", one.command, two.command)
	}
}

func TestAScriptComesFromAnObjectOrFromTheArguments(t *testing.T) {
	getenv := func(name string) string { return map[string]string{"JOB_SCRIPT_FROM": "s3://b/my%20script\n"}[name] }
	p, err := readPlan(nil, getenv)
	if err != nil || *p.scriptFrom != (location{bucket: "b", key: "my script"}) || !p.usesStore() {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := readPlan([]string{"a"}, getenv); codeOf(err) != exitUsage {
		t.Errorf("with a command: %v", err)
	}
	if _, err := readPlan(nil, func(string) string { return "" }); codeOf(err) != exitUsage {
		t.Errorf("without both: %v", err)
	}
}

func TestInvalidVariablesAreRefused(t *testing.T) {
	for _, environment := range []map[string]string{
		{"JOB_INPUTS": "nothing"}, {"JOB_INPUTS": "s3://b/folder/"}, {"JOB_OUTPUTS": "*.bam"},
		{"JOB_OUTPUTS": "../x", "JOB_OUTPUT_PREFIX": "s3://b/p"}, {"JOB_OUTPUTS": "/x", "JOB_OUTPUT_PREFIX": "s3://b/p"},
		{"JOB_OUTPUT_PREFIX": "p"}, {"JOB_OUTPUT_PREFIX": "s3://b/p*"}, {"JOB_INPUTS_FROM": "s3://b/"}, {"JOB_SCRIPT_FROM": "s3://b/"}, {"JOB_SCRIPT_FROM": "s3://b/x*"},
		{"JOB_OUTPUT_PREFIX": "s3://b/p", "JOB_MANIFEST": "s3://b/m/"}, {"JOB_MANIFEST": "s3://b/m"},
		{"JOB_INPUTS": "s3://b/.."}, {"JOB_INPUTS": "s3://b/a/%2E"}, {"JOB_INPUTS": "s3://b/" + strings.Repeat("a", 256)},
		{"JOB_INPUTS_FROM": "s3://b/*"}, {"JOB_OUTPUTS": "a/%2E%2E/x", "JOB_OUTPUT_PREFIX": "s3://b/p"},
		{"JOB_RESUME": "yes"}, {"JOB_TEST_INPUTS": "true"}, {"JOB_INPUT_MANIFESTS": "s3://b/m.json no"},
		{"JOB_RESUME": "1", "JOB_IMAGE": "i@sha256:0"}, {"JOB_RESUME": "1", "JOB_OUTPUT_PREFIX": "s3://b/p"},
		{"JOB_RESUME": "1", "JOB_OUTPUT_PREFIX": "s3://b/p", "JOB_IMAGE": "samtools:latest"},
		{"JOB_OUTPUTS": "**/*.bam", "JOB_OUTPUT_PREFIX": "s3://b/p"}, {"JOB_KEEP_ON_FAILURE": "*.log"},
		{"JOB_KEEP_ON_FAILURE": "../x", "JOB_OUTPUT_PREFIX": "s3://b/p"}, {"JOB_KEEP_ON_FAILURE": "**", "JOB_OUTPUT_PREFIX": "s3://b/p"},
		{"JOB_TIMEOUT_SECONDS": "0"}, {"JOB_TIMEOUT_SECONDS": "1h"}, {"JOB_TIMEOUT_SECONDS": "99999999999"},
		{"JOB_OUTPUTS": "folder/", "JOB_OUTPUT_PREFIX": "s3://b/p"}, {"JOB_OUTPUTS": "%G0", "JOB_OUTPUT_PREFIX": "s3://b/p"},
	} {
		_, err := readPlan([]string{"true"}, func(name string) string { return environment[name] })
		var f fault
		if !errors.As(err, &f) || f.code != exitUsage || !strings.Contains(f.text, "JOB_") {
			t.Errorf("%v: got %v, want a refusal that names the variable", environment, err)
		}
	}
	if _, err := readPlan(nil, func(string) string { return "" }); err == nil {
		t.Error("a job without a command was accepted")
	}
}

func TestAnOutputPrefixIsAFolderWithAManifest(t *testing.T) {
	for prefix, want := range map[string]plan{
		"s3://b":          {prefix: &location{"b", "", ""}, manifest: location{"b", "manifest.json", ""}},
		"s3://b/run%201":  {prefix: &location{"b", "run 1/", ""}, manifest: location{"b", "run 1/manifest.json", ""}},
		"s3://b/run%201/": {prefix: &location{"b", "run 1/", ""}, manifest: location{"b", "run 1/manifest.json", ""}},
	} {
		environment := map[string]string{"JOB_OUTPUT_PREFIX": prefix}
		got, err := readPlan([]string{"true"}, func(name string) string { return environment[name] })
		if err != nil || *got.prefix != *want.prefix || got.manifest != want.manifest {
			t.Errorf("%s: got %v and %v, %v", prefix, got.prefix, got.manifest, err)
		}
	}
}

func TestManifestsOfInputsMayBeRelativeToTheOutputPrefix(t *testing.T) {
	environment := map[string]string{"JOB_OUTPUT_PREFIX": "s3://b/run%201", "JOB_INPUT_MANIFESTS": "a/m%20.json s3://c/m.json"}
	got, err := readPlan([]string{"true"}, func(name string) string { return environment[name] })
	if want := []location{{"b", "run 1/a/m .json", ""}, {"c", "m.json", ""}}; err != nil || !slices.Equal(got.producers, want) {
		t.Errorf("%v, %v", got.producers, err)
	}
}

func TestJobsAndAttemptsOfOneHostHaveSeparateFolders(t *testing.T) {
	seen := map[string]bool{}
	for _, job := range []string{"4f", "4f:0", "4f:1"} {
		for _, attempt := range []string{"1", "2"} {
			name := jobFolder(job, attempt)
			if seen[name] || strings.ContainsAny(name, ":/") {
				t.Errorf("%s, attempt %s: %s", job, attempt, name)
			}
			seen[name] = true
		}
	}
}

func TestALineBreakAfterAURIIsIgnored(t *testing.T) {
	environment := map[string]string{"JOB_OUTPUT_PREFIX": "s3://b/to\n", "JOB_MANIFEST": " s3://b/m.json\r\n", "JOB_INPUTS_FROM": "s3://b/list\r",
		"JOB_INPUT_MANIFESTS": "made.json\n"}
	got, err := readPlan([]string{"true"}, func(name string) string { return environment[name] })
	if err != nil || got.prefix.key != "to/" || got.manifest.key != "m.json" || got.inputsFrom.key != "list" || got.producers[0].key != "to/made.json" {
		t.Errorf("%v, %v, %v, %v, %v", got.prefix, got.manifest, got.inputsFrom, got.producers, err)
	}
}

func TestAManifestOverwritesNoObjectThatTheJobReads(t *testing.T) {
	for _, environment := range []map[string]string{
		{"JOB_MANIFEST": "s3://b/in"}, {"JOB_MANIFEST": "s3://b/other.json"}, {"JOB_INPUTS_FROM": "s3://b/to/manifest.json"}, {"JOB_INPUT_MANIFESTS": "manifest.json"}, {},
	} {
		got, err := readPlan([]string{"true"}, func(name string) string {
			if name == "JOB_OUTPUT_PREFIX" {
				return "s3://b/to"
			}
			return environment[name]
		})
		if err != nil {
			t.Fatal(err)
		}
		want := exitUsage
		if len(environment) == 0 {
			want = 0
		}
		if err := got.refuseManifestOverInput([]object{{bucket: "b", Key: "in"}, {bucket: "b", Key: "other.record.json"}}); codeOf(err) != want {
			t.Errorf("%v: got %v, want code %d", environment, err, want)
		}
	}
	if err := (plan{}).refuseManifestOverInput([]object{{}}); err != nil { // there is no manifest
		t.Error(err)
	}
}

func TestTheTimeLimitIsInSeconds(t *testing.T) {
	for value, want := range map[string]time.Duration{"": 0, "60": time.Minute, " 43200\n": 12 * time.Hour} {
		got, err := readPlan([]string{"true"}, func(name string) string { return map[string]string{"JOB_TIMEOUT_SECONDS": value}[name] })
		if err != nil || got.timeout != want {
			t.Errorf("%q: %v, %v, want %v", value, got.timeout, err, want)
		}
	}
}

func TestTheQueryOfAPresignedURLIsNotLogged(t *testing.T) {
	_, err := parseInputs("JOB_INPUTS", "https://b.s3.amazonaws.com/in?X-Amz-Signature=sesame")
	if codeOf(err) != exitUsage || strings.Contains(err.Error(), "sesame") {
		t.Error(err)
	}
}
