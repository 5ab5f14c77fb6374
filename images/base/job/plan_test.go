package main

import (
	"path"
	"testing"
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

func TestEncodedPatternCharactersStandForThemselves(t *testing.T) {
	for _, c := range []struct {
		encoded, name string
		matches       bool
	}{
		{"*.bam", "a.bam", true}, {"%2A.bam", "a.bam", false}, {"%2A.bam", "*.bam", true},
		{"[!a]x", "bx", true}, {"[!a]x", "ax", false}, {`a\b`, `a\b`, true}, {"%C3%A9?", "éa", true},
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

func TestWrongVariablesAreRefused(t *testing.T) {
	for _, environment := range []map[string]string{
		{"JOB_INPUTS": "nothing"}, {"JOB_INPUTS": "s3://b/folder/"}, {"JOB_OUTPUTS": "*.bam"},
		{"JOB_OUTPUTS": "../x", "JOB_OUTPUT_PREFIX": "s3://b/p"}, {"JOB_OUTPUTS": "/x", "JOB_OUTPUT_PREFIX": "s3://b/p"},
		{"JOB_OUTPUT_PREFIX": "p"}, {"JOB_OUTPUT_PREFIX": "s3://b/p*"}, {"JOB_INPUTS_FROM": "s3://b/"},
		{"JOB_OUTPUT_PREFIX": "s3://b/p", "JOB_MANIFEST": "s3://b/m/"},
	} {
		if _, err := readPlan([]string{"true"}, func(name string) string { return environment[name] }); err == nil {
			t.Errorf("%v was accepted", environment)
		}
	}
}
