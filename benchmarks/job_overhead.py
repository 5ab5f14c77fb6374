"""What `job` adds to the tool.

`samtools sort` of a BAM of 100 MB: the bare command on a file that lies there, and the same command in the same container as a job, which
fetches that file from S3 and publishes the sorted one, with all checks and the manifest. The reads are not aligned, so that the sorted file
is as large. On AWS the job's vCPUs are its own, and S3 works elsewhere: so a job of one vCPU, as three of our four definitions ask, is held
to one core, and the local S3 has the other. Below it a job of two, which shares both cores with the local S3. Processor time, of the tool
and of `job`, is without S3's in both. The last row is a command that does nothing on no files: what `job` itself takes.
"""

from benchmarks import containers
from benchmarks.figures import Figures, Ratio, megabytes, ratio, seconds
from benchmarks.objects import temporary_bucket
from benchmarks.stack import Stack

_ROUNDS = 5

#: Pairs of reads that make a BAM of about 100 MB.
_PAIRS = 900_000

_SCRIPT = r"""
awk 'BEGIN {
  srand(1)
  print ">genome"
  for (i = 0; i < 1000000; i += 60) {
    line = ""
    for (j = 0; j < 60; j++) line = line substr("ACGT", 1 + int(4 * rand()), 1)
    print line
  }
}' > genome.fa
wgsim -S 1 -h -N "$PAIRS" -1 150 -2 150 genome.fa R1.fastq R2.fastq > /dev/null
mkdir in
samtools import -@ 2 -1 R1.fastq -2 R2.fastq -o in/reads.bam
rm R1.fastq R2.fastq
JOB_OUTPUTS=reads.bam JOB_OUTPUT_PREFIX="s3://$BUCKET/in" job "ln $PWD/in/reads.bam ."

export TMPDIR=/tmp
compare() {
  local cores=$1 threads=$2
  local sort="samtools sort -@ $threads -m 256M -T \"\$TMPDIR/sort\" -o sorted.bam reads.bam"
  mkdir bare
  cd bare
  ln ../in/reads.bam .
  timed "bare-sort-$threads" taskset -c "$cores" bash -o pipefail -c "$sort"
  size=$(stat -c %s sorted.bam)
  cd ..
  rm -r bare
  export JOB_INPUTS="s3://$BUCKET/in/reads.bam" JOB_OUTPUTS=sorted.bam JOB_OUTPUT_PREFIX="s3://$BUCKET/out-$threads-$round"
  timed "job-sort-$threads" taskset -c "$cores" job "$sort"
  unset JOB_INPUTS JOB_OUTPUTS JOB_OUTPUT_PREFIX
}
for ((round = 0; round < ROUNDS; round++)); do
  compare 0 1
  compare 0,1 2
  timed bare-nothing bash -o pipefail -c true
  timed job-nothing job true
done
echo "bytes $(stat -c %s in/reads.bam) $size"
"""


def measure(stack: Stack, pairs: int = _PAIRS, rounds: int = _ROUNDS) -> Figures:
    """Runs both in turn, in one container of the samtools image."""
    with temporary_bucket(stack.clients.s3) as bucket:
        log = containers.run(
            stack,
            stack.image_uris["samtools"],
            containers.TIMED + _SCRIPT,
            {"BUCKET": bucket, "PAIRS": str(pairs), "ROUNDS": str(rounds)},
        )
    took, worked = containers.timings(log), containers.processor_times(log)
    (sizes,) = [line.split()[1:] for line in log.splitlines() if line.startswith("bytes ")]
    bytes_in, bytes_out = (megabytes(int(size)) for size in sizes)
    files = f"{bytes_in} MB in, {bytes_out} MB out"
    rows = {
        "sort-1": f"sort on one core, {files}",
        "sort-2": f"sort on both, {files}",
        "nothing": "nothing",
    }

    def over(times: dict[str, list[float]], what: str) -> float:
        return ratio(times[f"job-{what}"], times[f"bare-{what}"])

    return Figures(
        heads=["", "bare, s", "as a job, s", "bare, processor s", "as a job, processor s"],
        rows=[
            [name, *(seconds(times[f"{who}-{what}"]) for times in (took, worked) for who in ("bare", "job"))]
            for what, name in rows.items()
        ],
        ratios=[
            Ratio(what="wall time, as a job over bare, on one core", value=over(took, "sort-1"), at_most=1.1),
            Ratio(
                what="wall time, as a job over bare, on both, which the local S3 takes too",
                value=over(took, "sort-2"),
                at_most=1.1,
            ),
            Ratio(what="processor time, as a job over bare, on one core", value=over(worked, "sort-1")),
        ],
    )
