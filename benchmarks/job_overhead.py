"""Overhead of `job`.

`samtools sort` of a BAM of 100 MB, as a bare command on a local file, and as a job in the same container. The job downloads the file from S3
and publishes the sorted file, with all checks and the manifest. The reads are not aligned, so the sorted file has the same size. On AWS, a
job has its vCPUs to itself and S3 runs elsewhere. The first row therefore restricts a job of one vCPU, as three of our four definitions
request, to one core, and the local S3 has the other. The second row is a job of two vCPUs, which shares both cores with the local S3.
Processor time is that of the tool and of `job`, without S3. The last row is a command that does nothing, which shows the time of `job`
itself.
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
    """Runs both alternately in one container of the samtools image."""
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
        "sort-2": f"sort on both cores, {files}",
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
                what="wall time, as a job over bare, on both cores, which the local S3 uses too",
                value=over(took, "sort-2"),
                at_most=1.1,
            ),
            Ratio(what="processor time, as a job over bare, on one core", value=over(worked, "sort-1")),
        ],
    )
