"""The align step warns about reads that the caller ignores silently, and follows the options of call-variants."""

import pytest

from biobatch import variants
from tests.images.containers import Images, Result
from tests.images.storage import Folder

GENOME = """
awk 'BEGIN { srand(7); print ">g"; for (i = 0; i < 200; i++) { line = ""; for (j = 0; j < 60; j++) line = line substr("ACGT", 1 + int(4 * rand()), 1); print line } }' > given
"""

PAIRS = "wgsim -S 5 -h -e 0 -r 0.01 -d 300 -s 30 -N 2000 -1 100 -2 100 given R1.fq R2.fq > /dev/null 2>&1\n"

#: Replaces each read by its reverse complement. The pairs then point outward, as in a mate-pair library.
OUTWARD = """
for file in R1.fq R2.fq; do
  awk 'NR % 4 == 2 { read = ""; for (i = length($0); i; i--) read = read substr("TGCA", index("ACGT", substr($0, i, 1)), 1); $0 = read } 1' $file > turned
  mv turned $file
done
"""

AMPLIFIED = """
for file in R1.fq R2.fq; do
  for copy in 1 2 3 4; do awk -v copy=$copy 'NR > 2000 { exit } NR % 4 == 1 { sub("@", "@" copy "_") } 1' $file; done > copied
  mv copied $file
done
"""

#: Replaces the second mates by those of other fragments, under the names of the first.
OTHER_RUN = """
wgsim -S 6 -h -e 0 -r 0.01 -d 300 -s 30 -N 2000 -1 100 -2 100 given other.fq R2.fq > /dev/null 2>&1
awk 'NR % 4 == 1 { getline name < "R1.fq"; for (i = 0; i < 3; i++) getline < "R1.fq"; $0 = name; sub("/1$", "/2") } 1' R2.fq > named
mv named R2.fq; rm other.fq
"""

#: Cuts the reference into contigs that are shorter than most fragments.
CUT = "awk '!/>/ { printf \"%s\", $0 }' given | fold -w 250 | awk '{ print \">c\" NR; print }' > cut; mv cut given\n"

#: Changes of the pairs or of the reference, and the starts of the warnings.
CASES = {
    "inward": ("", []),
    "outward": (OUTWARD, []),
    "other-run": (OTHER_RUN, ["the mates of many pairs point in the same direction"]),
    "amplicons": (AMPLIFIED, ["the mean depth is only 8.", "most reads are duplicates"]),
    "reference": (
        "sed '1s/.*/>again/' given > again; cat again >> given; rm again\n",
        ["most reads map to several places"],
    ),
    "reference-in-a-contig": (
        "sed 1d given > again; cat again >> given; rm again\n",
        ["most reads map to several places"],
    ),
    "draft": (CUT, ["most pairs lie on two contigs"]),
    "qualities": ("sed -i '4~4s/./*/g' R1.fq R2.fq\n", ["the mean quality is only 9.0"]),
}

INDEX = "mv given reference.fa; { bwa index reference.fa; samtools faidx reference.fa; } 2> /dev/null\n"

SETTINGS = {
    "SAMPLE": "s",
    "READS": "R1.fq",
    "THREADS": "2",
    "SORT_MIB": "64",
    "PLATFORM": "illumina",
    "ALIGNMENT": "bam",
}


def align(
    images: Images, folder: Folder, prepare: str, inspect: str = "", outputs: str = "qc/s.*", **options: str
) -> Result:
    """Runs the step on pairs after a shell script made its inputs, and before another one inspects its outputs."""
    environment = {**SETTINGS, "MATES": "R2.fq", **options, "JOB_OUTPUTS": outputs, "JOB_OUTPUT_PREFIX": folder.uri()}
    # A subshell, because a refusal ends the step.
    script = f"set -e\n{GENOME}{PAIRS}{prepare}{INDEX}(\n{variants.script('align')}\n)\n{inspect}"
    return images.run("bwa", script, environment={name: value for name, value in environment.items() if value})


@pytest.mark.parametrize("what", CASES)
def test_reads_that_yield_no_variants_give_exactly_the_warning_that_fits(
    images: Images, folder: Folder, what: str
) -> None:
    change, words = CASES[what]
    job = align(images, folder, change)
    assert job.exit_code == 0, job.log
    assert "4000 reads, 2000 pairs, 100.00% mapped, mean depth " in job.log
    found = folder.get("qc/s.warnings.txt").decode().splitlines()
    assert len(found) == len(words), found
    assert all(line.startswith(start) for line, start in zip(found, words, strict=True)), found


#: Changes after which the reads are refused, and the reason.
REFUSED = {
    "the-same-mates": ("sed 's,/1$,/2,' R1.fq > R2.fq\n", "both files have the same reads"),
    "the-same-mates-recompressed": (
        "gzip -1 -c R1.fq > R2.fq; gzip -9 R1.fq; mv R1.fq.gz R1.fq\n",
        "both files have the same reads",
    ),
    "the-same-mates-trimmed": (
        "sed -e '2~2s/.....$//' -e 's,/1$,/2,' R1.fq > R2.fq\n",
        "none of 2000 pairs maps properly",
    ),
    **{
        f"qualities-of-{quality}": (f"sed -i '4~4s/./{letter}/g' R1.fq\n", f"the mean quality of R1.fq is {quality}.")
        for quality, letter in {0: "!", 2: "#", 3: "$", 7: "("}.items()
    },
}


@pytest.mark.parametrize("what", REFUSED)
def test_reads_that_would_lose_variants_are_refused_in_one_line(images: Images, folder: Folder, what: str) -> None:
    change, words = REFUSED[what]
    job = align(images, folder, change)
    assert job.exit_code == 1
    first, *rest = job.log.splitlines()
    assert first.startswith(f"reads of s refused (R1.fq and R2.fq): {words}"), job.log
    assert all(line.startswith("job: ") for line in rest)


def test_a_few_pairs_of_equal_mates_give_a_warning(images: Images, folder: Folder) -> None:
    job = align(images, folder, "head -n 20 R1.fq > few; cp few R1.fq; mv few R2.fq\n")
    assert job.exit_code == 0, job.log
    assert "most reads do not map in proper pairs" in folder.get("qc/s.warnings.txt").decode()


def test_the_command_in_the_refusal_gives_reads_without_qualities_new_ones(images: Images, folder: Folder) -> None:
    spoiled = "for file in R1.fq R2.fq; do sed -i '4~4s/./#/g' $file; done\n"
    command = align(images, folder, spoiled).log.splitlines()[0].rpartition("each base: ")[2]
    mended = "".join(
        command.replace("FILE", f"{file}.fq").replace("NEW.fastq.gz", f"{file}.new") + f"; mv {file}.new {file}.fq\n"
        for file in ("R1", "R2")
    )
    job = align(images, folder, spoiled + mended)
    assert job.exit_code == 0, job.log
    assert folder.get("qc/s.warnings.txt") == b""


#: Writes reads of 1,500 bases with 8 % of errors and a mean quality of 11, as Nanopore reads had for years.
LONG = """
awk 'BEGIN { srand(3) } !/>/ { g = g $0 } END { for (r = 0; r < 300; r++) {
  start = 1 + int(rand() * (length(g) - 1500)); read = ""; letters = ""
  for (i = 0; i < 1500; i++) {
    x = rand(); base = substr(g, start + i, 1)
    if (x < 0.03) base = substr("ACGT", 1 + int(4 * rand()), 1); else if (x < 0.06) base = ""; else if (x < 0.08) base = base "A"
    read = read base
  }
  for (i = 0; i < length(read); i++) letters = letters substr("*+,-.", 1 + int(5 * rand()), 1)
  print "@long" r "\\n" read "\\n+\\n" letters } }' given > R1.fq
"""


#: The same with 1 % of errors and high qualities, as PacBio HiFi reads have.
GOOD_LONG = (
    LONG.replace("x < 0.03", "x < 0.004").replace("x < 0.06", "x < 0.007").replace("x < 0.08", "x < 0.01")
    + "sed -i '4~4s/./~/g' R1.fq\n"
)


def test_long_reads_are_refused_with_the_option_and_aligned_with_it(images: Images, folder: Folder) -> None:
    refused = align(images, folder, LONG, MATES="")
    assert refused.exit_code == 1
    assert "For Oxford Nanopore use --platform ont, for PacBio HiFi --platform hifi" in refused.log.splitlines()[0]
    inspect = "samtools view -H s/s.bam; samtools view -c -F 2308 -q 20 s/s.bam | sed 's/^/placed /'"
    job = align(images, folder, LONG, inspect, MATES="", PLATFORM="ont")
    assert job.exit_code == 0, job.log
    assert "\tPL:ONT" in job.log
    assert "\tCL:minimap2 -a -x map-ont " in job.log
    assert "placed 300" in job.log.splitlines()
    assert folder.get("qc/s.warnings.txt") == b""
    assert folder.get("qc/s.align_mqc_versions.yml").decode() == 'minimap2: "2.27"\nsamtools: "1.21"\n'


def test_good_long_reads_give_a_warning_that_names_the_option(images: Images, folder: Folder) -> None:
    job = align(images, folder, GOOD_LONG, MATES="")
    assert job.exit_code == 0, job.log
    assert "for PacBio HiFi --platform hifi" in folder.get("qc/s.warnings.txt").decode()
    job = align(images, folder, GOOD_LONG, "samtools view -H s/s.bam", MATES="", PLATFORM="hifi")
    assert job.exit_code == 0, job.log
    assert "\tPL:PACBIO" in job.log
    assert folder.get("qc/s.warnings.txt") == b""


def test_short_reads_as_long_ones_give_a_warning(images: Images, folder: Folder) -> None:
    job = align(images, folder, "", MATES="", PLATFORM="ont")
    assert job.exit_code == 0, job.log
    assert "a read has only 100 bases on average" in folder.get("qc/s.warnings.txt").decode()


def test_the_header_names_the_inputs_and_no_path_of_the_job(images: Images, folder: Folder) -> None:
    listed = "printf '%s\\t%s\\n' R1.fq s3://b/a%20b/R1.fq reference.fa s3://b/reference.fa R2.fq s3://b/R2.fq > $TMPDIR/list\n"
    prepare = f"{listed}export JOB_INPUT_LIST=$TMPDIR/list\n"
    for alignment in ("bam", "cram"):
        job = align(images, folder, prepare, f"samtools view -H --no-PG s/s.{alignment}", ALIGNMENT=alignment)
        assert job.exit_code == 0, job.log
        header = [line for line in job.log.splitlines() if line.startswith("@")]
        (group,) = [line.split("\t") for line in header if line.startswith("@RG")]
        assert group[1:] == [*["ID:s", "SM:s", "LB:s", "PU:s"], "DS:s3://b/a%20b/R1.fq s3://b/R2.fq", "PL:ILLUMINA"]
        (aligned,) = [line for line in header if line.startswith("@PG\tID:bwa\t")]
        assert aligned.endswith(" reference.fa R1 R2")
        assert not [line for line in header if "/scratch" in line or "UR:" in line]
    assert folder.get("qc/s.align_mqc_versions.yml").decode() == 'bwa: "0.7.18"\nsamtools: "1.21"\n'


def test_a_cram_holds_the_records_and_measures_of_the_bam(images: Images, folder: Folder) -> None:
    measures = {}
    for alignment in ("bam", "cram"):
        # Without the tags, which a CRAM holds in another order.
        inspect = (
            f"samtools view -T $TMPDIR/inputs/reference.fa s/s.{alignment} | cut -f 1-11 | md5sum | sed 's/^/records /'"
        )
        job = align(images, folder, "", inspect, f"qc/s.* s/s.{alignment} s/s.{alignment}.*i", ALIGNMENT=alignment)
        assert job.exit_code == 0, job.log
        (records,) = [line for line in job.log.splitlines() if line.startswith("records ")]
        stats = [line for line in folder.get("qc/s.stats.txt").decode().splitlines() if not line.startswith("#")]
        others = [folder.get(f"qc/s.{measure}.txt") for measure in ("flagstat", "idxstats", "samtools_coverage")]
        measures[alignment] = (records, stats, others)
    assert measures["cram"] == measures["bam"]
    assert {"s/s.cram", "s/s.cram.crai"} <= folder.names("")
    assert len(folder.get("s/s.cram")) < len(folder.get("s/s.bam")) / 2


def test_kept_duplicates_count_in_the_depth_and_the_warning_says_so(images: Images, folder: Folder) -> None:
    depths = []
    for option in ("", "1"):
        job = align(images, folder, AMPLIFIED, KEEP_DUPLICATES=option)
        assert job.exit_code == 0, job.log
        depths.append(float(folder.get("qc/s.samtools_coverage.txt").decode().splitlines()[1].split("\t")[6]))
    assert depths[1] == pytest.approx(4 * depths[0], rel=0.02)
    assert "--keep-duplicates calls variants from them too" in folder.get("qc/s.warnings.txt").decode()


#: Pairs that each span one of two amplicons of 300 bases, with primers of 20 bases at the ends.
AMPLICONS = """
awk '!/>/ { g = g $0 } END { for (start = 1001; start < 2000; start += 500) for (i = 0; i < 50; i++) {
  end = ""; for (j = start + 299; j >= start; j--) end = end substr("TGCA", index("ACGT", substr(g, j, 1)), 1)
  q = sprintf("%300s", ""); gsub(/ /, "I", q)
  print "@" start "_" i "\\n" substr(g, start, 300) "\\n+\\n" q > "R1.fq"; print "@" start "_" i "\\n" end "\\n+\\n" q > "R2.fq" } }' given
printf 'track name=primers\\r\\ng\\t1000\\t1020\\tA\\t0\\t+\\r\\ng\\t1280\\t1300\\tA\\t0\\t-\\r\\ng\\t1500\\t1520\\r\\ng\\t1780\\t1800\\r\\n' > p.bed
"""


def test_primers_are_clipped_from_both_ends(images: Images, folder: Folder) -> None:
    inspect = "samtools depth -g DUP s/s.bam | awk '{ print \"depth\", $2, $3 }'"
    job = align(images, folder, AMPLICONS, inspect, PRIMERS="p.bed", KEEP_DUPLICATES="1")
    assert job.exit_code == 0, job.log
    depth = {
        int(line.split()[1]) for line in job.log.splitlines() if line.startswith("depth ") and not line.endswith(" 0")
    }
    covered = {base for start in (1001, 1501) for base in range(start + 20, start + 280)}
    assert depth == covered
    elsewhere = align(
        images, folder, AMPLICONS + "printf 'g\\t5000\\t5020\\n' > p.bed\n", PRIMERS="p.bed", KEEP_DUPLICATES="1"
    )
    assert elsewhere.exit_code == 0
    assert "no read begins or ends in a primer" in folder.get("qc/s.warnings.txt").decode()


@pytest.mark.parametrize(
    ("primers", "words"),
    [
        ("chr1\\t5\\t9\\n", "line 1: the reference has no contig chr1"),
        ("g\\t5\\t9\\ng\\t9\\t9\\n", "line 2: 9 to 9 is not within the 12000 bases of g"),
        ("g\\t5\\t12001\\n", "line 1: 5 to 12001 is not within"),
        ("g\\tfive\\t9\\n", "line 1: it has no columns CONTIG FROM TO"),
        ("# nothing\\n", "it has no primers"),
    ],
)
def test_invalid_primers_are_refused_in_one_line(images: Images, folder: Folder, primers: str, words: str) -> None:
    job = align(images, folder, f"printf '{primers}' > p.bed\n", PRIMERS="p.bed")
    assert job.exit_code == 1
    assert job.log.startswith(f"primers refused (p.bed): {words}")


#: Splits the pairs into two lanes. The second has 100 pairs of the first again, under other names.
LANES = """
for mate in 1 2; do
  head -n 4000 R$mate.fq > a_$mate.fq
  { tail -n +4001 R$mate.fq; head -n 400 R$mate.fq | awk 'NR % 4 == 1 { sub("@", "@copy_") } 1'; } > b_$mate.fq
done
"""

#: The variables of these lanes.
TWO_LANES = {"READS": "a_1.fq\nb_1.fq", "MATES": "a_2.fq\nb_2.fq", "LANES": "L1\nL2"}

#: Prints the records without their read groups.
RECORDS = "samtools view s/s.bam | sed -E 's/\\tRG:Z:[^\\t]*//' | md5sum | sed 's/^/records /'; samtools view -H --no-PG s/s.bam\n"


def printed(job: Result, start: str) -> list[str]:
    """The lines of a job's log that begin with a text."""
    return [line for line in job.log.splitlines() if line.startswith(start)]


def counts(folder: Folder, name: str = "s") -> dict[str, int]:
    """The numbers of samtools flagstat, by their words."""
    lines = (line.split(" + 0 ") for line in folder.get(f"qc/{name}.flagstat.txt").decode().splitlines())
    return {words.split(" (")[0]: int(number) for number, words in lines}


def test_two_lanes_give_the_records_of_one_file_and_duplicates_across_them_are_found(
    images: Images, folder: Folder
) -> None:
    joined = "cat a_1.fq b_1.fq > R1.fq; cat a_2.fq b_2.fq > R2.fq\n"
    one = align(images, folder, LANES + joined, RECORDS)
    assert one.exit_code == 0, one.log
    measured = {
        name: folder.get(name) for name in ("qc/s.flagstat.txt", "qc/s.samtools_coverage.txt", "qc/s.warnings.txt")
    }
    listed = "printf '%s\\t%s\\n' a_1.fq s3://b/a_1.fq b_1.fq s3://b/b_1.fq a_2.fq s3://b/a_2.fq b_2.fq s3://b/b_2.fq > $TMPDIR/list\n"
    two = align(images, folder, f"{LANES}{listed}export JOB_INPUT_LIST=$TMPDIR/list\n", RECORDS, **TWO_LANES)
    assert two.exit_code == 0, two.log
    assert printed(two, "records ") == printed(one, "records ") != []
    assert {name: folder.get(name) for name in measured} == measured
    # The copies, and a few pairs that begin and end at the same bases by chance.
    assert 200 <= counts(folder)["duplicates"] < 220
    assert [line.split("\t")[1:] for line in printed(two, "@RG")] == [
        [f"ID:s.{lane}", "SM:s", "LB:s", f"PU:{lane}", f"DS:s3://b/{file}_1.fq s3://b/{file}_2.fq", "PL:ILLUMINA"]
        for lane, file in (("L1", "a"), ("L2", "b"))
    ]
    assert len(printed(two, "@SQ")) == 1
    assert len(printed(two, "@HD")) == 1


def test_each_record_has_the_read_group_of_its_lane(images: Images, folder: Folder) -> None:
    inspect = 'for lane in L1 L2; do samtools view -c -T $TMPDIR/inputs/reference.fa -r s.$lane s/s.cram | sed "s/^/$lane /"; done'
    job = align(images, folder, LANES, inspect, ALIGNMENT="cram", **TWO_LANES)
    assert job.exit_code == 0, job.log
    assert printed(job, "L") == ["L1 2000", "L2 2200"]


def test_a_truncated_lane_is_refused_with_its_name(images: Images, folder: Folder) -> None:
    cut = "gzip b_2.fq; head -c 20000 b_2.fq.gz > b_2.fq\n"
    job = align(images, folder, LANES + cut, **TWO_LANES)
    assert job.exit_code == 1
    assert job.log.startswith("reads of s refused (lane L2: b_1.fq and b_2.fq): b_2.fq is not whole"), job.log


def test_lanes_may_differ_in_length_and_in_their_number_of_files(images: Images, folder: Folder) -> None:
    shorter = "sed -i -E '2~2s/^(.{75}).*/\\1/' b_1.fq b_2.fq\n"
    interleaved = (
        "paste -d '\\n' <(paste - - - - < a_1.fq) <(paste - - - - < a_2.fq) | tr '\\t' '\\n' > a.fq; rm a_1.fq a_2.fq\n"
    )
    single = "cp b_1.fq c.fq; sed -i '1~4s/@/@single_/' c.fq\n"
    job = align(
        images,
        folder,
        LANES + shorter + interleaved + single,
        READS="a.fq\nb_1.fq\nc.fq",
        MATES="\nb_2.fq\n",
        LANES="1\n2\nc",
    )
    assert job.exit_code == 0, job.log
    found = counts(folder)
    assert (found["primary"], found["paired in sequencing"], found["properly paired"]) == (5300, 4200, 4200)


def test_a_lane_whose_mates_do_not_belong_together_is_refused_with_its_name(images: Images, folder: Folder) -> None:
    same = "sed -e '2~2s/.....$//' -e '1~4s,/1$,/2,' b_1.fq > b_2.fq\n"
    job = align(images, folder, LANES + same, **TWO_LANES)
    assert job.exit_code == 1
    assert job.log.startswith("reads of s refused (lanes L1 L2): lane L2: none of 1100 pairs maps properly"), job.log


def test_a_lane_of_other_reads_gives_a_warning_although_most_reads_of_the_sample_map(
    images: Images, folder: Folder
) -> None:
    foreign = """
for mate in 1 2; do
  head -n 400 R$mate.fq | awk -v seed=$mate 'BEGIN { srand(seed) } NR % 4 == 2 { for (i = 0; i < 100; i++) printf substr("ACGT", 1 + int(4 * rand()), 1); print ""; next } 1' > c_$mate.fq
done
"""
    job = align(
        images,
        folder,
        LANES + foreign,
        READS="a_1.fq\nb_1.fq\nc_1.fq",
        MATES="a_2.fq\nb_2.fq\nc_2.fq",
        LANES="L1\nL2\nL3",
    )
    assert job.exit_code == 0, job.log
    assert folder.get("qc/s.warnings.txt").decode() == "lane L3: only 0.00% of its reads map to the reference\n"


def test_long_reads_of_two_lanes_are_aligned(images: Images, folder: Folder) -> None:
    split = "head -n 400 R1.fq > a_1.fq; tail -n +401 R1.fq > b_1.fq\n"
    inspect = "samtools view -c -F 2308 -q 20 s/s.bam | sed 's/^/placed /'; samtools view -H --no-PG s/s.bam"
    job = align(
        images,
        folder,
        LONG + split,
        inspect,
        READS="a_1.fq\nb_1.fq",
        MATES="",
        LANES="L1\nL2",
        PLATFORM="ont",
    )
    assert job.exit_code == 0, job.log
    assert printed(job, "placed") == ["placed 300"]
    assert [line.split("\t")[1] for line in printed(job, "@RG")] == ["ID:s.L1", "ID:s.L2"]
    assert folder.get("qc/s.warnings.txt") == b""


def test_primers_are_clipped_from_the_reads_of_every_lane(images: Images, folder: Folder) -> None:
    split = "for mate in 1 2; do head -n 200 R$mate.fq > a_$mate.fq; tail -n +201 R$mate.fq > b_$mate.fq; done\n"
    inspect = "samtools depth -g DUP s/s.bam | awk '{ print \"depth\", $2, $3 }'"
    job = align(images, folder, AMPLICONS + split, inspect, PRIMERS="p.bed", KEEP_DUPLICATES="1", **TWO_LANES)
    assert job.exit_code == 0, job.log
    depth = {int(line.split()[1]) for line in printed(job, "depth ") if not line.endswith(" 0")}
    assert depth == {base for start in (1001, 1501) for base in range(start + 20, start + 280)}
