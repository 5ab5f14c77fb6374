package main

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
)

// The search finds a largest set of known and called variants that make the same sequences.
//
// It reads a contig from left to right and keeps a set of states. A state stands for a choice of the variants to the left. It knows, for
// each sequence (one, or two for ploidy 2), how far each side has read the reference, and which bases one side has made and the other
// has not yet. A state ends if the sides differ. Of two states with the same future, the one with more variants stays. The choice of the
// sequence for a heterozygous variant is free, also if its genotype is phased. Where both sides have made the same bases and stand at the
// same place, a state is in step. Between two such places, either both sides have variants or none has: variants that only cancel each
// other do not count as found.
//
// vcfeval does the same (Cleary et al. 2015, "Comparing Variant Call Files for Performance Benchmarking of Next-Generation Sequencing
// Variant Calling Pipelines").

// Limits of the search. Where it reaches one, it goes on with the best states. What it finds is then still the same on both sides, but
// there may be more to find, so the result counts the variants there.
var (
	mostStates = 20_000
	// mostSteps is the number of bases that states out of step may read between two places where all are in step.
	mostSteps = 50_000_000
)

// A strand is one sequence as both sides make it.
type strand struct {
	position [2]int // where each side reads the reference next
	inserted [2]bool
	leader   int8   // the side that has made more
	ahead    string // what it has made more
}

// A state is a choice of variants.
type state struct {
	strands [2]strand
	used    [2]bool // the sides with variants since they were in step
	phases  []phase
	matched int // number of variants
	known   int // number of known ones among them
	last    *choice
}

// A phase says on which strand the first allele of a group is.
type phase struct {
	of     *group
	strand int8
}

// A choice is a list of the variants of a state, from the last one on.
type choice struct {
	taken    *unit
	previous *choice
}

type searcher struct {
	reference *reference
	number    int
	ploidy    int
	states    []*state
	key       []byte
	steps     int
	since     int // index of the first unit after the last place where all states were in step
	narrowed  bool
}

// search marks the units that are found. They are in the order of compare.
func search(reference *reference, number, ploidy int, units []*unit) error {
	s := &searcher{reference: reference, number: number, ploidy: ploidy, states: []*state{{}}}
	for next := 0; next < len(units); {
		at := units[next].start
		if err := s.advance(at); err != nil {
			return err
		}
		s.settle(at, units[:next])
		for ; next < len(units) && units[next].start == at; next++ {
			s.decide(units[next])
		}
	}
	end := reference.contigs[number].length
	if err := s.advance(end); err != nil {
		return err
	}
	s.states = slices.DeleteFunc(s.states, func(each *state) bool { return !each.inStep(end, ploidy) })
	s.settle(end, units)
	s.commit(units)
	return nil
}

// advance lets all states read the reference up to a place. Those whose sides differ end.
func (s *searcher) advance(to int) error {
	kept := s.states[:0]
	for _, each := range s.states {
		same, err := s.read(each, to)
		if err != nil {
			return err
		}
		if same {
			kept = append(kept, each)
		}
	}
	clear(s.states[len(kept):])
	s.states = kept
	return nil
}

func (s *searcher) read(each *state, to int) (same bool, err error) {
	for number := range s.ploidy {
		strand := &each.strands[number]
		strand.inserted = [2]bool{}
		// Most differences show within a few bases.
		for step := 32; ; step *= 2 {
			low, high := min(strand.position[0], strand.position[1]), max(strand.position[0], strand.position[1])
			if low == high && strand.ahead == "" {
				low = max(low, to)
				strand.position = [2]int{low, low}
			}
			if low >= to {
				break
			}
			reached := min(to, low+step)
			if low < high {
				// The sides can be in step from there on.
				reached = min(reached, high)
			}
			for side := range int8(2) {
				if strand.position[side] >= reached {
					continue
				}
				made, err := s.reference.bases(s.number, strand.position[side], reached)
				if err != nil {
					return false, err
				}
				s.steps += len(made)
				strand.position[side] = reached
				if !strand.add(side, made) {
					return false, nil
				}
			}
		}
	}
	return true, nil
}

// add appends bases to what one side has made, and reports whether the other side has made the same ones so far.
func (s *strand) add(side int8, made []byte) bool {
	if s.ahead == "" {
		s.leader = side
	}
	if s.leader == side {
		s.ahead += string(made)
		s.rest()
		return true
	}
	both := min(len(made), len(s.ahead))
	// An unknown base equals none. Otherwise, deletions anywhere in a run of N would be the same.
	if s.ahead[:both] != string(made[:both]) || bytes.ContainsFunc(made[:both], func(r rune) bool { return !isBase(byte(r)) }) {
		return false
	}
	s.ahead = s.ahead[both:]
	if rest := made[both:]; len(rest) > 0 {
		s.leader, s.ahead = side, string(rest)
	}
	s.rest()
	return true
}

// rest makes strands without a leader the same.
func (s *strand) rest() {
	if s.ahead == "" {
		s.leader = 0
	}
}

func (s *state) inStep(at, ploidy int) bool {
	for _, strand := range s.strands[:ploidy] {
		if strand.ahead != "" || strand.position != [2]int{at, at} {
			return false
		}
	}
	return true
}

// settle ends the states in which variants cancel each other, closes groups, and joins equal states. If one state remains and is in step,
// its variants are found.
func (s *searcher) settle(at int, before []*unit) {
	kept := s.states[:0]
	for _, each := range s.states {
		if each.inStep(at, s.ploidy) {
			if each.used[truthSide] != each.used[callSide] {
				continue
			}
			each.used = [2]bool{}
		}
		if len(each.phases) > 0 {
			each.phases = slices.DeleteFunc(slices.Clone(each.phases), func(open phase) bool { return open.of.lastStart < at })
		}
		kept = append(kept, each)
	}
	clear(s.states[len(kept):])
	s.states = kept
	s.join()
	if s.steps > mostSteps {
		s.narrow(1)
		s.steps = 0
	}
	if len(s.states) == 1 && len(s.states[0].phases) == 0 && s.states[0].inStep(at, s.ploidy) {
		s.commit(before)
	}
}

// commit marks the variants of the best state, and forgets how it was reached.
func (s *searcher) commit(before []*unit) {
	best := slices.MaxFunc(s.states, better)
	for chosen := best.last; chosen != nil; chosen = chosen.previous {
		chosen.taken.found = true
	}
	s.states = []*state{best}
	best.last, best.matched, best.known = nil, 0, 0
	if s.narrowed {
		for _, each := range before[s.since:] {
			each.complex = true
		}
	}
	s.since, s.steps, s.narrowed = len(before), 0, false
}

// decide continues each state without a variant and with it.
func (s *searcher) decide(variant *unit) {
	made := make([]*state, 0, 2*len(s.states))
	for _, each := range s.states {
		made = append(made, each)
		for strands := 1; strands < 1<<s.ploidy; strands++ {
			if with := s.with(each, variant, strands); with != nil {
				made = append(made, with)
			}
		}
	}
	s.states = made
	s.join()
	if len(s.states) > mostStates {
		s.narrow(mostStates)
	}
}

// with returns a state with a variant on some strands, which are bits, or nil if that cannot be.
func (s *searcher) with(from *state, variant *unit, strands int) *state {
	all := 1<<s.ploidy - 1
	if variant.copies == both && strands != all || variant.copies == one && s.ploidy == 2 && strands == all {
		return nil
	}
	made := *from
	if variant.group != nil {
		first := int8(strands>>1) ^ variant.slot
		at := slices.IndexFunc(from.phases, func(open phase) bool { return open.of == variant.group })
		if at < 0 {
			made.phases = append(slices.Clone(from.phases), phase{variant.group, first})
		} else if from.phases[at].strand != first {
			return nil
		}
	}
	for number := range s.ploidy {
		if strands>>number&1 == 0 {
			continue
		}
		strand := &made.strands[number]
		// The variants of one side on a strand replace different bases, and only one inserts bases at a place.
		if strand.position[variant.side] != variant.start || variant.start == variant.end && strand.inserted[variant.side] {
			return nil
		}
		strand.position[variant.side] = variant.end
		strand.inserted[variant.side] = strand.inserted[variant.side] || variant.start == variant.end
		if !strand.add(variant.side, []byte(variant.alternative)) {
			return nil
		}
	}
	made.used[variant.side] = true
	made.matched++
	if variant.side == truthSide {
		made.known++
	}
	made.last = &choice{variant, from.last}
	return &made
}

// join keeps the best of the states with the same future.
func (s *searcher) join() {
	if len(s.states) < 2 {
		return
	}
	places := make(map[string]int, len(s.states))
	kept := s.states[:0]
	for _, each := range s.states {
		s.identify(each)
		if place, met := places[string(s.key)]; !met {
			places[string(s.key)] = len(kept)
			kept = append(kept, each)
		} else if better(each, kept[place]) > 0 {
			kept[place] = each
		}
	}
	clear(s.states[len(kept):])
	s.states = kept
}

// identify makes a key that is the same for states with the same future. The two strands have no names, so the order of a state's strands
// does not matter.
func (s *searcher) identify(of *state) {
	s.key = s.key[:0]
	slices.SortFunc(of.phases, func(a, b phase) int { return cmp.Compare(a.of.number, b.of.number) })
	if s.ploidy == 2 {
		if order := of.strands[0].compare(of.strands[1]); order > 0 || order == 0 && len(of.phases) > 0 && of.phases[0].strand == 1 {
			of.strands[0], of.strands[1] = of.strands[1], of.strands[0]
			turned := slices.Clone(of.phases)
			for i := range turned {
				turned[i].strand ^= 1
			}
			of.phases = turned
		}
	}
	for _, strand := range of.strands[:s.ploidy] {
		for side := range 2 {
			s.key = binary.AppendUvarint(s.key, uint64(strand.position[side]))
		}
		s.key = append(s.key, bits(strand.inserted), byte(strand.leader))
		s.key = binary.AppendUvarint(s.key, uint64(len(strand.ahead)))
		s.key = append(s.key, strand.ahead...)
	}
	s.key = append(s.key, bits(of.used))
	for _, open := range of.phases {
		s.key = binary.AppendUvarint(s.key, uint64(open.of.number))
		s.key = append(s.key, byte(open.strand))
	}
}

func bits(of [2]bool) (packed byte) {
	for at, set := range of {
		if set {
			packed |= 1 << at
		}
	}
	return packed
}

func (s strand) compare(other strand) int {
	return cmp.Or(slices.Compare(s.position[:], other.position[:]), cmp.Compare(bits(s.inserted), bits(other.inserted)),
		cmp.Compare(s.leader, other.leader), cmp.Compare(s.ahead, other.ahead))
}

// better compares states by the number of their variants. Of equal ones, the one with more known variants is better.
func better(a, b *state) int {
	return cmp.Or(cmp.Compare(a.matched, b.matched), cmp.Compare(a.known, b.known))
}

// narrow keeps the best states, and the best one that can go on without further variants.
func (s *searcher) narrow(most int) {
	s.narrowed = true
	slices.SortStableFunc(s.states, func(a, b *state) int { return better(b, a) })
	safe := slices.IndexFunc(s.states, func(each *state) bool {
		return each.used[truthSide] == each.used[callSide] && !slices.ContainsFunc(each.strands[:s.ploidy], func(of strand) bool {
			return of.ahead != "" || of.position[0] != of.position[1]
		})
	})
	kept := append(slices.Clone(s.states[:min(most, len(s.states))-1]), s.states[safe])
	if safe < len(kept)-1 {
		kept[len(kept)-1] = s.states[len(kept)-1]
	}
	s.states = kept
}
