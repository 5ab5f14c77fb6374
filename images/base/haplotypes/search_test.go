package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// testReference writes a FASTA with lines of 7 bases.
func testReference(t *testing.T, sequence string) *reference {
	t.Helper()
	path := filepath.Join(t.TempDir(), "reference.fa")
	text := ">c\n"
	for start := 0; start < len(sequence); start += 7 {
		text += sequence[start:min(start+7, len(sequence))] + "\n"
	}
	for name, content := range map[string]string{path: text, path + ".fai": fmt.Sprintf("c\t%d\t3\t7\t8\n", len(sequence))} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	reference, err := openReference(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = reference.file.Close() })
	return reference
}

func TestBasesCanBeReadInAnyOrder(t *testing.T) {
	sequence := strings.Repeat("ACGTTGCAAGGCTA", 6_000)
	reference := testReference(t, strings.ToLower(sequence))
	for _, each := range []interval{{0, 1}, {windowBases - 3, windowBases + 3}, {5, 80_000}, {len(sequence) - 2, len(sequence) + 9}, {6, 8}} {
		bases, err := reference.bases(0, each.start, each.end)
		if want := sequence[each.start:min(each.end, len(sequence))]; err != nil || string(bases) != want {
			t.Errorf("bases %v: %d bases, error %v, want %d", each, len(bases), err, len(want))
		}
	}
}

// crowd returns a run of a base, and deletions of single bases from it, at other places on each side.
func crowd(size int) (sequence string, units []*unit) {
	sequence = "C" + strings.Repeat("A", size) + "C"
	for side := range int8(2) {
		for at := range size / 3 {
			start := 1 + 3*at + int(side)
			units = append(units, &unit{start: start, end: start + 1, side: side})
		}
	}
	return sequence, inOrder(nil, units)
}

func TestWithoutRoomForAllStatesWhatIsFoundIsStillTheSame(t *testing.T) {
	defer func(before int) { mostStates = before }(mostStates)
	sequence, units := crowd(60)
	reference := testReference(t, sequence+"GATTACA")
	apart := &unit{start: len(sequence) + 2, end: len(sequence) + 3, alternative: "C", side: callSide}
	units = append(units, apart)
	for _, mostStates = range []int{2, 4, 10_000} {
		for _, each := range units {
			each.found, each.complex = false, false
		}
		if err := search(reference, 0, 2, units); err != nil {
			t.Fatal(err)
		}
		var found, narrowed [2]int
		for _, each := range units {
			if each.found {
				found[each.side]++
			}
			if each.complex {
				narrowed[each.side]++
			}
		}
		if apart.complex {
			t.Errorf("with %d states: a variant far from the others is said to be too close to them", mostStates)
		}
		// All deletions of a run are the same, so each found one has a partner.
		all := len(units) / 2
		if found[0] != found[1] || mostStates > 1_000 && found[0] != all {
			t.Errorf("with %d states: found %v of %d", mostStates, found, all)
		}
		if left := narrowed[0] + narrowed[1]; left > 0 != (mostStates < 1_000) {
			t.Errorf("with %d states: %d variants are said to be too close together", mostStates, left)
		}
	}
}

func TestALongRepeatIsLeftWhenItTakesTooLong(t *testing.T) {
	defer func(before int) { mostSteps = before }(mostSteps)
	sequence := strings.Repeat("CA", 5_000) + "GGTT"
	for _, mostSteps = range []int{1_000, 50_000_000} {
		units := []*unit{
			{start: 0, end: 2, side: truthSide}, {start: 5_000, end: 5_001, side: callSide, alternative: "G"}, {start: 9_000, end: 9_002, side: callSide},
		}
		if err := search(testReference(t, sequence), 0, 1, units); err != nil {
			t.Fatal(err)
		}
		whole := mostSteps > 1_000
		if units[0].found != whole || units[2].found != whole || units[0].complex == whole || units[1].found {
			t.Errorf("with %d steps: %+v %+v", mostSteps, *units[0], *units[2])
		}
	}
}
