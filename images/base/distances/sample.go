package main

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// A reference is its contigs in a row. A position counts from the first base of the first contig.
type reference struct {
	bases      []byte // in upper case
	contigs    []contig
	numbers    map[string]int
	unknown    []interval // not A, C, G or T
	knownBases int
}

type contig struct {
	name       string
	start, end int
}

func readReference(path string) (*reference, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	made := &reference{numbers: map[string]int{}, bases: make([]byte, 0, len(text))}
	for line := range bytes.Lines(text) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) > 0 && line[0] == '>' {
			name, _, _ := strings.Cut(string(line[1:]), " ")
			made.numbers[name] = len(made.contigs)
			made.contigs = append(made.contigs, contig{name: name, start: len(made.bases), end: len(made.bases)})
			continue
		}
		if len(made.contigs) == 0 {
			return nil, fmt.Errorf("%s is no FASTA", path)
		}
		made.bases = append(made.bases, bytes.ToUpper(line)...)
		made.contigs[len(made.contigs)-1].end = len(made.bases)
	}
	for position, base := range made.bases {
		if codes[base] == unknownBase {
			made.unknown = append(made.unknown, interval{position, position + 1})
		}
	}
	made.unknown = merged(made.unknown)
	made.knownBases = len(made.bases) - total(made.unknown)
	return made, nil
}

// place returns the contig of a position, and the base of it, which counts from 0.
func (r *reference) place(position int) (name string, base int) {
	number := sort.Search(len(r.contigs), func(i int) bool { return r.contigs[i].end > position })
	return r.contigs[number].name, position - r.contigs[number].start
}

// position returns the position of a base of a contig, which counts from 0. The end of a range may be the end of the contig.
func (r *reference) position(name string, base int) (int, error) {
	number, known := r.numbers[name]
	if !known {
		return 0, fmt.Errorf("the reference has no contig %s", name)
	}
	of := r.contigs[number]
	if base < 0 || of.start+base > of.end {
		return 0, fmt.Errorf("%s has no base %d", name, base+1)
	}
	return of.start + base, nil
}

// The bases by their codes.
const (
	letters     = "ACGT"
	unknownBase = 255
)

var codes = func() (made [256]byte) {
	for i := range made {
		made[i] = unknownBase
	}
	for code, letter := range []byte(letters) {
		made[letter] = byte(code)
	}
	return made
}()

type sample struct {
	name     string
	callable int        // bases, deleted ones included
	mixed    int        // records where reads disagree
	known    []interval // sorted and apart
	deleted  []interval // sorted and apart
	changes  []change   // sorted
}

// A change is a substitution that passed.
type change struct {
	position int
	code     byte
}

func readSample(folder, name string, reference *reference) (*sample, error) {
	made := &sample{name: name}
	var callable []interval
	path := filepath.Join(folder, name+".callable.bed.gz")
	err := eachLine(path, 4, func(fields []string) error {
		found, err := reference.interval(fields[0], fields[1], fields[2])
		callable = append(callable, found)
		return err
	})
	if err != nil {
		return nil, err
	}
	callable = merged(callable)
	made.callable = total(callable)
	var doubt []interval
	changes := map[int]byte{}
	path = filepath.Join(folder, name+".vcf.gz")
	err = eachLine(path, 10, func(fields []string) error {
		if len(fields) < 10 {
			return errors.New("a record has no genotype")
		}
		number, err := strconv.Atoi(fields[1])
		if err != nil {
			return err
		}
		before, after := fields[3], fields[4]
		start, err := reference.position(fields[0], number-1)
		if err != nil {
			return err
		}
		end := start + len(before)
		genotype, _, _ := strings.Cut(fields[9], ":")
		if fields[6] != "PASS" {
			doubt = append(doubt, interval{start, end})
			if strings.Contains(fields[6], "Mixed") {
				made.mixed++
			}
			return nil
		}
		if !strings.Contains(genotype, "1") {
			return nil
		}
		if strings.Trim(genotype, "1/|") != "" {
			// Only a part of the sample has the variant.
			doubt = append(doubt, interval{start, end})
			return nil
		}
		for i := range min(len(before), len(after)) {
			if before[i] == after[i] {
				continue
			}
			code := codes[after[i]]
			if earlier, twice := changes[start+i]; code == unknownBase || twice && earlier != code {
				code = unknownBase
			}
			changes[start+i] = code
		}
		if len(after) < len(before) {
			made.deleted = append(made.deleted, interval{start + len(after), end})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	made.deleted = merged(made.deleted)
	var changed []interval
	for position, code := range changes {
		// bcftools norm may write a deletion to the left of where it is, across a substitution. Then two places are possible for both.
		if code == unknownBase || holds(made.deleted, position) {
			doubt = append(doubt, interval{position, position + 1})
			continue
		}
		made.changes = append(made.changes, change{position, code})
		changed = append(changed, interval{position, position + 1})
	}
	slices.SortFunc(made.changes, func(a, b change) int { return cmp.Compare(a.position, b.position) })
	without := merged(slices.Concat(doubt, made.deleted, reference.unknown))
	made.known = merged(append(subtracted(callable, without), changed...))
	return made, nil
}

func (r *reference) interval(name, from, to string) (interval, error) {
	start, startError := strconv.Atoi(from)
	end, endError := strconv.Atoi(to)
	if err := errors.Join(startError, endError); err != nil {
		return interval{}, err
	}
	first, startError := r.position(name, start)
	last, endError := r.position(name, end)
	return interval{first, last}, errors.Join(startError, endError)
}

// eachLine splits each line of a gzipped file that is not a comment. The last of `most` fields holds the rest of the line.
func eachLine(path string, most int, read func(fields []string) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	unpacked, err := gzip.NewReader(bufio.NewReaderSize(file, 1<<16))
	if errors.Is(err, io.EOF) {
		return nil // an empty file
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	lines := bufio.NewScanner(unpacked)
	lines.Buffer(nil, 1<<26)
	for number := 1; lines.Scan(); number++ {
		if line := lines.Text(); line != "" && line[0] != '#' {
			if err := read(strings.SplitN(line, "\t", most)); err != nil {
				return fmt.Errorf("%s: line %d: %w", path, number, err)
			}
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
