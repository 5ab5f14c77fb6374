// compare-haplotypes counts how the variants of a sample agree with known variants. It compares the sequences that the variants make, so it
// does not matter how a file writes them. compare.sh runs it.
//
// A variant counts as found if it belongs to a largest set of known and called variants that make the same sequences (see search.go). The
// tools of the field, such as vcfeval of RTG Tools, use the same rule. They are no packages of Debian, which is the only source of the
// images. Their builds need Java, Python with 200 MB of packages, or 200 crates of Rust.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
)

// A refusal is a fault of a file that the user gave.
type refusal struct{ what, name, why string }

func (r refusal) Error() string { return fmt.Sprintf("%s refused (%s): %s", r.what, r.name, r.why) }

// errNoCalls means that nothing was called where the truth has variants.
var errNoCalls = errors.New("no variant was called")

type options struct {
	sample, reference, calls, truth, truthName, truthSample, confident, confidentName, list string
	ploidy                                                                                  int
}

func main() {
	var given options
	flag.StringVar(&given.sample, "sample", "", "name of the sample")
	flag.StringVar(&given.reference, "reference", "", "FASTA of the reference, with its index beside it")
	flag.StringVar(&given.calls, "calls", "", "VCF of the calls")
	flag.StringVar(&given.truth, "truth", "", "VCF of the known variants")
	flag.StringVar(&given.truthName, "truth-name", "truth", "name of that file for messages")
	flag.StringVar(&given.truthSample, "truth-sample", "", "name of the column of the truth that counts")
	flag.StringVar(&given.confident, "confident", "", "BED of the regions in which variants count")
	flag.StringVar(&given.confidentName, "confident-name", "confident", "name of that file for messages")
	flag.StringVar(&given.list, "list", "", "file for the status of each variant")
	flag.IntVar(&given.ploidy, "ploidy", 2, "1 or 2, the number of sequences of each contig")
	flag.Parse()
	err := run(given, os.Stdout)
	if errors.Is(err, errNoCalls) {
		fmt.Fprintf(os.Stderr, "no variant was called where %s has some\n", given.truthName)
	} else if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err != nil {
		os.Exit(1)
	}
}

// run compares, and writes the counts as JSON.
func run(given options, out io.Writer) error {
	if given.ploidy != 1 && given.ploidy != 2 {
		return fmt.Errorf("-ploidy: %d is neither 1 nor 2", given.ploidy)
	}
	reference, err := openReference(given.reference)
	if err != nil {
		return err
	}
	defer reference.file.Close()
	var confident regions
	if given.confident != "" {
		if confident, err = readRegions(given.confident, given.confidentName, reference); err != nil {
			return err
		}
	}
	known, err := readVariants(given.truth, reference, truthSide, given)
	if err != nil {
		return err
	}
	called, err := readVariants(given.calls, reference, callSide, given)
	if err != nil {
		return err
	}
	counted := result{
		Sample: given.sample, Ploidy: given.ploidy, Method: "haplotypes",
		IgnoredSymbolic: known.ignored,
	}
	if confident != nil {
		bases := confident.bases()
		counted.ConfidentBases = &bases
	}
	list := io.Discard
	if given.list != "" {
		file, err := os.Create(given.list)
		if err != nil {
			return err
		}
		defer file.Close()
		list = file
	}
	lines := bufio.NewWriter(list)
	fmt.Fprintln(lines, "contig\tposition\treference\talternative\tfile\tstatus")
	for number, contig := range reference.contigs {
		units := inOrder(known.units[number], called.units[number])
		if err := search(reference, number, given.ploidy, units); err != nil {
			return err
		}
		for _, each := range units {
			each.outside = confident != nil && !confident.hold(number, contig.length, each)
			counted.add(each)
			position, before, after, err := asRecord(reference, number, each)
			if err != nil {
				return err
			}
			fmt.Fprintf(lines, "%s\t%d\t%s\t%s\t%s\t%s\n", contig.name, position, before, after, sideNames[each.side], each.status())
		}
	}
	if err := lines.Flush(); err != nil {
		return err
	}
	counted.finish()
	if known.ignored > 0 {
		fmt.Fprintf(os.Stderr, "%d alleles of the truth do not count, since they have no sequence (such as <DEL>)\n", known.ignored)
	}
	if counted.TooComplex > 0 {
		fmt.Fprintf(os.Stderr, "%d variants are too close together to try all combinations. More of them may agree than were found\n", counted.TooComplex)
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(counted); err != nil {
		return err
	}
	if both := counted.total(); both.called == 0 && both.known > 0 {
		return errNoCalls
	}
	return nil
}

// asRecord returns the position and the alleles of a variant as VCF writes them, with the base before an insertion or a deletion.
func asRecord(reference *reference, number int, of *unit) (position int, before, after string, err error) {
	start, end := of.start, of.end
	if of.isIndel() && (start == end || of.alternative == "") {
		if start > 0 {
			start--
		} else {
			end++
		}
	}
	bases, err := reference.bases(number, start, end)
	if err != nil {
		return 0, "", "", err
	}
	before = string(bases)
	return start + 1, before, before[:of.start-start] + of.alternative + before[of.end-start:], nil
}

// A result is the comparison as compare-haplotypes writes it.
type result struct {
	Sample          string     `json:"sample"`
	Substitutions   counts     `json:"substitutions"`
	Indels          counts     `json:"indels"`
	FoundCalls      foundCalls `json:"found_calls"`
	Method          string     `json:"method"`
	Ploidy          int        `json:"ploidy"`
	ConfidentBases  *int64     `json:"confident_bases"`
	TooComplex      int        `json:"too_complex"`
	IgnoredSymbolic int        `json:"ignored_symbolic"`
}

// counts are of one kind of variant.
type counts struct {
	Found     int    `json:"found"` // known variants
	False     int    `json:"false"` // called variants
	Missed    int    `json:"missed"`
	Precision *share `json:"precision"`
	Recall    *share `json:"recall"`
}

// foundCalls are the calls that agree with known variants. They can be more or fewer than the known variants that were found, because
// the two files may write the same sequence as different variants.
type foundCalls struct {
	Substitutions int `json:"substitutions"`
	Indels        int `json:"indels"`
}

type share float64

// MarshalJSON writes six decimal places.
func (s share) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(s), 'f', 6, 64), nil
}

func (r *result) add(each *unit) {
	if each.outside {
		return
	}
	if each.complex {
		r.TooComplex++
	}
	of, matched := &r.Substitutions, &r.FoundCalls.Substitutions
	if each.isIndel() {
		of, matched = &r.Indels, &r.FoundCalls.Indels
	}
	switch {
	case each.side == truthSide && each.found:
		of.Found++
	case each.side == truthSide:
		of.Missed++
	case each.found:
		*matched++
	default:
		of.False++
	}
}

func (r *result) finish() {
	ratio := func(part, rest int) *share {
		if part+rest == 0 {
			return nil
		}
		value := share(float64(part) / float64(part+rest))
		return &value
	}
	for of, matched := range map[*counts]int{&r.Substitutions: r.FoundCalls.Substitutions, &r.Indels: r.FoundCalls.Indels} {
		of.Precision, of.Recall = ratio(matched, of.False), ratio(of.Found, of.Missed)
	}
}

func (r *result) total() (both struct{ called, known int }) {
	for _, of := range []counts{r.Substitutions, r.Indels} {
		both.called += of.False
		both.known += of.Found + of.Missed
	}
	both.called += r.FoundCalls.Substitutions + r.FoundCalls.Indels
	return both
}
