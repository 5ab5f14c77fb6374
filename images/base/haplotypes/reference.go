package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// A reference reads the bases of an indexed FASTA, a window at a time.
type reference struct {
	file    *os.File
	contigs []contig
	numbers map[string]int

	window      []byte
	contig      int // of the window
	windowStart int
}

type contig struct {
	name        string
	length      int
	offset      int64 // in the file
	bases, wide int   // of a line, without and with its end
}

// A small window keeps a truth that is not sorted quick to check.
const windowBases = 1 << 16

func openReference(path string) (*reference, error) {
	index, err := os.ReadFile(path + ".fai")
	if err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	made := &reference{file: file, numbers: map[string]int{}, contig: -1}
	lines := bufio.NewScanner(bytes.NewReader(index))
	for lines.Scan() {
		fields := strings.Split(lines.Text(), "\t")
		var numbers [4]int64
		if len(fields) >= 5 {
			for i := range numbers {
				if numbers[i], err = strconv.ParseInt(fields[i+1], 10, 64); err != nil {
					break
				}
			}
		}
		if len(fields) < 5 || err != nil {
			_ = file.Close()
			return nil, fmt.Errorf("%s.fai: %q is no line of a FASTA index", path, lines.Text())
		}
		made.numbers[fields[0]] = len(made.contigs)
		made.contigs = append(made.contigs, contig{fields[0], int(numbers[0]), numbers[1], int(numbers[2]), int(numbers[3])})
	}
	return made, lines.Err()
}

// bases returns the bases of a half-open range in upper case. The next call can overwrite them.
func (r *reference) bases(number, start, end int) ([]byte, error) {
	of := r.contigs[number]
	start, end = max(start, 0), min(end, of.length)
	if start >= end {
		return nil, nil
	}
	if number != r.contig || start < r.windowStart || end > r.windowStart+len(r.window) {
		if err := r.read(number, start, min(max(end, start+windowBases), of.length)); err != nil {
			return nil, err
		}
	}
	return r.window[start-r.windowStart : end-r.windowStart], nil
}

func (r *reference) read(number, start, end int) error {
	of := r.contigs[number]
	place := func(base int) int64 { return of.offset + int64(base/of.bases)*int64(of.wide) + int64(base%of.bases) }
	from := place(start)
	text := make([]byte, place(end-1)+1-from)
	if _, err := r.file.ReadAt(text, from); err != nil {
		return fmt.Errorf("%s: bases %d to %d of %s: %w", r.file.Name(), start+1, end, of.name, err)
	}
	kept := text[:0]
	for _, letter := range text {
		if letter != '\n' && letter != '\r' {
			kept = append(kept, letter)
		}
	}
	r.window, r.contig, r.windowStart = bytes.ToUpper(kept), number, start
	return nil
}
