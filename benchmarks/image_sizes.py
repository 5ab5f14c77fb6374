"""Image sizes.

The compressed size of the four images in the registry. The total counts shared layers once, as ECR bills them and as a new machine pulls
them if it runs all four tools. The other columns show the same tools on the same Debian, one image for each tool and without staging:
installed by plain `apt-get install`, and without recommended packages. Our bwa image includes samtools. The others do not.
"""

from benchmarks import containers, registry
from benchmarks.figures import Figures, Ratio, megabytes
from benchmarks.stack import Stack

#: The tools, by the names of their Debian packages.
TOOLS = ("fastqc", "bwa", "samtools", "bcftools")


def measure(stack: Stack) -> Figures:
    """Builds and pushes the plain images, and compares the sizes."""
    images = {
        "ours": {tool: registry.layers(stack.image_uris[tool]) for tool in TOOLS},
        "plain apt-get install": {tool: registry.layers(_pushed(stack, tool, True)) for tool in TOOLS},
        "--no-install-recommends": {tool: registry.layers(_pushed(stack, tool, False)) for tool in TOOLS},
    }
    rows = [[tool, *(megabytes(sum(each[tool].values())) for each in images.values())] for tool in TOOLS]
    once = {name: registry.unique_bytes(list(each.values())) for name, each in images.items()}
    rows.append(["all, shared layers once", *map(megabytes, once.values())])
    rows.append(["shared by all four", *(megabytes(_shared(list(each.values()))) for each in images.values())])
    ours, plain, lean = once.values()
    return Figures(
        heads=["MB compressed", *images],
        rows=rows,
        ratios=[
            Ratio(what="unique bytes, ours over plain", value=ours / plain, at_most=0.45),
            Ratio(what="unique bytes, ours over plain without recommended packages", value=ours / lean),
        ],
    )


def _shared(images: list[dict[str, int]]) -> int:
    return sum(images[0][digest] for digest in set.intersection(*(set(layers) for layers in images)))


def _pushed(stack: Stack, tool: str, recommended: bool) -> str:
    """Pushes a tool's plain image and returns its reference in the registry."""
    name = f"benchmark-{'plain' if recommended else 'lean'}-{tool}"
    containers.build(stack, name, containers.installing(tool, recommended=recommended))
    containers.push(stack, name)
    return f"{stack.registry}/{name}:latest"
