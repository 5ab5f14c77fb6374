"""`aws` for workflow engines.

The images' `aws`, which is a second name of `job`, and the AWS CLI 2 of Debian run the same commands in one container: a listing, and
copies of a file of 1 kB and of one of 200 MiB in both directions. A task of Nextflow that runs FastQC makes 16 such calls, most of them for
small files. Our times include the check of downloads against the MD5 that S3 reports. Processor time is that of the command, without S3.
"""

import statistics

from benchmarks import containers
from benchmarks.figures import Figures, Ratio, megabytes, ratio, seconds
from benchmarks.objects import temporary_bucket
from benchmarks.stack import Stack

_ROUNDS = 5
_BYTES = 200 << 20

_IMAGE = "benchmark-engine-transfers"

#: Commands by the name of their row. `$SIDE` is the side, whose objects are its own.
_COMMANDS = {
    "small-up": "s3 cp --only-show-errors small s3://$BUCKET/$SIDE/small",
    "small-down": "s3 cp --only-show-errors s3://$BUCKET/$SIDE/small got",
    "ls": "s3 ls s3://$BUCKET/$SIDE/",
    "large-up": "s3 cp --only-show-errors large s3://$BUCKET/$SIDE/large",
    "large-down": "s3 cp --only-show-errors s3://$BUCKET/$SIDE/large got",
}
_SIDES = {"ours": "/opt/biobatch/bin/aws", "theirs": "/usr/bin/aws"}

_SCRIPT = """
head -c 1000 /dev/urandom > small
head -c "$BYTES" /dev/urandom > large
for SIDE in ours theirs; do run_all; done | sed 's/^/first /'
for ((round = 0; round < ROUNDS; round++)); do
  if ((round % 2)); then SIDES='theirs ours'; else SIDES='ours theirs'; fi
  for SIDE in $SIDES; do run_all; done
done
cmp large got
"""


def measure(stack: Stack, size: int = _BYTES, rounds: int = _ROUNDS) -> Figures:
    """Runs both alternately in one container, after one call of each that is not measured."""
    image = containers.build(
        stack,
        _IMAGE,
        containers.installing("ca-certificates awscli")
        + f"COPY --from={stack.image_uris['samtools']} /usr/local/bin/job /opt/biobatch/bin/aws\n",
    )
    functions = "\n".join(
        [
            f"run_all() {{ case $SIDE in ours) program={_SIDES['ours']} ;; *) program={_SIDES['theirs']} ;; esac",
            *(f'timed "$SIDE-{name}" "$program" {command}' for name, command in _COMMANDS.items()),
            "}",
        ]
    )
    with temporary_bucket(stack.clients.s3) as bucket:
        log = containers.run(
            stack,
            f"{stack.registry}/{_IMAGE}",
            containers.TIMED + functions + _SCRIPT + f"stat -L -c 'size %s' {_SIDES['ours']}",
            {"BUCKET": bucket, "BYTES": str(size), "ROUNDS": str(rounds)},
        )
    took, worked = containers.timings(log), containers.processor_times(log)
    (ours,) = [int(line.split()[1]) for line in log.splitlines() if line.startswith("size ")]
    theirs = int(image.attrs["Size"]) - int(containers.base(stack).attrs["Size"]) - ours
    large = f"{size >> 20} MiB"
    rows = dict(zip(_COMMANDS, ("1 kB up", "1 kB down", "list", f"{large} up", f"{large} down"), strict=True))
    small = ("ls", "small-up", "small-down")
    return Figures(
        heads=["", "ours, s", "AWS CLI, s", "ours, processor s", "AWS CLI, processor s"],
        rows=[
            [name, *(seconds(times[f"{side}-{what}"]) for times in (took, worked) for side in _SIDES)]
            for what, name in rows.items()
        ],
        ratios=[
            Ratio(
                what="processor seconds of one of our commands with little data, the slowest of the three",
                value=max(statistics.median(worked[f"ours-{what}"]) for what in small),
                at_most=0.05,
            ),
            Ratio(
                what="processor time of the three, ours over the AWS CLI",
                value=ratio(
                    [sum(each) for each in zip(*(worked[f"ours-{what}"] for what in small), strict=True)],
                    [sum(each) for each in zip(*(worked[f"theirs-{what}"] for what in small), strict=True)],
                ),
                at_most=0.05,
            ),
            *(
                Ratio(
                    what=f"wall time of {rows[what]}, ours over the AWS CLI",
                    value=ratio(took[f"ours-{what}"], took[f"theirs-{what}"]),
                    at_most=1,
                )
                for what in ("large-up", "large-down")
            ),
            Ratio(
                what=f"size, ours ({megabytes(ours)} MB) over the AWS CLI with its Python ({megabytes(theirs)} MB)",
                value=ours / theirs,
            ),
        ],
    )
