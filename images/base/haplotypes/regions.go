package main

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// regions are sorted ranges of each contig that do not touch each other.
type regions [][]interval

type interval struct{ start, end int }

// readRegions reads a BED.
func readRegions(path, name string, reference *reference) (regions, error) {
	found, some := make(regions, len(reference.contigs)), false
	refuse := func(line int, format string, args ...any) error {
		return refusal{"confident regions", name, fmt.Sprintf("line %d: ", line) + fmt.Sprintf(format, args...)}
	}
	err := eachLine(path, func(line int, text string) error {
		fields := strings.Fields(text)
		if len(fields) == 0 || fields[0][0] == '#' || fields[0] == "track" || fields[0] == "browser" {
			return nil
		}
		if len(fields) < 3 {
			return refuse(line, "it has %d columns, and a BED has contig, start and end", len(fields))
		}
		number, known := reference.numbers[fields[0]]
		if !known {
			return refuse(line, "the reference has no contig %s. Do both use the same names (chr1 or 1)?", fields[0])
		}
		start, startError := strconv.Atoi(fields[1])
		end, endError := strconv.Atoi(fields[2])
		length := reference.contigs[number].length
		switch {
		case startError != nil || endError != nil || start < 0:
			return refuse(line, "start and end are %s and %s, and a BED has whole numbers from 0", fields[1], fields[2])
		case start >= end:
			return refuse(line, "the start, %d, is not before the end, %d", start, end)
		case end > length:
			return refuse(line, "it ends at %d, and %s has %d bases", end, fields[0], length)
		}
		found[number], some = append(found[number], interval{start, end}), true
		return nil
	})
	if err != nil {
		return nil, err
	}
	if !some {
		return nil, refusal{"confident regions", name, "it names no region"}
	}
	for number, each := range found {
		found[number] = merged(each)
	}
	return found, nil
}

func merged(all []interval) []interval {
	slices.SortFunc(all, func(a, b interval) int { return cmp.Compare(a.start, b.start) })
	kept := all[:0]
	for _, each := range all {
		if last := len(kept) - 1; last >= 0 && each.start <= kept[last].end {
			kept[last].end = max(kept[last].end, each.end)
		} else {
			kept = append(kept, each)
		}
	}
	return kept
}

func (r regions) bases() (sum int64) {
	for _, contig := range r {
		for _, each := range contig {
			sum += int64(each.end - each.start)
		}
	}
	return sum
}

// hold reports whether one region has all bases that a variant replaces, or both bases beside an insertion.
func (r regions) hold(number, length int, variant *unit) bool {
	start, end := variant.start, variant.end
	if start == end {
		start, end = max(start-1, 0), min(end+1, length)
	}
	of := r[number]
	after := sort.Search(len(of), func(i int) bool { return of[i].end >= end })
	return after < len(of) && of[after].start <= start
}
