"""Runs the steps of call-variants on many small cases, with one container for each image."""

import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from biobatch import variants
from tests.images.containers import Images
from tests.images.storage import Folder
from tests.local.biobatch import genome
from tests.local.biobatch.genome import Variant

#: The genome of the cases, the sample's variants, and the sample.
GENOME = genome.make(22, sizes=(15_000,))
VARIANTS = genome.variants(GENOME)
SAMPLE = genome.mutated(GENOME, VARIANTS)

#: FASTQ records of the sample's read pairs.
FIRST, SECOND = genome.pairs(SAMPLE, 40, seed=1)

#: Each step works in its own folder on copies of its inputs, as a job does. A case ends at the first step that fails.
_HARNESS = """
set -eu
tar -xf *.tar
rm -- *.tar
step() {
  mkdir "$1" "$1.tmp"
  cp -- "${@:3}" "$1"
  (cd "$1" && TMPDIR=$(realpath "../$1.tmp") exec bash -c "$2") 2>&1 | cat > "$1.log"  # waits for what a refusal left running
  code=${PIPESTATUS[0]}
  echo "$code" > "$1.code"
  rm -r "$1.tmp"
  return "$code"
}
aligned() {
  cd "$1"
  [ ! -e given/R2 ] || export MATES=R2
  step index "$INDEX" given/reference && step align "$ALIGN" given/R[12] index/reference.fa*
  rm -f given/R[12] index/reference.fa.[!f]*
}
called() {
  cd "$1"
  [ "$(cat align.code 2> /dev/null)" = 0 ] || return 0
  step call "$CALL" align/s/s.bam* index/reference.fa index/reference.fa.fai || return 0
  for TRUTH in $(ls given/truths 2> /dev/null); do
    export TRUTH
    step "compare-$TRUTH" "$COMPARE" call/s/s.vcf.gz index/reference.fa index/reference.fa.fai "given/truths/$TRUTH" || true
  done
  rm align/s/s.bam*
}
export -f step aligned called
ls | xargs -n 1 -P 2 bash -c "$PHASE \\$0"
tar -cf "$PHASE.tar" *
"""

_SETTINGS = {
    **{"SAMPLE": "s", "READS": "R1", "REFERENCE": "reference", "FOLDER": ".", "PLOIDY": "1"},
    **{"THREADS": "1", "SORT_MIB": "64", "REGION_BASES": "500000"},
    **{"PLATFORM": "illumina", "ALIGNMENT": "bam", "REFERENCE_URI": "s3://bucket/reference"},
    **{"MIN_DEPTH": "3", "MIN_QUAL": "20", "MIN_MAPQ": "20"},
    **{step.upper(): variants.script(step) for step in ("index", "align", "call", "compare")},
}


@dataclass(frozen=True, kw_only=True)
class Case:
    """The files that one user passes to call-variants. Files that are not given have no faults."""

    reads: tuple[bytes, ...] = (genome.fastq(FIRST), genome.fastq(SECOND))
    """One FASTQ file or two."""
    reference: bytes = genome.fasta(GENOME).encode()
    truths: Mapping[str, bytes] = field(default_factory=dict)
    """Truths to compare the calls with, by a name without blanks."""


@dataclass(frozen=True)
class Outcome:
    """The outcome of one case."""

    files: Mapping[str, bytes]
    """The files of each step: `<step>.log`, `<step>.code`, and the outputs under `<step>/`."""

    def code(self, step: str) -> int | None:
        """Returns a step's exit code, or None if the step did not run."""
        text = self.files.get(f"{step}.code")
        return None if text is None else int(text)

    def log(self, step: str) -> str:
        """Returns the output of a step."""
        return self.files[f"{step}.log"].decode()

    @property
    def warnings(self) -> list[str]:
        """The align step's warnings about the reads."""
        return self.files["align/qc/s.warnings.txt"].decode().splitlines()

    @property
    def calls(self) -> dict[Variant, str]:
        """The variants that passed the filter, with their genotypes."""
        assert self.code("call") == 0, "\n".join(
            content.decode() for name, content in self.files.items() if ".log" in name
        )
        return genome.called(self.files["call/s/s.vcf.gz"])

    def compared(self, truth: str) -> dict[str, Any]:
        """Returns the comparison of the calls with a truth."""
        step = f"compare-{truth}"
        assert self.code(step) == 0, self.log(step)
        counts: dict[str, Any] = json.loads(self.files[f"{step}/qc/s.truth.json"])
        return counts


def run(
    images: Images, folder: Folder, cases: Mapping[str, Case], settings: Mapping[str, str] | None = None
) -> dict[str, Outcome]:
    """Runs every case up to the first step that fails, and returns the outcomes by name.

    Args:
        images: the images of the tools.
        folder: the folder for the inputs and the results.
        cases: by a name without blanks.
        settings: variables of the steps, besides or instead of the usual ones.
    """
    state = folder.put("given.tar", _packed(cases))
    for tool, phase in (("bwa", "aligned"), ("bcftools", "called")):
        environment = {**_SETTINGS, **(settings or {}), "PHASE": phase, "JOB_INPUTS": state}
        publishing = {"JOB_OUTPUTS": f"{phase}.tar", "JOB_OUTPUT_PREFIX": folder.uri(phase)}
        job = images.run(tool, _HARNESS, environment={**environment, **publishing}, seconds=900)
        assert job.exit_code == 0, job.log
        state = folder.uri(f"{phase}/{phase}.tar")
    return unpacked(folder.get("called/called.tar"))


def _packed(cases: Mapping[str, Case]) -> bytes:
    return pack({name: _given(case) for name, case in cases.items()})


def _given(case: Case) -> dict[str, bytes]:
    files = {f"R{mate}": content for mate, content in enumerate(case.reads, 1)}
    files |= {"reference": case.reference} | {f"truths/{truth}": text for truth, text in case.truths.items()}
    return {f"given/{path}": content for path, content in files.items()}


def pack(cases: Mapping[str, Mapping[str, bytes]]) -> bytes:
    """A tar file with a folder for each case."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, files in cases.items():
            for path, content in files.items():
                entry = tarfile.TarInfo(f"{name}/{path}")
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return made.getvalue()


def unpacked(packed: bytes) -> dict[str, Outcome]:
    """Returns the outcome of each case, by name."""
    files: dict[str, dict[str, bytes]] = {}
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        for entry in archive:
            case, _, path = entry.name.partition("/")
            content = archive.extractfile(entry)
            if content and not path.startswith("given/"):
                files.setdefault(case, {})[path] = content.read()
    return {case: Outcome(found) for case, found in files.items()}
