package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheInputListNamesEachInputInOneLine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "inputs.tsv")
	inputs := []object{
		{Key: "reads/my a%b.fq", bucket: "lab", Size: 12, ETag: "e-2"},
		{Key: "tab\there", bucket: "lab", Size: 0, SHA256: "5e"},
	}
	if err := writeInputList(file, inputs); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := "my a%b.fq\ts3://lab/reads/my%20a%25b.fq\t12\te-2\t-\n" + "tab%09here\ts3://lab/tab%09here\t0\t-\t5e\n"
	if string(text) != want {
		t.Errorf("got %q, want %q", text, want)
	}
}

// The encoding of the list is that of JOB_INPUTS, so that a command can pass an entry on.
func TestAURIOfTheInputListReadsBackAsTheSameObject(t *testing.T) {
	for _, key := range []string{"a b", "a%20b", "star*.fq", "[x]?", "tab\t", "line\nbreak", "ü+", "no\u00a0break"} {
		place := location{bucket: "b", key: "folder/" + key}
		file := filepath.Join(t.TempDir(), "inputs.tsv")
		if err := writeInputList(file, []object{{Key: place.key, bucket: "b"}}); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		inputs, err := parseInputs("JOB_INPUTS", strings.Split(string(text), "\t")[1])
		if err != nil || len(inputs) != 1 || inputs[0] != place {
			t.Errorf("%q: %v, %v", key, inputs, err)
		}
	}
}
