package main

import (
	"cmp"
	"slices"
	"sort"
)

// An interval is half open.
type interval struct{ start, end int }

// merged sorts intervals, and joins those that touch.
func merged(all []interval) []interval {
	slices.SortFunc(all, func(a, b interval) int { return cmp.Compare(a.start, b.start) })
	kept := all[:0]
	for _, each := range all {
		if last := len(kept) - 1; last >= 0 && each.start <= kept[last].end {
			kept[last].end = max(kept[last].end, each.end)
		} else if each.start < each.end {
			kept = append(kept, each)
		}
	}
	return kept
}

// subtracted returns what is in one list and not in the other. Both are merged.
func subtracted(from, without []interval) []interval {
	var left []interval
	next := 0
	for _, each := range from {
		for next < len(without) && without[next].end <= each.start {
			next++
		}
		for i := next; i < len(without) && without[i].start < each.end; i++ {
			if each.start < without[i].start {
				left = append(left, interval{each.start, without[i].start})
			}
			each.start = without[i].end
		}
		if each.start < each.end {
			left = append(left, each)
		}
	}
	return left
}

// shared returns the number of positions in both lists, which are merged.
func shared(a, b []interval) (count int) {
	for i, j := 0, 0; i < len(a) && j < len(b); {
		if overlap := min(a[i].end, b[j].end) - max(a[i].start, b[j].start); overlap > 0 {
			count += overlap
		}
		if a[i].end < b[j].end {
			i++
		} else {
			j++
		}
	}
	return count
}

func total(all []interval) (count int) {
	for _, each := range all {
		count += each.end - each.start
	}
	return count
}

// holds reports whether a position is in a merged list.
func holds(all []interval, position int) bool {
	number := sort.Search(len(all), func(i int) bool { return all[i].end > position })
	return number < len(all) && all[number].start <= position
}
