package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

// A unit is what counts as one: a substitution of one base, or an insertion, a deletion or both at one place.
type unit struct {
	start, end  int    // of the bases that it replaces: counted from 0, half-open, empty for an insertion
	alternative string // empty for a deletion
	group       *group // nil if the unit's sequence depends on no other unit
	side        int8
	copies      int8
	slot        int8 // which of the genotype's two alleles
	found       bool
	complex     bool // the search left out possibilities here
	outside     bool // of the confident regions
}

// A group holds the units of a heterozygous record. Those of one slot are on one sequence, those of the other slot on the other one.
type group struct{ number, lastStart int }

const (
	truthSide int8 = 0
	callSide  int8 = 1
)

var sideNames = []string{"truth", "calls"}

const (
	one  int8 = iota // one of the sequences has the unit
	both             // each sequence has it
	any_             // the file has no genotype, so that either fits
)

func (u *unit) isIndel() bool { return u.end-u.start != len(u.alternative) }

func (u *unit) status() string {
	switch {
	case u.outside:
		return "outside"
	case u.found:
		return "found"
	case u.side == truthSide:
		return "missed"
	}
	return "false"
}

// variants are the units of one file, by contig.
type variants struct {
	units   [][]*unit
	ignored int // alleles without a sequence, such as <DEL>
}

// readVariants reads the variants that passed the filter and that the sample carries. Of a VCF it needs only the columns CHROM, POS, REF,
// ALT, FILTER and GT. A header line for each tag, an order and an index are not needed.
func readVariants(path string, reference *reference, side int8, given options) (*variants, error) {
	reader := &vcf{
		variants: variants{units: make([][]*unit, len(reference.contigs))}, reference: reference, side: side, given: given, column: -1,
	}
	if err := eachLine(path, reader.line); err != nil {
		return nil, err
	}
	if reader.lines == 0 {
		return nil, reader.refuse("it is not a VCF. It is empty")
	}
	if !reader.titled {
		return nil, reader.refuse("it is not a VCF. It has no line that starts with #CHROM")
	}
	for number, units := range reader.units {
		reader.units[number] = withoutRepeats(units)
	}
	return &reader.variants, nil
}

type vcf struct {
	variants
	reference *reference
	side      int8
	given     options
	lines     int
	titled    bool
	column    int // of the sample, or -1 if there is none
}

func (v *vcf) refuse(format string, args ...any) error {
	name := v.given.truthName
	if v.side == callSide {
		name = v.given.sample
	}
	return refusal{sideNames[v.side], name, fmt.Sprintf(format, args...)}
}

const requiredColumns = 8

func (v *vcf) line(number int, text string) error {
	v.lines = number
	switch {
	case number == 1:
		return v.first(text)
	case text == "" || strings.HasPrefix(text, "##"):
		return nil
	case strings.HasPrefix(text, "#"):
		return v.title(number, strings.Split(text, "\t"))
	case !v.titled:
		return v.refuse("line %d: it is not a VCF. No line that starts with #CHROM stands before the variants", number)
	}
	fields := strings.Split(text, "\t")
	if err := v.enough(number, fields); err != nil {
		return err
	}
	return v.record(number, fields)
}

func (v *vcf) first(text string) error {
	switch {
	case strings.HasPrefix(text, "##fileformat=VCF"):
		return nil
	case strings.HasPrefix(text, "\xef\xbb\xbf"):
		return v.refuse(`it is not a VCF. It starts with a byte order mark. Remove it: sed -i '1s/^\xEF\xBB\xBF//' FILE`)
	case strings.HasPrefix(text, "\xff\xfe") || strings.HasPrefix(text, "\xfe\xff"):
		return v.refuse("it is not a VCF. Its text is in UTF-16. Convert it: iconv -f UTF-16 -t UTF-8 FILE")
	case strings.HasPrefix(text, "BCF"):
		return v.refuse("it is not a VCF. It is a BCF. Convert it: bcftools view -Oz -o FILE.vcf.gz FILE")
	}
	return v.refuse("it is not a VCF. Its first line does not start with ##fileformat=VCF")
}

func (v *vcf) enough(number int, fields []string) error {
	if len(fields) >= requiredColumns {
		return nil
	}
	if len(fields) == 1 && len(strings.Fields(fields[0])) >= requiredColumns {
		return v.refuse(`line %d: spaces separate its columns, and a VCF has tabs. Replace them: sed -i 's/  */\t/g' FILE`, number)
	}
	return v.refuse("line %d: it has %d columns, and a VCF has at least %d, which tabs separate", number, len(fields), requiredColumns)
}

// title chooses the sample's column.
func (v *vcf) title(number int, titles []string) error {
	if v.titled || !strings.HasPrefix(titles[0], "#CHROM") {
		return nil
	}
	if err := v.enough(number, titles); err != nil {
		return err
	}
	v.titled = true
	const firstSample = requiredColumns + 1
	samples := titles[min(len(titles), firstSample):]
	wanted := v.given.truthSample
	if v.side == callSide {
		wanted = ""
	}
	switch at := slices.Index(samples, wanted); {
	case wanted != "" && at < 0:
		return v.refuse("it has no sample %s. Its samples: %s", wanted, listed(samples))
	case wanted != "":
		v.column = firstSample + at
	case len(samples) == 1:
		v.column = firstSample
	case len(samples) > 1:
		if at = slices.Index(samples, v.given.sample); at < 0 {
			return v.refuse("it has %d samples, and none is %s. Choose one with --truth-sample: %s", len(samples), v.given.sample, listed(samples))
		}
		v.column = firstSample + at
	}
	return nil
}

func listed(names []string) string {
	const most = 20
	switch {
	case len(names) == 0:
		return "none"
	case len(names) > most:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

func (v *vcf) record(line int, fields []string) error {
	number, known := v.reference.numbers[fields[0]]
	if !known {
		return v.refuse("it has variants on %s, and the reference has no such contig. Do both use the same names (chr1 or 1)?", fields[0])
	}
	position, err := strconv.Atoi(fields[1])
	if err != nil || position < 0 {
		return v.refuse("line %d: the position is %s, and a VCF has a whole number", line, fields[1])
	}
	alternatives := strings.Split(strings.ToUpper(fields[4]), ",")
	if !slices.ContainsFunc(alternatives, isSequence) && !slices.ContainsFunc(alternatives, isUnknown) {
		v.ignore(line, fields, alternatives)
		return nil
	}
	before := strings.ToUpper(fields[3])
	if err := v.check(line, fields[0], number, position, before); err != nil {
		return err
	}
	if fields[6] != "PASS" && fields[6] != "." {
		return nil
	}
	carried, err := v.genotype(fields, len(alternatives))
	if err != nil {
		return v.refuse("line %d: %s", line, err)
	}
	var of *group
	first := len(v.units[number])
	for _, allele := range carried {
		alternative := alternatives[allele.number-1]
		switch {
		case isSequence(alternative):
		case isUnknown(alternative):
			return v.refuse("line %d: ALT is %s, and a sequence has only the letters A, C, G, T and N", line, alternative)
		default:
			v.ignored += ignored(alternative)
			continue
		}
		for _, each := range pieces(position-1, before, alternative) {
			each.side, each.copies, each.slot = v.side, allele.copies, allele.slot
			v.units[number] = append(v.units[number], each)
		}
	}
	if added := v.units[number][first:]; len(added) > 1 {
		for _, each := range added {
			if each.copies == one && v.given.ploidy == 2 {
				if of == nil {
					of = &group{number: 2*line + int(v.side)}
				}
				of.lastStart = max(of.lastStart, each.start)
				each.group = of
			}
		}
	}
	return nil
}

// ignore counts the alleles without a sequence of a record that has no other ones.
func (v *vcf) ignore(line int, fields, alternatives []string) {
	if fields[6] != "PASS" && fields[6] != "." {
		return
	}
	if carried, err := v.genotype(fields, len(alternatives)); err == nil {
		for _, allele := range carried {
			v.ignored += ignored(alternatives[allele.number-1])
		}
	}
}

// ignored returns 1 for an allele that is a variant without a sequence, and 0 for those that are none.
func ignored(alternative string) int {
	if slices.Contains([]string{".", "*", "<*>", "<NON_REF>"}, alternative) {
		return 0
	}
	return 1
}

func isSequence(alternative string) bool {
	return alternative != "" && strings.Trim(alternative, "ACGTN") == ""
}

// isUnknown reports whether an allele is neither a sequence nor one of the symbols of VCF.
func isUnknown(alternative string) bool {
	return !isSequence(alternative) && alternative != "*" && !strings.ContainsAny(alternative, "<>[].")
}

// check compares REF with the reference.
func (v *vcf) check(line int, contig string, number, position int, before string) error {
	length := v.reference.contigs[number].length
	if position < 1 || position-1+len(before) > length {
		return v.refuse("line %d: it is at %d to %d, and %s has %d bases", line, position, position-1+len(before), contig, length)
	}
	bases, err := v.reference.bases(number, position-1, position-1+len(before))
	if err != nil {
		return err
	}
	for i, base := range bases {
		if base != before[i] && isBase(base) {
			return v.refuse("line %d: REF has %c at %s:%d, and the reference has %c. Is it for another reference?",
				line, before[i], contig, position+i, base)
		}
	}
	if before == "" {
		return v.refuse("line %d: REF is empty", line)
	}
	return nil
}

func isBase(letter byte) bool {
	return letter == 'A' || letter == 'C' || letter == 'G' || letter == 'T'
}

// An allele is one that the sample carries.
type allele struct {
	number       int // of the alternative allele, from 1
	copies, slot int8
}

// genotype returns the alternative alleles that the sample carries. Without a genotype, it carries all.
func (v *vcf) genotype(fields []string, alternatives int) (carried []allele, err error) {
	text, given := v.genotypeField(fields)
	if !given {
		copies := one
		if v.given.ploidy == 2 {
			copies = any_
		}
		for number := 1; number <= alternatives; number++ {
			carried = append(carried, allele{number, copies, 0})
		}
		return carried, nil
	}
	// VCF 4.4 allows a separator before the first allele.
	numbers := strings.FieldsFunc(text, func(letter rune) bool { return letter == '/' || letter == '|' })
	for slot, each := range numbers {
		if each == "." {
			continue
		}
		number, err := strconv.Atoi(each)
		if err != nil || number < 0 || number > alternatives {
			return nil, fmt.Errorf("the genotype is %s, and the record has %d alternative alleles", text, alternatives)
		}
		seen := slices.ContainsFunc(carried, func(earlier allele) bool { return earlier.number == number })
		if number == 0 || seen {
			continue
		}
		found := allele{number, one, int8(min(slot, 1))}
		alone := !slices.ContainsFunc(numbers, func(other string) bool { return other != each })
		if alone && v.given.ploidy == 2 {
			found.copies = both
		}
		carried = append(carried, found)
	}
	return carried, nil
}

func (v *vcf) genotypeField(fields []string) (text string, given bool) {
	if v.column < 0 || v.column >= len(fields) {
		return "", false
	}
	at := slices.Index(strings.Split(fields[requiredColumns], ":"), "GT")
	if at < 0 {
		return "", false
	}
	values := strings.Split(fields[v.column], ":")
	if at >= len(values) {
		return ".", true
	}
	return values[at], true
}

// pieces are the units of an alternative allele, without the bases that it shares with the reference.
//
// An allele of the same length becomes one substitution for each base that differs. Every other one is a single unit.
func pieces(start int, before, after string) (found []*unit) {
	for before != "" && after != "" && before[0] == after[0] {
		start, before, after = start+1, before[1:], after[1:]
	}
	for before != "" && after != "" && before[len(before)-1] == after[len(after)-1] {
		before, after = before[:len(before)-1], after[:len(after)-1]
	}
	if len(before) != len(after) {
		// The copy frees the memory of the line.
		return []*unit{{start: start, end: start + len(before), alternative: strings.Clone(after)}}
	}
	for i := range len(before) {
		if before[i] != after[i] {
			found = append(found, &unit{start: start + i, end: start + i + 1, alternative: single(after[i])})
		}
	}
	return found
}

// single returns a string of one base without memory of its own.
func single(base byte) string {
	const all = "ACGTN"
	at := strings.IndexByte(all, base)
	return all[at : at+1]
}

func compare(a, b *unit) int {
	return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(min(a.end-a.start, 1), min(b.end-b.start, 1)),
		cmp.Compare(a.side, b.side), cmp.Compare(a.end, b.end), cmp.Compare(a.alternative, b.alternative))
}

// withoutRepeats sorts the units of one file, and keeps each once. One that a file names for both alleles, in two records, is on both
// sequences: `bcftools norm --multi-overlaps .` writes 1/. and ./1.
func withoutRepeats(units []*unit) []*unit {
	slices.SortStableFunc(units, compare)
	kept := units[:0]
	for _, each := range units {
		if last := len(kept) - 1; last >= 0 && compare(kept[last], each) == 0 {
			if each.copies == both || each.copies == one && kept[last].copies == one && each.slot != kept[last].slot {
				kept[last].copies, kept[last].group = both, nil
			}
		} else {
			kept = append(kept, each)
		}
	}
	return kept
}

// inOrder returns the units of both files in the order of the search.
func inOrder(known, called []*unit) []*unit {
	units := append(slices.Clip(known), called...)
	slices.SortStableFunc(units, compare)
	return units
}

// eachLine reads a text with any line ends.
func eachLine(path string, take func(number int, text string) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	reader := bufio.NewReaderSize(file, 1<<20)
	for number := 1; ; number++ {
		text, err := reader.ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if text == "" {
			return nil
		}
		if err := take(number, strings.TrimRight(text, "\r\n")); err != nil {
			return err
		}
	}
}
