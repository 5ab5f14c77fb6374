package main

import (
	"math"
	"math/bits"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// A core is what the samples share.
type core struct {
	bases     int    // known in enough samples
	constant  [4]int // those that all samples have in common, by base
	sites     []int  // positions with a substitution: the variable ones of the core, then all others
	coreSites int
	coreWords int
	planes    [][]word // of each sample
}

// A word holds the bases of a sample at 64 sites. The sites outside the core begin with a new word.
type word struct{ known, high, low uint64 }

// findCore finds the bases that at least a percentage of the samples know.
func findCore(reference *reference, samples []*sample, leastShare float64) *core {
	// Take off a little, since .07 * 100 is more than 7.
	need := int32(max(1, math.Ceil(leastShare*float64(len(samples))/100-1e-9)))
	// The number of samples that know a base, as differences between neighbours.
	known := make([]int32, len(reference.bases)+1)
	var sites []int
	for _, each := range samples {
		for _, run := range each.known {
			known[run.start]++
			known[run.end]--
		}
		for _, change := range each.changes {
			sites = append(sites, change.position)
		}
	}
	slices.Sort(sites)
	sites = slices.Compact(sites)
	all := &core{sites: sites, planes: planes(reference, samples, sites, len(sites))}
	made := &core{}
	var others []int
	next, count := 0, int32(0)
	for position, base := range reference.bases {
		count += known[position]
		inside := count >= need
		if inside {
			made.bases++
		}
		if next < len(sites) && sites[next] == position {
			counts := all.counts(samples, next)
			next++
			different, common := 0, 0
			for code, number := range counts {
				if number > 0 {
					different++
					common = code
				}
			}
			switch {
			case inside && different > 1:
				made.sites = append(made.sites, position)
			case inside:
				made.constant[common]++
				fallthrough
			default:
				others = append(others, position)
			}
		} else if inside {
			made.constant[codes[base]]++
		}
	}
	made.coreSites = len(made.sites)
	made.sites = append(made.sites, others...)
	made.planes = planes(reference, samples, made.sites, made.coreSites)
	made.coreWords = (made.coreSites + 63) / 64
	return made
}

// planes returns the bases of each sample at the sites. The first `inner` sites have words of their own.
func planes(reference *reference, samples []*sample, sites []int, inner int) [][]word {
	made := make([][]word, len(samples))
	inParallel(len(samples), func(i int) {
		each := samples[i]
		row := make([]word, (inner+63)/64+(len(sites)-inner+63)/64)
		for _, half := range []struct{ first, last, place int }{{0, inner, 0}, {inner, len(sites), (inner + 63) / 64 * 64}} {
			run, next := 0, 0
			for number, position := range sites[half.first:half.last] {
				for run < len(each.known) && each.known[run].end <= position {
					run++
				}
				if run == len(each.known) {
					break
				}
				if position < each.known[run].start {
					continue
				}
				for next < len(each.changes) && each.changes[next].position < position {
					next++
				}
				code := codes[reference.bases[position]]
				if next < len(each.changes) && each.changes[next].position == position {
					code = each.changes[next].code
				}
				at := half.place + number
				bit := uint64(1) << (at % 64)
				row[at/64].known |= bit
				row[at/64].high |= uint64(code>>1) << (at % 64)
				row[at/64].low |= uint64(code&1) << (at % 64)
			}
		}
		made[i] = row
	})
	return made
}

// place returns where the planes hold a site.
func (c *core) place(site int) (number int, bit uint64) {
	if site >= c.coreSites {
		site += c.coreWords*64 - c.coreSites
	}
	return site / 64, 1 << (site % 64)
}

// code returns the code of a sample's base at a site.
func (c *core) code(sample, site int) (code byte, known bool) {
	number, bit := c.place(site)
	at := c.planes[sample][number]
	if at.known&bit == 0 {
		return unknownBase, false
	}
	if at.high&bit != 0 {
		code = 2
	}
	if at.low&bit != 0 {
		code++
	}
	return code, true
}

// letter returns the letter of a sample's base in the alignment.
func (c *core) letter(number, site int, of *sample) byte {
	if code, known := c.code(number, site); known {
		return letters[code]
	}
	if holds(of.deleted, c.sites[site]) {
		return '-'
	}
	return 'N'
}

// counts returns how many samples have each base at a site.
func (c *core) counts(samples []*sample, site int) (counts [4]int) {
	for i := range samples {
		if code, known := c.code(i, site); known {
			counts[code]++
		}
	}
	return counts
}

type pair struct{ differences, coreDifferences, compared int32 }

// compareAll returns a row for each sample, of its pairs with the samples after it.
func compareAll(samples []*sample, found *core) [][]pair {
	rows := make([][]pair, len(samples))
	inParallel(len(samples), func(i int) {
		rows[i] = make([]pair, len(samples)-i-1)
		for k := range rows[i] {
			rows[i][k] = compare(samples[i], samples[i+1+k], found.planes[i], found.planes[i+1+k], found.coreWords)
		}
	})
	return rows
}

func compare(first, second *sample, a, b []word, coreWords int) (made pair) {
	for i := range a {
		if i == coreWords {
			made.coreDifferences = made.differences
		}
		x, y := a[i], b[i]
		made.differences += int32(bits.OnesCount64(((x.high ^ y.high) | (x.low ^ y.low)) & x.known & y.known))
	}
	if len(a) == coreWords {
		made.coreDifferences = made.differences
	}
	made.compared = int32(shared(first.known, second.known))
	return made
}

// inParallel calls a function for each number below a count.
func inParallel(count int, work func(number int)) {
	var group sync.WaitGroup
	var next atomic.Int64
	for range min(count, runtime.GOMAXPROCS(0)) {
		group.Add(1)
		go func() {
			defer group.Done()
			for number := int(next.Add(1)) - 1; number < count; number = int(next.Add(1)) - 1 {
				work(number)
			}
		}()
	}
	group.Wait()
}
