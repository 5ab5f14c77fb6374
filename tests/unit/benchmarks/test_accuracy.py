"""`make accuracy`: what is run, counted and written."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks import document
from benchmarks.accuracy import callers, data, limits, tables
from benchmarks.accuracy.__main__ import PAGE, TABLES, made_tables, main
from benchmarks.accuracy.callers import Counts, Score
from benchmarks.accuracy.data import DataSet, Maker
from benchmarks.accuracy.genomes import Edit, edited
from biobatch.calling import Calling
from biobatch.job import Job
from biobatch.uris import S3Uri

FOLDER = S3Uri("bucket", "accuracy/")


class _Queue:
    """A queue whose comparisons find as many variants as the caller's name has letters."""

    def __init__(self, callable_regions: bool = True) -> None:
        self.ran: list[Job] = []
        self.kept: dict[S3Uri, str] = {}
        self.callable_regions = callable_regions

    def jobs(self, data: DataSet) -> list[Job]:
        results = FOLDER / f"{data.name}/results/"
        calls, reference = results / f"{data.name}/{data.name}.vcf.gz", results / "reference.fa"

        def job(step: str, *inputs: S3Uri, after: tuple[Job, ...] = ()) -> Job:
            return Job(
                subject=data.name,
                step=step,
                tool="bcftools",
                command=(step,),
                inputs=inputs,
                output_prefix=results,
                manifest=results / f"{step}.json",
                environment={"SAMPLE": data.name, "PLOIDY": str(data.calling.ploidy)},
                resume=True,
                after=after,
            )

        call = job("call", reference)
        return [job("fastqc"), call, job("compare", calls, reference, FOLDER / f"{data.name}/truth.vcf", after=(call,))]

    def run(self, jobs: Sequence[Job]) -> None:
        self.ran += jobs
        for job in jobs:
            name = job.subject
            if job.step == "call":
                self.kept[job.output_prefix / f"{name}/{name}.bam"] = "bam"
                self.kept[job.output_prefix / f"{name}/{name}.vcf.gz"] = "calls of call-variants"
                if self.callable_regions:
                    self.kept[job.output_prefix / f"{name}/{name}.callable.bed.gz"] = "bed"
            else:
                (calls,) = (uri for uri in job.inputs if uri.name == f"{name}.vcf.gz")
                found = len(self.kept[calls])
                counts = {"found": found, "false": 1, "missed": "CONFIDENT" not in job.environment}
                report = {"substitutions": counts, "indels": {**counts, "found": 0}}
                self.kept[job.output_prefix / f"qc/{name}.truth.json"] = json.dumps(report)

    def put(self, path: Path, key: str) -> S3Uri:
        self.kept[FOLDER / key] = path.read_text()
        return FOLDER / key

    def get(self, uri: S3Uri, path: Path) -> bool:
        if uri not in self.kept:
            return False
        path.write_text(self.kept[uri])
        return True


class _Tools:
    """Writes the name of the caller as its calls. Every VCF has three filtered records."""

    def __init__(self) -> None:
        self.scripts: list[str] = []

    def run(self, script: str, folder: Path) -> str:
        self.scripts.append(script)
        for line in script.splitlines():
            if line.startswith("CALLS="):
                (folder / line.removeprefix("CALLS=")).write_text(f"calls of {line.removeprefix('CALLS=')}")
        return "3\n"

    def package(self, name: str) -> Path:
        raise AssertionError(name)


def _made(maker: Maker) -> None:
    for name in ("ref.fa", "R1.fastq.gz", "R2.fastq.gz", "truth.vcf"):
        (maker.folder / name).write_text(name)


HAPLOID = DataSet("haploid", "a haploid set", (), _made)
DIPLOID = DataSet("diploid", "a diploid set", (), _made, Calling(ploidy=2))


def _folders(tmp_path: Path, *sets: DataSet) -> dict[DataSet, Path]:
    folders = {each: tmp_path / each.name for each in sets}
    for each, folder in folders.items():
        folder.mkdir()
        each.make(Maker(_Tools(), folder))
    return folders


def test_all_callers_are_counted_by_the_same_step_in_both_regions(tmp_path: Path) -> None:
    queue = _Queue()
    scores = callers.measured(queue, _Tools(), _folders(tmp_path, HAPLOID))
    assert [(score.caller, score.region) for score in scores] == [
        (caller, region)
        for caller in (callers.OURS, callers.FREEBAYES, callers.SNIPPY)
        for region in (callers.EVERYWHERE, callers.CALLABLE)
    ]
    found = {score.caller: score.substitutions.found for score in scores}
    texts = {caller: f"calls of {caller}" + (".vcf.gz" if caller != callers.OURS else "") for caller in found}
    assert found == {caller: len(text) for caller, text in texts.items()}
    assert {score.region: score.substitutions.missed for score in scores} == {"all": 1, "callable": 0}
    assert {score.filtered for score in scores} == {3}
    comparisons = [job for job in queue.ran if job.step == "compare"]
    assert {job.command for job in comparisons} == {("compare",)}
    assert len({job.manifest for job in comparisons}) == len({job.title for job in comparisons}) == 6
    assert all(not job.after and not job.producers and not job.resume for job in comparisons)


def test_our_calls_need_no_quality_report_and_no_comparison(tmp_path: Path) -> None:
    queue = _Queue(callable_regions=False)
    folders = _folders(tmp_path, HAPLOID, DIPLOID)
    comparisons = callers.call(queue, folders)
    assert {job.step for job in queue.ran} == {"call"}
    assert {each.name: job.title for each, job in comparisons.items()} == {
        name: f"{name} compare" for name in ("haploid", "diploid")
    }
    assert all((folder / "call-variants.vcf.gz").read_text() == "calls of call-variants" for folder in folders.values())


def test_snippy_is_asked_for_haploid_samples_only(tmp_path: Path) -> None:
    tools = _Tools()
    scores = callers.measured(_Queue(), tools, _folders(tmp_path, DIPLOID))
    assert {score.caller for score in scores} == {callers.OURS, callers.FREEBAYES}
    (script,) = [script for script in tools.scripts if "freebayes -p" in script]
    assert "PLOIDY=2\n" in script


def test_precision_and_sensitivity_need_calls_and_variants() -> None:
    assert (Counts(3, 1, 2).precision, Counts(3, 1, 2).sensitivity) == (0.75, 0.6)
    assert (Counts(0, 0, 1).precision, Counts(0, 1, 0).sensitivity) == (None, None)
    assert (Counts(0, 0, 1).sensitivity, Counts(0, 1, 0).precision) == (0, 0)
    assert Counts(1, 2, 3) + Counts(10, 20, 30) == Counts(11, 22, 33)


def _score(name: str, caller: str, region: str = callers.EVERYWHERE) -> Score:
    return Score(
        data=name, caller=caller, region=region, substitutions=Counts(990, 1, 10), indels=Counts(10, 0, 0), filtered=7
    )


def test_the_table_of_foreign_data_sums_the_sets_that_all_callers_called() -> None:
    names = (callers.OURS, callers.FREEBAYES, callers.SNIPPY)
    scores = [_score("haploid", caller) for caller in names] + [_score("diploid", caller) for caller in names[:2]]
    other = dataclasses.replace(HAPLOID, name="other")
    scores += [_score("other", caller) for caller in names]
    figures = tables.foreign((HAPLOID, DIPLOID, other), scores)
    assert figures.rows[1] == ["a diploid set", *["990 / 1 / 10"] * 2, "–", *["10 / 0 / 0"] * 2, "–", "7"]
    assert figures.rows[3][1:] == [*["1,980 / 2 / 20"] * 3, *["20 / 0 / 0"] * 3, "14"]
    assert len(figures.rows) == 4
    assert {len(row) for row in figures.rows} == {len(figures.heads)}


def test_the_table_of_relatives_has_the_targets_of_close_ones() -> None:
    close, far = (DataSet(name, name, (), _made) for name in ("99 %", "98 %"))
    scores = [_score(each.name, callers.OURS, region) for each in (close, far) for region in ("all", "callable")]
    figures = tables.divergence((close, far), scores)
    assert figures.rows[1][:6] == ["99 %", "callable regions", "call-variants", "990 / 1 / 10", "99.899 %", "99.000 %"]
    assert len(figures.rows) == 4
    assert [ratio.at_least for ratio in figures.ratios] == [99.9, 98.5]
    assert [ratio.value for ratio in figures.ratios] == pytest.approx([100 * 1000 / 1001, 100 * 1000 / 1010])


def test_the_edits_about_limits_fit_a_genome_and_are_of_every_size() -> None:
    sequence = "ACGTTGCA" * 3000
    edits = limits.indel_edits("c", sequence)
    edited({"c": sequence}, edits)
    sizes = [len(edit.alternative) - len(edit.reference) for edit in edits]
    assert {abs(size) for size in sizes} == set(limits.INDEL_SIZES)
    assert all(sizes.count(size) == sizes.count(-size) == 10 for size in limits.INDEL_SIZES)
    edits = limits.origin_edits("c", sequence)
    edited({"c": sequence}, edits)
    assert [edit.position for edit in edits[:4]] == [0, 23_999, 5, 23_994]
    figures = limits.origin_table({0, 2, 3})
    assert [row[1] for row in figures.rows[:3]] == ["1 of 2", "2 of 2", "0 of 2"]


def test_found_indels_are_counted_by_size_and_kind() -> None:
    edits = [Edit("c", 5, "A" + "C" * 10, "A"), Edit("c", 50, "A", "A" + "C" * 10), Edit("c", 90, "A", "A" + "G" * 10)]
    figures = limits.indel_table({limits.INDELS[1]: {0, 2}}, edits)
    assert figures.rows[0] == ["10", "", "1 of 1", "", "", "1 of 2", ""]


def test_variants_of_a_mixture_have_passed_are_filtered_or_have_no_record() -> None:
    figures = limits.mixture_table({limits.MIXTURES[0]: (200, 50, 20)})
    assert figures.rows[0] == ["10 %", "10 %", "15 %", "75 %", "", "", ""]


def test_the_table_of_platforms_has_our_calls_in_the_whole_genome() -> None:
    scores = [_score("haploid", callers.OURS, region) for region in ("callable", "all")]
    assert limits.platform_table(scores, [HAPLOID]).rows == [["a haploid set", "990 / 1 / 10", "10 / 0 / 0"]]


def test_long_reads_are_one_file_and_only_ours(tmp_path: Path) -> None:
    long = dataclasses.replace(HAPLOID, calling=Calling(ploidy=1, platform="ont"))
    queue = _Queue(callable_regions=False)
    scores = callers.measured(queue, _Tools(), _folders(tmp_path, long))
    assert [score.caller for score in scores] == [callers.OURS]
    assert [uri.name for uri in queue.kept if "fastq" in uri.name] == ["R1.fastq.gz"]


def test_marked_text_is_replaced_and_nothing_else() -> None:
    before = "a\n<!-- one -->\nold\n<!-- /one -->\nb\n<!-- two -->\n<!-- /two -->\n"
    after = document.marked(before, "one", "new")
    assert after == "a\n<!-- one -->\n\nnew\n\n<!-- /one -->\nb\n<!-- two -->\n<!-- /two -->\n"
    assert document.marked(after, "one", "new") == after
    with pytest.raises(ValueError, match="no marks <!-- three -->"):
        document.marked(before, "three", "new")


def test_the_page_has_the_marks_of_every_table() -> None:
    text = PAGE.read_text()
    for name in TABLES:
        assert document.marked(text, name, "new").count("new") > text.count("new"), name


def test_data_sets_have_names_of_their_own_that_samples_can_have() -> None:
    names = [each.name for table in TABLES.values() for each in table.sets]
    assert len(set(names)) == len(names)
    assert not set(names) & set(TABLES)
    assert all(name.replace("-", "").replace(".", "").isalnum() for name in names)


def test_only_the_named_sets_are_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TABLES, "foreign", dataclasses.replace(TABLES["foreign"], sets=(HAPLOID, DIPLOID)))
    made = made_tables(_Queue(), _Tools(), ["diploid"], tmp_path)
    assert [[row[0] for row in figures.rows] for figures in made.values()] == [["a diploid set"]]
    assert not list(tmp_path.iterdir())


def test_the_list_names_all_data_sets_and_an_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    listed = capsys.readouterr().out.split()
    assert {each.name for each in data.FOREIGN} <= set(listed)
    with pytest.raises(SystemExit):
        main(["foreigner"])
    assert "foreigner: no such table or data set" in capsys.readouterr().err
