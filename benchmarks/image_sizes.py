"""Image sizes.

The four images as the registry keeps them, compressed, layers in common counted once: that is what ECR bills, and what one new machine
pulls on which all four tools run. Beside them the same tools on the same Debian, one image a tool, without anything that stages data:
by plain `apt-get install`, and leaving out what Debian only recommends. Ours of bwa holds samtools too, the plain ones do not.
"""

from benchmarks import containers, registry
from benchmarks.figures import Figures, Ratio, megabytes
from benchmarks.stack import Stack

#: The tools, by the names of their Debian packages.
TOOLS = ("fastqc", "bwa", "samtools", "bcftools")


def measure(stack: Stack) -> Figures:
    """Builds and pushes the plain images, and compares."""
    images = {
        "ours": {tool: registry.layers(stack.image_uris[tool]) for tool in TOOLS},
        "plain apt-get install": {tool: registry.layers(_pushed(stack, tool, True)) for tool in TOOLS},
        "--no-install-recommends": {tool: registry.layers(_pushed(stack, tool, False)) for tool in TOOLS},
    }
    rows = [[tool, *(megabytes(sum(each[tool].values())) for each in images.values())] for tool in TOOLS]
    once = {name: registry.unique_bytes(list(each.values())) for name, each in images.items()}
    rows.append(["all, layers in common once", *map(megabytes, once.values())])
    rows.append(
        ["of that, what all four share", *(megabytes(_shared(list(each.values()))) for each in images.values())]
    )
    ours, plain, lean = once.values()
    return Figures(
        heads=["MB compressed", *images],
        rows=rows,
        ratios=[
            Ratio(what="unique bytes, ours over plain", value=ours / plain, at_most=0.45),
            Ratio(what="unique bytes, ours over plain without what is recommended", value=ours / lean),
        ],
    )


def _shared(images: list[dict[str, int]]) -> int:
    return sum(images[0][digest] for digest in set.intersection(*(set(layers) for layers in images)))


def _pushed(stack: Stack, tool: str, recommended: bool) -> str:
    """Reference of a tool's plain image in the registry."""
    name = f"benchmark-{'plain' if recommended else 'lean'}-{tool}"
    containers.build(stack, name, containers.installing(tool, recommended=recommended))
    containers.push(stack, name)
    return f"{stack.registry}/{name}:latest"
