"""Image sizes.

The four images as the registry keeps them, compressed, layers in common counted once: that is what ECR bills, and what one new machine
pulls on which all four tools run. Beside them the same tools by `apt-get install --no-install-recommends` on the same Debian, one
image a tool, without anything that stages data.
"""

from benchmarks import containers, registry
from benchmarks.figures import Figures, Ratio, megabytes
from benchmarks.stack import Stack

#: Debian packages of the tools; reads are aligned and sorted in one image, here as there.
PLAIN = {"fastqc": "fastqc", "bwa": "bwa samtools", "samtools": "samtools", "bcftools": "bcftools"}


def measure(stack: Stack) -> Figures:
    """Builds and pushes the plain images, and compares."""
    ours = {tool: registry.layers(stack.image_uris[tool]) for tool in PLAIN}
    plain = {tool: registry.layers(_pushed(stack, tool)) for tool in PLAIN}
    rows = [[tool, megabytes(sum(ours[tool].values())), megabytes(sum(plain[tool].values()))] for tool in PLAIN]
    ours_once, plain_once = (registry.unique_bytes(list(each.values())) for each in (ours, plain))
    rows.append(["all, layers in common once", megabytes(ours_once), megabytes(plain_once)])
    rows.append(["of that, what all four share", *(megabytes(_shared(list(each.values()))) for each in (ours, plain))])
    return Figures(
        heads=["MB compressed", "ours", "plain apt-get"],
        rows=rows,
        ratios=[Ratio(what="unique bytes, ours over plain", value=ours_once / plain_once, at_most=0.45)],
    )


def _shared(images: list[dict[str, int]]) -> int:
    return sum(images[0][digest] for digest in set.intersection(*(set(layers) for layers in images)))


def _pushed(stack: Stack, tool: str) -> str:
    """Reference of a tool's plain image in the registry."""
    name = f"benchmark-{tool}"
    containers.build(stack, name, containers.installing(PLAIN[tool]))
    containers.push(stack, name)
    return f"{stack.registry}/{name}:latest"
