"""Makes the documentation's pictures from real runs of the program: make pictures

The libraries that draw in the browser come from the npm registry. The site contains only the pictures.
"""

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from biobatch import aws, stack_outputs
from docs.site import terminal
from docs.site.browser import opened, served
from docs.site.build import DOCS
from docs.site.terminal import Frame
from local.console import say
from local.errors import LocalError
from local.paths import CACHE, ROOT
from local.stack import environment, lifecycle

PICTURES = DOCS / "pictures"

#: The most bytes of a picture, because people also read the pages on phones.
MOST_BYTES = 150_000

_IGV, _MERMAID = "igv@3.8.10", "mermaid@12.3.0"

#: The folder of the demo's results with the default seed.
_RESULTS = "demo/seed-1/"


def make(only: Sequence[str] = ()) -> None:
    """Makes the pictures with the given names, or all.

    Raises:
        LocalError: if no picture has a name, if something that a picture needs is missing, or if a picture is too large.
    """
    for name in only:
        if name not in _ALL:
            raise LocalError(f"ONLY={name}: there is no such picture. Choose from {', '.join(_ALL)}")
    PICTURES.mkdir(exist_ok=True)
    for name in only or _ALL:
        say(f"drawing {name}")
        _ALL[name]()
    for picture in PICTURES.iterdir():
        if picture.stat().st_size > MOST_BYTES:
            raise LocalError(f"{picture.name} has {picture.stat().st_size:,} bytes, more than {MOST_BYTES:,}")


def _demo() -> None:
    """Draws the end of the demo. The demo starts a local stack."""
    frame = terminal.run([sys.executable, "-m", "local", "demo"], ROOT, os.environ)
    terminal.save(frame.last(45), PICTURES / "demo.svg", "make demo")


def _call_variants() -> None:
    """Draws the table of a run at the moment when it shows the most different states."""
    with _local_shell() as shell:
        outputs = stack_outputs.read(stack=environment.STACK)
        s3 = aws.connect(outputs.region).s3
        folder = f"pictures-{os.getpid()}/"
        command = ["biobatch", "call-variants", "--ploidy", "1"]
        command += ["--reference", f"s3://{outputs.bucket}/demo/inputs/NC_001416.1.fa.gz"]
        # The client refuses two samples with the same reads, so each sample gets half of the demo's reads.
        for half, sample in enumerate(("monday", "tuesday")):
            reads = []
            for mate in ("R1", "R2"):
                source = f"{_RESULTS}simulated/lambda_{mate}.fastq.gz"
                body = s3.get_object(Bucket=outputs.bucket, Key=source)["Body"].read()
                lines = gzip.decompress(body).splitlines(keepends=True)
                middle = len(lines) // 8 * 4
                part = b"".join(lines[middle:] if half else lines[:middle])
                key = f"{folder}reads/{sample}_{mate}.fastq.gz"
                s3.put_object(Bucket=outputs.bucket, Key=key, Body=gzip.compress(part))
                reads.append(f"s3://{outputs.bucket}/{key}")
            command += ["--sample", f"{sample}={','.join(reads)}"]
        best: list[tuple[int, Frame]] = []

        def see(frame: Frame) -> None:
            states = sum(word in frame.plain for word in ("✓", "running", "starting", "waiting", "runnable", "pending"))
            if not best or states > best[0][0]:
                best[:] = [(states, frame)]

        terminal.run([*command, "--output-prefix", f"s3://{outputs.bucket}/{folder}results/"], ROOT, shell, see)
        terminal.save(best[0][1].last(40), PICTURES / "call-variants.svg", "biobatch call-variants")


def _pulumi_up() -> None:
    """Draws the first `pulumi up` of a separate stack in a copy of the clone."""
    with _local_shell() as shell, tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "biobatch"
        ignored = shutil.ignore_patterns(".venv", ".local", ".git", ".*_cache", "__pycache__", "build")
        shutil.copytree(ROOT, copy, ignore=ignored)
        (copy / ".venv").symlink_to(ROOT / ".venv")
        shell["PULUMI_SKIP_CONFIRMATIONS"] = "true"
        for command in ("stack init dev", "config set aws:region us-east-1", "config set maxVcpus 64"):
            subprocess.run(["pulumi", *command.split()], cwd=copy, env=shell, check=True, stdout=subprocess.DEVNULL)
        try:
            frame = terminal.run(["pulumi", "up"], copy, shell)
        finally:
            subprocess.run(
                ["pulumi", "destroy", "--remove"], cwd=copy, env=shell, check=True, stdout=subprocess.DEVNULL
            )
        terminal.save(frame.last(50), PICTURES / "pulumi-up.svg", "pulumi up")


def _fastqc() -> None:
    """Draws FastQC's report of the demo's reads."""
    with _results("fastqc/lambda_R1_fastqc.html") as folder, opened(1100, height=760) as browser:
        page = browser.new_page()
        page.goto((folder / "lambda_R1_fastqc.html").as_uri())
        page.screenshot(path=PICTURES / "fastqc.png")


def _igv() -> None:
    """Draws the reads over a variant that the demo found."""
    sample = [f"lambda/lambda{end}" for end in (".bam", ".bam.bai", ".vcf.gz", ".vcf.gz.tbi")]
    with (
        _results(*sample, "reference/") as folder,
        served(folder) as address,
        opened(1100, height=620, scale=2) as browser,
    ):
        shutil.copy(_library(_IGV, "dist/igv.min.js"), folder)
        genome = gzip.decompress((ROOT / "examples" / "lambda" / "NC_001416.1.fa.gz").read_bytes())
        (folder / "reference.fa").write_bytes(genome)
        contig, position = _a_variant(folder / "lambda.vcf.gz")
        settings = {
            "reference": {"id": "lambda", "fastaURL": "reference.fa", "indexed": False},
            "loadDefaultGenomes": False,
            "locus": f"{contig}:{position - 45}-{position + 45}",
            "tracks": [
                {"name": "Variants", "type": "variant", "format": "vcf", "url": "lambda.vcf.gz", "indexURL": "lambda.vcf.gz.tbi", "height": 60},
                {"name": "Reads", "type": "alignment", "format": "bam", "url": "lambda.bam", "indexURL": "lambda.bam.bai", "height": 400},
            ],
        }  # fmt: skip
        (folder / "index.html").write_text(
            '<!doctype html><meta charset="utf-8"><div id="igv"></div><script src="igv.min.js"></script>'
            f"<script>igv.createBrowser(document.getElementById('igv'), {json.dumps(settings)})"
            ".then(() => document.title = 'drawn')</script>"
        )
        page = browser.new_page()
        page.goto(f"{address}/index.html")
        page.wait_for_function("document.title === 'drawn'")
        page.wait_for_timeout(2000)
        page.screenshot(path=PICTURES / "igv.png")


def _architecture() -> None:
    """Draws the parts of a stack, and the paths of jobs and data."""
    _draw((DOCS / "site" / "overview.mmd").read_text(), PICTURES / "architecture.svg")


def _components() -> None:
    """Draws the diagram of the program's components. GitHub draws the same diagram from the Mermaid notation in the page."""
    text = (DOCS / "explanation" / "architecture.md").read_text()
    _draw(text.split("```mermaid\n")[1].split("```")[0], PICTURES / "components.svg")


def _draw(diagram: str, picture: Path) -> None:
    """Draws a diagram in Mermaid's notation."""
    diagram = diagram.strip()
    library = _library(_MERMAID, "dist/mermaid.min.js")
    with tempfile.TemporaryDirectory() as folder, opened(1280) as browser:
        page = browser.new_page()
        empty = Path(folder) / "index.html"
        empty.write_text('<!doctype html><meta charset="utf-8">')
        page.goto(empty.as_uri())
        page.add_script_tag(path=library)
        svg = page.evaluate(
            """async ([diagram, name]) => {
              mermaid.initialize({ theme: "neutral", fontFamily: "DejaVu Sans, Verdana, sans-serif" });
              const drawn = (await mermaid.render(name, diagram)).svg;
              // An SVG file must be XML.
              const svg = new DOMParser().parseFromString(drawn, "text/html").querySelector("svg");
              const [, , width, height] = svg.getAttribute("viewBox").split(" ");
              svg.setAttribute("width", width);
              svg.setAttribute("height", height);
              return new XMLSerializer().serializeToString(svg);
            }""",
            [diagram, picture.stem],
        )
    # The background is white, because the page can be dark. The digest identifies the diagram.
    svg = svg.replace('style="', 'style="background: white; ', 1)
    picture.write_text(f"{svg}\n<!-- {hashlib.sha256(diagram.encode()).hexdigest()} -->\n")


_ALL: dict[str, Callable[[], None]] = {
    "architecture": _architecture,
    "components": _components,
    "demo": _demo,
    "call-variants": _call_variants,
    "pulumi-up": _pulumi_up,
    "fastqc": _fastqc,
    "igv": _igv,
}


@contextmanager
def _local_shell() -> Iterator[dict[str, str]]:
    """Starts the local stack if necessary, sets its environment in this process, and yields this environment."""
    with environment.entered(lifecycle.up()):
        yield dict(os.environ)


@contextmanager
def _results(*names: str) -> Iterator[Path]:
    """Yields a folder with some of the demo's results. A name that ends in a slash means all files with this prefix."""
    with _local_shell(), tempfile.TemporaryDirectory() as folder:
        outputs = stack_outputs.read(stack=environment.STACK)
        s3 = aws.connect(outputs.region).s3
        for name in names:
            listed = s3.list_objects_v2(Bucket=outputs.bucket, Prefix=_RESULTS + name).get("Contents", [])
            if not listed:
                raise LocalError(f"the local stack holds no {_RESULTS}{name}. Run the demo first: make demo")
            for each in listed:
                if each["Key"] == _RESULTS + name or name.endswith("/"):
                    found = s3.get_object(Bucket=outputs.bucket, Key=each["Key"])["Body"].read()
                    (Path(folder) / Path(each["Key"]).name).write_bytes(found)
        yield Path(folder)


def _a_variant(calls: Path) -> tuple[str, int]:
    """Returns the contig and the position of a called substitution in the middle of the genome."""
    lines = [line.split("\t") for line in gzip.decompress(calls.read_bytes()).decode().splitlines() if line[0] != "#"]
    single = [(line[0], int(line[1])) for line in lines if len(line[3]) == len(line[4]) == 1]
    return single[len(single) // 2]


def _library(package: str, file: str) -> Path:
    """Returns the path of a file of an npm package. Downloads the package if the user's cache does not contain the file."""
    folder = CACHE / "npm" / package
    if not (folder / file).is_file():
        npm = shutil.which("npm")
        if not npm:
            raise LocalError("npm is not installed. Install it: apt-get install npm")
        say(f"fetching {package}")
        with tempfile.TemporaryDirectory() as download:
            subprocess.run([npm, "pack", "--silent", package], cwd=download, check=True, stdout=subprocess.DEVNULL)
            (archive,) = Path(download).glob("*.tgz")
            with tarfile.open(archive) as opened_archive:
                content = opened_archive.extractfile(f"package/{file}")
                assert content
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                (folder / file).write_bytes(content.read())
    return folder / file
