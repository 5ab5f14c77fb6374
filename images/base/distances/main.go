// cohort-distances compares the samples of a haploid cohort base by base, in the coordinates of the reference. distances.sh runs it.
//
// A base of a sample is known if it is callable, no variant that did not pass covers it, and it is not deleted. A known base is the
// substitution that passed there, or else that of the reference. The distance of two samples is the number of substitutions between them, of
// the bases that are known in both. So it does not depend on the other samples. A core base is known in at least a share of the samples.
//
// snp-dists counts the same from an alignment of whole genomes. Such an alignment of 1,000 bacteria has 5 GB. cohort-distances keeps the
// variants and the known ranges of each sample only.
package main

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

type options struct {
	reference, inputs, outputs, warnings string
	bases                                int
	leastCallable, leastShare            float64
}

func main() {
	var given options
	flag.StringVar(&given.reference, "reference", "", "FASTA of the reference")
	flag.StringVar(&given.inputs, "inputs", ".", "folder with <sample>.vcf.gz and <sample>.callable.bed.gz of each sample")
	flag.StringVar(&given.outputs, "outputs", ".", "folder for the results")
	flag.StringVar(&given.warnings, "warnings", "warnings.txt", "file for the warnings")
	flag.IntVar(&given.bases, "bases", 0, "bases that a sample can have callable, or 0 for those of the reference that are known")
	flag.Float64Var(&given.leastCallable, "least-callable", 80, "percentage of these bases below which a sample is left out")
	flag.Float64Var(&given.leastShare, "least-share", 100, "percentage of the samples that must know a base of the core")
	flag.Parse()
	if err := run(given, flag.Args(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run compares the samples with these names, and describes the result to a person.
func run(given options, names []string, out io.Writer) error {
	reference, err := readReference(given.reference)
	if err != nil {
		return err
	}
	if given.bases == 0 {
		given.bases = reference.knownBases
	}
	var samples, excluded []*sample
	for _, name := range names {
		each, err := readSample(given.inputs, name, reference)
		if err != nil {
			return err
		}
		if given.percentage(each.callable) >= given.leastCallable {
			samples = append(samples, each)
		} else {
			excluded = append(excluded, each)
		}
	}
	warnings, err := os.Create(given.warnings)
	if err != nil {
		return err
	}
	defer warnings.Close()
	warn := func(format string, arguments ...any) {
		fmt.Fprintf(warnings, format+"\n", arguments...)
		fmt.Fprintf(out, "warning: "+format+"\n", arguments...)
	}
	if len(excluded) > 0 {
		described := make([]string, len(excluded))
		for i, each := range excluded {
			described[i] = fmt.Sprintf("%s (%.1f %%)", each.name, given.percentage(each.callable))
		}
		warn("the distances leave out samples of which less than %g %% is callable: %s", given.leastCallable, strings.Join(described, ", "))
	}
	if len(samples) < 2 {
		return fmt.Errorf("cohort refused: %d of its samples have %g %% or more of %d bases callable, and distances need 2. Sequence the others deeper",
			len(samples), given.leastCallable, given.bases)
	}
	var mixed []string
	for _, each := range samples {
		if each.mixed >= 3 && 20*each.mixed >= each.mixed+len(each.changes) {
			mixed = append(mixed, fmt.Sprintf("%s (%d beside %d substitutions)", each.name, each.mixed, len(each.changes)))
		}
	}
	if len(mixed) > 0 {
		warn("the distances of these samples are too small, since they leave out bases in which the reads of a sample disagree: %s",
			strings.Join(mixed, ", "))
	}
	found := findCore(reference, samples, given.leastShare)
	rows := compareAll(samples, found)
	if given.percentage(found.bases) < 80 {
		warn("only %.1f %% of the bases are in the core. The distances count all bases that two samples share, and the core alignment only those",
			given.percentage(found.bases))
	}
	if found.coreSites == 0 {
		warn("the samples do not differ in any base of the core, so the core alignment is empty")
	}
	fmt.Fprintf(out, "%d samples, %d bases in the core, %d of them vary\n", len(samples), found.bases, found.coreSites)
	return errors.Join(
		given.written("core.aln.fa.gz", func(w io.Writer) { writeAlignment(w, samples, found) }),
		given.written("core.sites.tsv.gz", func(w io.Writer) { writeSites(w, reference, samples, found) }),
		given.written("distances.tsv", func(w io.Writer) { writeMatrix(w, samples, rows) }),
		given.written("pairs.tsv.gz", func(w io.Writer) { writePairs(w, samples, rows) }),
		given.written("core.json", func(w io.Writer) { writeSummary(w, given, samples, excluded, found) }),
	)
}

func (o options) percentage(bases int) float64 {
	if o.bases == 0 {
		return 0
	}
	return 100 * float64(bases) / float64(o.bases)
}

// written writes a file of the results, compressed if its name ends in .gz.
func (o options) written(name string, write func(io.Writer)) error {
	file, err := os.Create(filepath.Join(o.outputs, name))
	if err != nil {
		return err
	}
	defer file.Close()
	buffer := bufio.NewWriter(file)
	if strings.HasSuffix(name, ".gz") {
		packed := gzip.NewWriter(buffer)
		lines := bufio.NewWriter(packed)
		write(lines)
		err = errors.Join(lines.Flush(), packed.Close())
	} else {
		write(buffer)
	}
	return errors.Join(err, buffer.Flush(), file.Close())
}

// writeAlignment writes the variable bases of the core as FASTA.
func writeAlignment(out io.Writer, samples []*sample, found *core) {
	for i, each := range samples {
		fmt.Fprintf(out, ">%s\n", each.name)
		for line := range (found.coreSites + 59) / 60 {
			text := make([]byte, 0, 61)
			for site := 60 * line; site < min(60*line+60, found.coreSites); site++ {
				text = append(text, found.letter(i, site, each))
			}
			_, _ = out.Write(append(text, '\n'))
		}
	}
}

// writeSites writes the place of each column of the alignment, and how many samples have each base.
func writeSites(out io.Writer, reference *reference, samples []*sample, found *core) {
	fmt.Fprintln(out, "contig\tposition\treference\tA\tC\tG\tT\tmissing")
	for site, position := range found.sites[:found.coreSites] {
		name, place := reference.place(position)
		counts := found.counts(samples, site)
		fmt.Fprintf(out, "%s\t%d\t%c\t%d\t%d\t%d\t%d\t%d\n", name, place+1, reference.bases[position],
			counts[0], counts[1], counts[2], counts[3], len(samples)-counts[0]-counts[1]-counts[2]-counts[3])
	}
}

// writeMatrix writes the distances as snp-dists does.
func writeMatrix(out io.Writer, samples []*sample, rows [][]pair) {
	fmt.Fprint(out, "sample")
	for _, each := range samples {
		fmt.Fprintf(out, "\t%s", each.name)
	}
	for i, each := range samples {
		fmt.Fprintf(out, "\n%s", each.name)
		for j := range samples {
			switch {
			case i == j:
				fmt.Fprint(out, "\t0")
			case i < j:
				fmt.Fprintf(out, "\t%d", rows[i][j-i-1].differences)
			default:
				fmt.Fprintf(out, "\t%d", rows[j][i-j-1].differences)
			}
		}
	}
	fmt.Fprintln(out)
}

// writePairs writes a line for each pair, with what its distance rests on.
func writePairs(out io.Writer, samples []*sample, rows [][]pair) {
	fmt.Fprintln(out, "first\tsecond\tdifferences\tcompared_bases\tcore_differences")
	for i, row := range rows {
		for k, each := range row {
			fmt.Fprintf(out, "%s\t%s\t%d\t%d\t%d\n", samples[i].name, samples[i+1+k].name, each.differences, each.compared, each.coreDifferences)
		}
	}
}

type summary struct {
	Samples          int            `json:"samples"`
	Bases            int            `json:"reference_bases"`
	LeastCallable    float64        `json:"least_callable_percent"`
	LeastShare       float64        `json:"least_share_percent"`
	CoreBases        int            `json:"core_bases"`
	VariableBases    int            `json:"variable_core_bases"`
	ConstantBases    map[string]int `json:"constant_core_bases"`
	ConstantForTrees string         `json:"iqtree_fconst"`
	BySample         []sampleRow    `json:"by_sample"`
	Excluded         []sampleRow    `json:"excluded"`
}

type sampleRow struct {
	Name          string  `json:"sample"`
	Callable      float64 `json:"callable_percent"`
	Substitutions int     `json:"substitutions_to_reference"`
}

func writeSummary(out io.Writer, given options, samples, excluded []*sample, found *core) {
	rows := func(of []*sample) []sampleRow {
		made := make([]sampleRow, len(of))
		for i, each := range of {
			made[i] = sampleRow{each.name, float64(int(10*given.percentage(each.callable)+.5)) / 10, len(each.changes)}
		}
		return made
	}
	constant := map[string]int{}
	for code, count := range found.constant {
		constant[string(letters[code])] = count
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(summary{
		Samples: len(samples), Bases: given.bases, LeastCallable: given.leastCallable, LeastShare: given.leastShare,
		CoreBases: found.bases, VariableBases: found.coreSites, ConstantBases: constant,
		ConstantForTrees: fmt.Sprintf("%d,%d,%d,%d", found.constant[0], found.constant[1], found.constant[2], found.constant[3]),
		BySample:         rows(samples), Excluded: rows(excluded),
	})
}
