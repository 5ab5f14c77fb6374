"""Problems that users have reported in public, and the tests that show how Biobatch handles each.

To add a report, add a row and a test. If a test covers the case already, name that test. If nothing covers it yet, name the document that
says so.
"""

from dataclasses import dataclass

#: The page with the checks that need an AWS account.
FIRST_ACCOUNT = "docs/how-to/first-account.md"

#: The page with the measured limits of the calls.
LIMITS = "docs/explanation/accuracy.md"

WAITING_ROOMS = (FIRST_ACCOUNT, LIMITS)

#: The source of problems that we found in our own trials with hostile inputs and that no public thread describes.
OWN_TRIALS = "Biobatch, own trials"


@dataclass(frozen=True)
class Report:
    """One problem that a user had."""

    sources: str
    """Public threads, as `owner/repository#number` or under their names in a forum."""
    met: str
    """The problem, in one sentence."""
    tests: tuple[str, ...] = ()
    """Node ids of the tests that cover it, for all parameters or for one."""
    waits_for: str = ""
    """The document that the report waits for. Empty if a test covers it."""

    def names(self, node: str) -> bool:
        """Whether a test, by its node id, covers the report."""
        return any(node == test or node.startswith(f"{test}[") for test in self.tests)


def _held(sources: str, met: str, *tests: str) -> Report:
    return Report(sources, met, tests=tests)


def _waits(sources: str, met: str, waits_for: str) -> Report:
    return Report(sources, met, waits_for=waits_for)


_JOB = "tests/field/test_job.py::"
_READS = "tests/field/test_reads.py::"
_TAKEN = f"{_READS}test_exactly_the_samples_variants_are_found"
_WARNED = f"{_READS}test_doubtful_reads_give_exactly_the_warnings_that_fit"
_REFUSED = f"{_READS}test_reads_that_would_lose_variants_are_refused_in_one_line_that_says_why"
_REFERENCE = "tests/field/test_reference.py::test_exactly_the_samples_variants_are_found"
_NO_REFERENCE = (
    "tests/field/test_reference.py::test_a_reference_that_the_tools_would_read_wrongly_is_refused_with_line_and_reason"
)
_TRUTH = "tests/field/test_truth.py::test_a_truth_counts_in_any_notation"
_CALLS = "tests/field/test_calls.py::"
_CONSENSUS = "tests/images/test_consensus.py::"
_NO_TRUTH = "tests/field/test_truth.py::test_an_invalid_truth_is_refused"

_ALIGN = "tests/images/test_align.py::test_reads_that_yield_no_variants_give_exactly_the_warning_that_fits"
_COMPARE = "tests/unit/images/test_compare.py::"
_FAULTS = "tests/images/test_faults.py::"
_STAGING = "tests/images/test_staging.py::"
_QUEUE = "tests/local/biobatch/test_call_variants.py::"
_BROKEN = f"{_QUEUE}test_damaged_reads_fail_and_no_variants_are_called"
_BAD_REFERENCE = f"{_QUEUE}test_a_wrong_reference_is_refused"
_CLIENT = "tests/unit/biobatch/"
_SAMPLE = f"{_CLIENT}test_request.py::test_an_invalid_sample_is_refused"


def _all(test: str, *parameters: str) -> tuple[str, ...]:
    return tuple(f"{test}[{parameter}]" for parameter in parameters)


#: Jobs, staging and queues.
_LAUNCHING = [
    _held(
        "DataBiosphere/dsub#162",
        "Storage failed while the outputs of an 8-hour job were copied, and all of the work was lost.",
        f"{_FAULTS}test_sixteen_files_survive_an_outage_during_download_and_upload",
    ),
    _held(
        "nextflow-io/nextflow#6327; broadinstitute/cromwell#7826; googlegenomics/dockerflow#37",
        "A task failed, and neither its logs nor its outputs were kept.",
        f"{_FAULTS}test_a_failed_attempt_publishes_the_files_that_explain_it",
        "tests/local/biobatch/test_command_line.py::test_a_failed_job_keeps_the_requested_files_and_shows_where",
    ),
    _held(
        "DataBiosphere/dsub#259",
        "A blank after the output path became part of the path.",
        f"{_CLIENT}test_command_line.py::test_a_typing_error_gets_one_line_with_the_correct_command",
    ),
    _held(
        "nextflow-io/nextflow#5897, #7479",
        "A job larger than any machine waited forever.",
        f"{_CLIENT}test_command_line.py::test_a_job_that_fits_no_machine_is_refused_before_it_is_submitted",
        "tests/local/biobatch/test_command_line.py::test_a_job_larger_than_every_machine_is_refused_at_once",
    ),
    _held(
        "Netflix/metaflow#110, #347; outerbounds/terraform-aws-metaflow#82, #91",
        "A job stayed RUNNABLE, and nothing said why.",
        f"{_CLIENT}run/test_watch.py::test_the_client_prints_batchs_reason_for_a_stuck_job_and_the_remedy",
    ),
    _held(
        "aws-samples/aws-genomics-workflows#92, #167; Netflix/metaflow-tools#25",
        "The inputs did not fit on the disk, and the job failed halfway.",
        f"{_CLIENT}test_capacity.py::test_files_too_large_for_the_disk_are_refused_and_possibly_too_large_files_give_a_warning",
        f"{_FAULTS}test_inputs_that_do_not_fit_are_not_downloaded",
    ),
    _held(
        "securebio/nao-mgs-workflow#469",
        "A job that printed a million lines hung, or its log lost the end.",
        f"{_JOB}test_a_million_lines_of_log_hide_neither_the_end_nor_the_record",
    ),
    _held(
        "nextflow-io/nextflow#535",
        "Braces in the pattern of the outputs matched nothing.",
        f"{_JOB}test_braces_in_an_output_pattern_are_reported_as_a_pattern_without_a_match",
    ),
    _held(
        "nextflow-io/nextflow#539, #2119",
        "A folder named as an output was not staged.",
        f"{_STAGING}test_a_missing_output_fails_the_job_and_publishes_nothing[folder]",
    ),
    _held(
        "nextflow-io/nextflow#717, #4778, #3121; aws-samples/aws-genomics-workflows#146",
        "Blanks and parentheses in the names of files broke staging.",
        f"{_STAGING}test_objects_of_any_name_are_downloaded_and_uploaded_intact",
    ),
    _held(
        "nextflow-io/nextflow#1263; aws/amazon-ecs-agent#1231; aws/containers-roadmap#2757",
        "Many jobs started at once, and the agent throttled their requests for credentials.",
        f"{_JOB}test_requests_to_a_throttling_agent_are_retried",
    ),
    _held(
        "samtools/samtools#2051, #1588, #1271; s-andrews/FastQC#35",
        "A tool ran out of memory, and the job showed another error or exit code 137 without an explanation.",
        f"{_FAULTS}test_a_process_that_ran_out_of_memory_fails_the_job_even_if_the_command_succeeds",
        "tests/local/aws/test_batch.py::test_a_job_that_takes_more_memory_than_it_asked_for_is_killed",
    ),
    _held(
        "s-andrews/FastQC#45",
        "FastQC succeeded on a truncated gzip file.",
        f"{_FAULTS}test_gzip_is_read_to_its_end_on_request",
        *_all(_BROKEN, "cut-gzip-is not whole: unexpected end of file"),
    ),
    _held(
        "Netflix/metaflow#1482",
        "A submission's overrides exceeded 8,192 characters, and the job failed.",
        f"{_CLIENT}test_job.py::test_no_submission_is_longer_than_the_limit_of_batch",
        "tests/local/biobatch/test_command_line.py::test_many_inputs_with_unusual_names_are_staged_unchanged",
    ),
    _held(
        "nextstrain/cli#406",
        "The log stream of a job did not exist, and the client failed.",
        f"{_CLIENT}test_logs.py::test_the_tail_of_a_missing_log_is_empty",
        f"{_CLIENT}test_logs.py::test_a_job_without_a_log_gets_the_reason",
    ),
    _held(
        "nextflow-io/nextflow#709, #710, #1427",
        "Thousands of jobs were submitted one by one and throttled.",
        "tests/unit/biobatch/run/test_parts.py::test_a_cohort_has_an_array_for_each_step",
        "tests/unit/biobatch/run/test_parts.py::test_an_array_has_10000_jobs_at_most",
    ),
    _held(
        "Netflix/metaflow#1672",
        "A user's own folder hid the client's module.",
        f"{_CLIENT}test_package.py::test_a_folder_of_the_users_does_not_hide_the_client",
    ),
    _held(
        "MultiQC/MultiQC#1470, #2979; LUMC/HAMLET#37",
        "MultiQC shortened the names of two samples to the same name.",
        "tests/images/test_fastqc.py::test_a_report_is_named_after_the_sample_and_the_mate",
        # The page's own table. docs/how-to/look-at-results.md names the options of MultiQC that keep the names apart.
        "tests/unit/biobatch/page/test_gather.py::test_samples_whose_names_begin_alike_have_figures_of_their_own",
    ),
    _held(
        "nextflow-io/nextflow#948",
        "The bill did not distinguish runs.",
        "tests/unit/biobatch/page/test_cost.py::test_the_rows_count_work_lost_attempts_and_what_is_not_known",
    ),
]

#: Workflow engines.
_ENGINES = [
    _held(
        "nextflow-io/nextflow#1865, #2322; nf-core/sarek#301",
        "The AWS CLI of the machine did not run in a container with another C library.",
        "tests/images/test_aws.py::test_an_image_without_certificates_uses_those_beside_the_program",
    ),
    _held(
        OWN_TRIALS,
        "A second run of a pipeline could not replace its results, because nobody was allowed to delete.",
        "tests/engines/test_nextflow.py::test_a_second_run_replaces_the_results",
        "tests/engines/test_nextflow_tasks.py::test_results_are_replaced_in_the_folder_of_engines_only",
    ),
    _held(
        OWN_TRIALS,
        "A workflow engine that was allowed to register job definitions could run a container as root.",
        "tests/iam/test_engine_calls.py::test_a_definition_with_more_rights_is_refused",
    ),
]

#: Changes of stacks.
_STACKS = [
    _held(
        "hashicorp/terraform-provider-aws#13221, #2044, #11777, #46925; terraform-aws-modules/terraform-aws-batch#5, #9; "
        "pulumi/pulumi-aws#6233",
        "A change replaced the compute environment, which failed because the queue refers to the environment.",
        "tests/unit/program/test_program.py::test_both_environments_can_be_changed_in_place",
        "tests/local/changes/test_changes.py::test_an_up_makes_the_changes_of_the_rows_of_its_keys",
    ),
    _held(
        "pulumi/pulumi-docker#19; pulumi/pulumi-awsx#1349",
        "Each `up` built the images again, or a build used a whole source tree as its context.",
        "tests/local/lifecycle/test_lifecycle.py::test_a_second_up_changes_nothing_and_builds_nothing",
        "tests/unit/components/test_tool_image.py::test_the_tag_changes_with_the_folder",
    ),
    _held(
        "aws/amazon-genomics-cli#269",
        "The NAT gateway and the interface endpoints of an idle stack cost 63 USD a month.",
        "tests/unit/program/test_program.py::test_endpoints_are_created_only_on_request_and_can_be_combined_with_nat",
        "tests/unit/program/test_facts_of_aws.py::test_without_jobs_there_are_no_instances",
    ),
    _waits(
        "pulumi/pulumi-aws#4656, #3887",
        "A new revision of a job definition had no tags, and the old revision had them.",
        FIRST_ACCOUNT,
    ),
]

#: Names of reads, and the recognition of mates.
_NAMES = [
    _held(
        "galaxy-user, 2011, CASAVA 1.8",
        "A file mixed names that end in /1 with names that end in 1:N:0.",
        *_all(_TAKEN, "names-of-two-casavas-in-a-file", "names-of-one-casava-each"),
    ),
    _held(
        "Harvard FAS Informatics, discordant mates",
        "The second file had the mates in another order, or shifted by one read.",
        *_all(_BROKEN, "order-paired reads have different names", "names-paired reads have different names"),
    ),
    _held(
        "Biostars 9582674",
        "Mates named _1 and _2, or .1 and .2, were treated as single reads.",
        *_all(_REFUSED, "mates-by-underscores"),
        *_all(
            _BROKEN, "mates-by-dots-mates' names end in .1 and .2", "woven-mates-by-dots-mates' names end in .1 and .2"
        ),
        f"{_READS}test_the_command_in_the_error_message_renames_mates_so_that_they_pair",
    ),
    _held(
        "Biostars 9582674",
        "Mates in one file had names that no aligner recognizes, and were silently treated as single reads.",
        *_all(
            _TAKEN,
            "mates-by-dashes",
            "mates-by-colons",
            "mates-by-letters",
            "mates-numbered",
            "first-mates-then-second",
        ),
    ),
    _held(
        "Biostars 9582674",
        "The names of the reads contained those of the files, _R1 and _R2.",
        *_all(_REFUSED, "mates-by-names-of-files"),
    ),
    _held(
        "ncbi/sra-tools#57, #848; nf-core/pathogensurveillance#132",
        "SRA put reads without a mate into a third file, or gave mates names that end in .1 and .2.",
        *_all(
            _BROKEN,
            "short-the mates are not in pairs",
            "short-first-the mates are not in pairs",
            "mates-by-dots-mates' names end in .1 and .2",
        ),
    ),
    _held(OWN_TRIALS, "The names of both mates contained a molecular barcode.", *_all(_TAKEN, "umis-in-names")),
    _held(
        "OpenGene/fastp#46, #451; CGATOxford/UMI-tools#49",
        "The name of each mate contained a different molecular barcode.",
        *_all(_REFUSED, "a-umi-on-each-mate"),
    ),
    _held(
        OWN_TRIALS,
        "Tabs and linked-read barcodes followed the names.",
        *_all(_TAKEN, "tabs-and-barcodes-behind-names"),
    ),
    _held(
        "samtools/samtools#1081; omgenomics/bio-data-zoo#4",
        "Names were longer than the 254 characters that a BAM can hold.",
        *_all(_REFUSED, "names-over-254-characters"),
    ),
]

#: Compression and format of FASTQ files.
_FILES = [
    _held(
        OWN_TRIALS,
        "Reads were bgzipped, in several gzip members, with one mate gzipped and the other not, or without a final line break.",
        *_all(_TAKEN, "bgzip", "gzip-of-several-members", "one-mate-gzipped", "no-last-line-end"),
    ),
    _held(
        "OpenGene/fastp#711",
        "bgzip files were joined, and a reader stopped at the empty last block of the first one.",
        *_all(_TAKEN, "bgzip-files-joined"),
    ),
    _held(
        "statgen/fastQValidator#5; samtools/htslib#1323, #1880; samtools/samtools#1467; singleron-RD/CeleScope#223",
        "bcl2fastq2 writes whole files without bgzip's last block, and a validator refused them.",
        *_all(_TAKEN, "bgzip-without-last-block"),
        f"{_JOB}test_whole_reads_without_the_last_block_of_bgzip_pass_the_quality_report",
    ),
    _held(
        "OpenGene/fastp#717",
        "A file was truncated in the middle of a block, and the reader treated that as its end.",
        *_all(_REFUSED, "bgzip-cut-in-a-block"),
    ),
    _held(
        "OpenGene/fastp#181; HudsonAlpha/fmlrc2#35",
        "Garbage followed the gzip data of the reads.",
        *_all(_REFUSED, "garbage-behind-gzip"),
    ),
    _held(
        "hammerlab/biokepi#117",
        "Garbage followed the gzip data of a reference, as in hs37d5.fa.gz of the 1000 Genomes, and the job ended with gzip's message.",
        *_all(_BAD_REFERENCE, "garbage-behind-gzip-bytes that are not gzip follow its gzip data"),
    ),
    _held(
        OWN_TRIALS,
        "Zeros followed the gzip data of the reads, and the refusal called the file truncated.",
        *_all(_TAKEN, "zeros-behind-gzip", "zeros-behind-reads"),
    ),
    _held(
        OWN_TRIALS,
        "Both mates were truncated between two gzip members, which only the number of reads can show.",
        f"{_READS}test_a_cut_between_gzip_members_shows_only_in_the_number_of_reads",
    ),
    _held(
        "OpenGene/fastp#264",
        "A download of gzipped reads was truncated, and the reads before the end were treated as complete.",
        *_all(_BROKEN, "cut-gzip-is not whole: unexpected end of file"),
    ),
    _held(
        OWN_TRIALS,
        "Both mates were truncated ten bytes into a gzip member.",
        *_all(_REFUSED, "cut-ten-bytes-into-a-member", "cut-in-a-record"),
    ),
    _held(
        "s-andrews/FastQC#48",
        "Reads were in bzip2, zip or BAM format, or gzipped twice, and the error named no format.",
        *_all(_REFUSED, "bzip2", "xz", "zip", "tar", "gzip-of-gzip", "bam", "sam", "cram", "fasta", "web-page"),
        f"{_READS}test_the_command_in_the_error_message_converts_the_file",
    ),
    _held("OpenGene/fastp#236, #604; BioInfoTools/BBMap#3", "Lines ended in CR LF.", *_all(_TAKEN, "carriage-returns")),
    _held(
        OWN_TRIALS,
        "A byte order mark preceded the first record, or the text was in UTF-16.",
        *_all(_REFUSED, "byte-order-mark", "byte-order-mark-in-gzip", "utf-16"),
    ),
    _held(
        "statgen/fastQValidator#12; ngless-toolkit/ngless#115",
        "Blank lines in or after the reads were reported as a truncated file.",
        *_all(
            _TAKEN,
            "blank-lines-at-the-end",
            "blank-lines-between",
            "blank-lines-in-one-file",
            "blank-lines-beside-empty-reads",
        ),
        *_all(_REFUSED, "blank", "empty"),
    ),
    _held(OWN_TRIALS, "A record had its bases on several lines.", *_all(_TAKEN, "many-lines-a-record")),
    _held(
        OWN_TRIALS,
        "FastQC failed on records of several lines, and so did a run whose calls were correct.",
        f"{_JOB}test_a_failure_of_fastqc_is_one_line",
    ),
    _held(
        "s-andrews/FastQC#35, #130",
        "FastQC ran out of memory on one long read, although the job had gigabytes of unused memory.",
        f"{_JOB}test_fastqc_uses_the_memory_of_its_job_and_says_what_it_needs",
    ),
    _held(
        "lh3/bwa#295; bactopia/bactopia#107",
        "A record had fewer qualities than bases, or an asterisk instead of qualities.",
        *_all(_REFUSED, "quality-one-short", "quality-of-a-star"),
    ),
    _held(
        "lh3/bwa#295; bactopia/bactopia#107",
        "Lines of qualities began with @, as names do.",
        *_all(_TAKEN, "qualities-that-begin-with-at"),
    ),
    _held(
        OWN_TRIALS,
        "Reads were in lower case, or had codes for several bases, or qualities of 93.",
        *_all(_TAKEN, "lower-case", "codes-for-several-bases", "qualities-of-93"),
    ),
    _held(
        OWN_TRIALS,
        "Reads had dots instead of bases or U instead of T, and the refusal called the file truncated.",
        *_all(_TAKEN, "dots-for-bases"),
        *_all(_REFUSED, "u-for-t", "a-letter-that-is-no-base"),
        f"{_READS}test_the_command_in_the_error_message_mends_the_letters",
    ),
    _held(
        "marcelm/cutadapt#418; alexdobin/STAR#7",
        "After trimming, reads had one base or none, or only Ns.",
        *_all(_TAKEN, "empty-reads", "reads-of-ns"),
    ),
    _held(
        "smithlabcode/falco#18; OpenGene/fastp#354; hall-lab/speedseq#59",
        "Qualities used Illumina's encoding from before 2011.",
        *_all(_TAKEN, "phred-64"),
        f"{_JOB}test_the_old_quality_letters_of_illumina_give_a_warning",
        f"{_JOB}test_high_qualities_do_not_look_like_the_old_letters",
    ),
    _held(
        OWN_TRIALS,
        "With qualities of 0 to 3, every substitution was missed silently.",
        *_all(_REFUSED, "qualities-of-0", "qualities-of-2", "qualities-of-3"),
        *_all(_WARNED, "qualities-of-9"),
        *_all(_TAKEN, "qualities-of-30"),
    ),
]

#: Libraries and samples.
_LIBRARIES = [
    _held(
        "Biostars 9568854",
        "A sample was one pair of reads.",
        *_all(_WARNED, "one-pair"),
    ),
    _held(
        "Biostars 9568854",
        "Pairs and reads without a mate stood in one file.",
        *_all(_TAKEN, "interleaved-with-orphans", "singles-then-pairs"),
    ),
    _held(
        OWN_TRIALS,
        "Mates were swapped, pairs pointed outward, or fragments were 3 kb long or shorter than the reads.",
        *_all(_TAKEN, "mates-swapped", "mate-pairs", "inserts-of-3-kb", "reads-into-adapters"),
        *_all(_ALIGN, "outward"),
    ),
    _held(
        OWN_TRIALS,
        "The first mates were given twice.",
        *_all(_REFUSED, "first-mates-twice", "first-mates-twice-but-trimmed"),
    ),
    _held(
        "ncbi/sra-tools#133, #483",
        "fastq-dump had joined both mates into one read.",
        *_all(_TAKEN, "mates-in-one-read"),
    ),
    _held(OWN_TRIALS, "No read mapped to the reference.", *_all(_WARNED, "nothing-maps")),
    _held(
        OWN_TRIALS,
        "Most reads came from another genome, and a warning blamed the mates.",
        *_all(_WARNED, "most-reads-foreign", "nothing-maps"),
    ),
    _held(
        "FAS Informatics, discordant R1 and R2",
        "The second mates were in another order or incomplete, and the tools did not notice.",
        *_all(_WARNED, "mates-in-another-order"),
        *_all(_REFUSED, "one-read-less"),
    ),
    _held(
        "samtools/samtools#1037; samtools/bcftools#1459, #1037, #2343; czbiohub-sf/sc2-illumina-pipeline#80",
        "At great depth, every insertion and deletion was missed silently.",
        f"{_QUEUE}test_great_depth_loses_no_indel",
    ),
    _held(
        "connor-lab/ncov2019-artic-nf#51",
        "One window of the genome was a hundred times as deep as the rest.",
        *_all(_TAKEN, "a-window-of-great-depth"),
    ),
    _held(
        "samtools/bcftools#2343",
        "Insertions of one base were missed.",
        f"{_READS}test_insertions_of_one_base_are_found",
    ),
    _held(
        "bcbio/bcbio-nextgen#1038, #1394; ICGC-TCGA-PanCancer/PCAP-core#111",
        "Amplicons were treated as duplicates.",
        *_all(_ALIGN, "amplicons"),
    ),
    _held(
        "GATK forum 11020",
        "A sample came in several lanes.",
        *_all(_SAMPLE, "a=s3://data/x,s3://data/y,s3://data/z-you gave 3 files"),
        "tests/images/test_align.py::test_two_lanes_give_the_records_of_one_file_and_duplicates_across_them_are_found",
    ),
    _held(
        "nf-core/sarek#93",
        "A sheet names the lanes of each sample.",
        f"{_CLIENT}sheet/test_read.py::test_sareks_rows_of_a_sample_are_its_lanes",
    ),
    _held(
        "nf-core/sarek#93, #623",
        "Two samples had the same file of reads, or two lines of the sheet were swapped.",
        f"{_CLIENT}test_command_line.py::test_the_error_for_samples_with_the_same_reads_names_all_of_them",
    ),
    _held(
        "samtools/bcftools#2030",
        "Long reads were processed with settings for short reads.",
        *_all(_REFUSED, "long-reads-with-many-errors", "long-reads-with-many-errors-and-high-qualities"),
        *_all(_WARNED, "long-reads-with-few-errors"),
        "tests/images/test_align.py::test_long_reads_are_refused_with_the_option_and_aligned_with_it",
    ),
    _held(
        "tseemann/snippy#341, #268; samtools/bcftools#1339, #1523",
        "Haploid calling hid mixtures, and missed alleles that most reads have.",
        f"{_CALLS}test_a_site_where_the_reads_disagree_is_marked",
        f"{_CALLS}test_a_mixture_gives_a_warning",
        f"{_CALLS}test_every_call_of_one_strain_passes",
    ),
    _held(
        OWN_TRIALS,
        "Calls on one or two reads passed all filters.",
        f"{_CALLS}test_a_call_on_fewer_reads_than_required_does_not_pass",
    ),
    _held(
        OWN_TRIALS,
        "The depth of a call stopped at the caller's limit, and nothing said so.",
        f"{_CALLS}test_a_depth_at_the_limit_gives_a_warning",
    ),
    _held(
        OWN_TRIALS,
        "The ploidy and the options of a call were written nowhere.",
        f"{_CALLS}test_the_header_tells_how_the_calls_were_made",
    ),
    _held(
        OWN_TRIALS,
        "Calls lacked the values that reviewers filter by: strands, genotype quality, and share of the reads.",
        f"{_CALLS}test_calls_carry_what_reviewers_filter_by",
    ),
    _held(
        OWN_TRIALS,
        "Counts and reports included calls that did not pass the filters.",
        f"{_CALLS}test_the_counts_are_of_calls_that_passed",
    ),
    _waits("samtools/bcftools#1348", "Large insertions and deletions were missed.", LIMITS),
    _held(
        "samtools/bcftools#343, #1380, #1802",
        "A site with two alternative alleles was given a reference allele that no read has.",
        f"{_CALLS}test_two_alternative_alleles_leave_no_reference_allele",
    ),
    _held(
        "dkoboldt/varscan#40; HKU-BAL/Clair3#272",
        "Substitutions were called inside bases that the same calls delete.",
        f"{_CALLS}test_a_substitution_inside_a_deletion_does_not_pass",
    ),
    _held(
        "samtools/bcftools#923, #940, #1592; nf-core/viralrecon#420",
        "A region without reads looked like one without variants.",
        f"{_CONSENSUS}test_the_consensus_is_the_reference_with_the_calls",
        f"{_CONSENSUS}test_a_base_is_callable_if_enough_reads_cover_it",
    ),
    _held(
        "samtools/bcftools#1386; nf-core/bactmap#127",
        "The consensus had N in place of deletions, because no read covers a deleted base.",
        f"{_CONSENSUS}test_the_consensus_is_the_reference_with_the_calls",
        f"{_CONSENSUS}test_records_give_the_consensus_that_they_state",
    ),
]

#: References and truths.
_GENOMES = [
    _held(
        "samtools/bcftools#2551, #1466, #67, #2021",
        "The reference had codes for several bases, lower case, CR LF, or descriptions behind the names.",
        f"{_QUEUE}test_the_reference_is_normalized",
        *_all(_REFERENCE, "soft-masked"),
    ),
    _held(
        "samtools/samtools#929, #1387; mdshw5/pyfaidx#83",
        "A reference had lines of uneven width, of one base, or one line in all, had blank lines, or was bgzipped.",
        *_all(_REFERENCE, "lines-of-odd-widths", "lines-of-one-base", "one-line", "blank-lines", "bgzip"),
    ),
    _held(
        OWN_TRIALS,
        "A reference had thousands of contigs, or was a draft with short contigs.",
        *_all(_REFERENCE, "two-thousand-contigs", "draft-contigs"),
    ),
    _held(
        "samtools/bcftools#615; freebayes/freebayes#274; Illumina/manta#12; bigdatagenomics/adam#2038",
        "Contigs had names as in databases, with asterisks, bars, colons and semicolons, or of 300 characters.",
        *_all(_REFERENCE, "name-of-hla", "name-of-ncbi", "name-of-300-characters"),
    ),
    _held(
        OWN_TRIALS,
        "Contigs had names that SAM or VCF forbid.",
        *_all(_NO_REFERENCE, "name-with-parentheses", "name-with-braces", "name-with-accents"),
        *_all(_BAD_REFERENCE, "comma-the contig name a,b has a character"),
    ),
    _held(
        OWN_TRIALS,
        "A reference had gaps, asterisks, U or X, or was a protein.",
        *_all(_NO_REFERENCE, "star", "gap", "rna", "x"),
        *_all(_BAD_REFERENCE, "protein-is no code for a DNA base"),
    ),
    _held(
        OWN_TRIALS,
        "A reference was in GenBank format, or had numbered lines, comments, or CR as line breaks.",
        *_all(_NO_REFERENCE, "genbank", "numbered-lines", "comments-by-semicolon", "only-carriage-returns"),
    ),
    _held(
        "Gaius-Augustus/Augustus#209",
        "A byte order mark preceded the first contig, or the reference was in UTF-16, bzip2 or BAM format or gzipped twice.",
        *_all(_NO_REFERENCE, "byte-order-mark", "utf-16", "bzip2", "gzip-of-gzip", "bam"),
    ),
    _held(
        "rki-mf1/clean#52",
        "Two references were joined. The first had no final line break, so the name of the second was lost.",
        *_all(_NO_REFERENCE, "joined-in-a-line"),
    ),
    _held(
        "samtools/samtools#380; tseemann/snippy#23",
        "A contig was empty or was present twice.",
        *_all(_BAD_REFERENCE, "no-bases-contig a has no bases", "duplicate-line 5: the contig name a appears twice"),
    ),
    _held(OWN_TRIALS, "A reference contained a sequence twice.", *_all(_ALIGN, "reference")),
    _held(
        "samtools/bcftools#1405",
        "A truth wrote neighbouring substitutions as one record.",
        "tests/field/test_truth.py::test_substitutions_of_several_bases_count_base_by_base",
    ),
    _held(
        "samtools/bcftools#665",
        "A truth contained each record twice.",
        f"{_COMPARE}test_only_what_passed_and_is_carried_counts_and_each_variant_once",
    ),
    _held(
        OWN_TRIALS,
        "A truth had CR LF line breaks, lower case, phased genotypes, or another sample's name.",
        *_all(_TRUTH, "carriage-returns", "lower-case", "phased-under-another-name"),
    ),
    _held(
        OWN_TRIALS,
        "A truth contained blocks of a gVCF, symbolic alleles, structural variants, or records that failed a filter.",
        *_all(
            _TRUTH, "blocks-of-a-gvcf", "any-allele-and-spanning-deletion", "structural-variants", "filtered-records"
        ),
    ),
    _held(
        OWN_TRIALS,
        "A truth was empty.",
        "tests/field/test_truth.py::test_every_call_is_false_against_an_empty_truth",
    ),
    _held(
        OWN_TRIALS,
        "A truth had blanks instead of tabs or was not a VCF.",
        *_all(_NO_TRUTH, "blanks-for-tabs", "no-vcf"),
    ),
    _held("samtools/hts-specs#663", "A byte order mark preceded a VCF.", *_all(_NO_TRUTH, "byte-order-mark")),
    _held(
        "Illumina/hap.py#78; samtools/bcftools#747",
        "A truth was for another reference, or named contigs 1 instead of chr1.",
        *_all(f"{_COMPARE}test_an_invalid_truth_is_refused_with_the_reason", "another-contig", "another-base"),
    ),
    _held(
        "samtools/bcftools#541",
        "A truth compressed by bgzip was truncated, and was read to that point without an error.",
        f"{_QUEUE}test_a_truth_that_was_cut_between_two_blocks_is_refused",
    ),
    _held(
        "Illumina/hap.py#14",
        "Equal variants in another notation were counted as wrong.",
        *_all(f"{_COMPARE}test_the_same_sequence_counts_as_found_in_any_notation", "1-hap.py-14", "2-hap.py-14"),
    ),
    _held(
        OWN_TRIALS,
        "A truth of two samples was counted as if one sample had all its variants.",
        *_all(_TRUTH, "a-column-for-each-sample"),
        *_all(_NO_TRUTH, "samples-of-others"),
    ),
    _held(
        "freebayes/freebayes, GIAB 2.x",
        "NIST's own truth uses tags that its header does not define.",
        *_all(_TRUTH, "tags-without-header-lines"),
    ),
]

#: The command line.
_TYPED = [
    _held(
        OWN_TRIALS,
        "A sample's name had a blank, an accent or a colon, or was the name of a folder of the results.",
        *_all(_SAMPLE, "a b=s3://data/x-'a b': a name has letters", "QC=s3://data/x-QC: this is the name of a folder"),
    ),
    _held(
        OWN_TRIALS,
        "The names of two samples differed only in case.",
        f"{_CLIENT}test_request.py::test_names_that_differ_only_in_case_are_refused",
    ),
    _held(
        OWN_TRIALS,
        "The first mates were entered as the second mates.",
        *_all(_SAMPLE, "a=s3://data/x,s3://data/x-is both R1 and R2"),
    ),
    _held(
        OWN_TRIALS,
        "Objects did not exist, and were reported one by one.",
        f"{_CLIENT}test_variants.py::TestPrepare::test_missing_objects_and_buckets_are_reported_together_with_other_errors",
    ),
]

REPORTS = [*_LAUNCHING, *_ENGINES, *_STACKS, *_NAMES, *_FILES, *_LIBRARIES, *_GENOMES, *_TYPED]
