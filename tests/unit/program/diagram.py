"""Draws the diagram in docs/explanation/architecture.md from the resources of the program. To redraw it: python -m tests.unit.program.diagram"""

from collections import Counter, defaultdict
from collections.abc import Iterable

from local.plugins.awsx.arguments import read
from local.plugins.awsx.vpc import Vpc
from tests.unit.recording import ROOT, Registration, record, record_program

DOCUMENT = ROOT / "docs" / "explanation" / "architecture.md"
START, END = "```mermaid\n", "```\n"


def drawn() -> str:
    """Returns the diagram of the program with the default settings, in Mermaid's notation.

    Each component is a box with the resources that it creates. An arrow leads to every component that uses its resources, and names the types
    of these resources. Components of the same type that use the same components share a box.
    """
    found = record_program({"aws:region": "eu-west-9"}).registrations
    components = [r for r in found if r.parent.startswith("pulumi:")]
    owner = {_key(r): _key(r) if r in components else r.parent for r in found}

    makes: dict[str, list[str]] = defaultdict(list)
    takes: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for resource in found:
        into = owner[_key(resource)]
        makes[into] += [] if resource in components else [_type(_key(r)) for r in _made(resource)]
        for key in resource.dependencies:
            if owner[key] != into:
                takes[into][owner[key]].add(_type(key))

    boxes: dict[tuple[str, frozenset[str]], list[Registration]] = defaultdict(list)
    for component in components:
        boxes[_type(_key(component)), frozenset(takes[_key(component)])].append(component)
    box = {_key(member): f"box{i}" for i, members in enumerate(boxes.values()) for member in members}
    arrows: dict[tuple[str, str], set[str]] = defaultdict(set)
    for into, sources in takes.items():
        for source, types in sources.items():
            arrows[box[source], box[into]] |= types

    lines = ["flowchart TB"]
    # With the last component first, Mermaid draws no arrow behind a box.
    for (type_, _), members in reversed(boxes.items()):
        title = " ".join([f"<b>{type_}</b>", ", ".join(m.name.partition("-")[2] for m in members)]).strip()
        made = Counter(kind for m in members for kind in makes[_key(m)])
        rows = [f"{count}\N{NO-BREAK SPACE}{kind}" if count > 1 else kind for kind, count in sorted(made.items())]
        lines.append(f"    {box[_key(members[0])]}{_text([title, *rows], '[]')}")
    lines += [f"    {a} -- {_text(sorted(types))} --> {b}" for (a, b), types in sorted(arrows.items())]
    return "\n".join(lines) + "\n"


def written() -> str:
    """Returns the diagram in the document."""
    return DOCUMENT.read_text().split(START)[1].split(END)[0]


def _made(resource: Registration) -> Iterable[Registration]:
    """Returns the resource itself, or the resources that awsx creates for it."""
    if resource.type != "awsx:ec2:Vpc":
        return [resource]
    return [
        r for r in record(lambda: Vpc(resource.name, read(resource.inputs))).registrations if r.type.startswith("aws:")
    ]


def _key(resource: Registration) -> str:
    return f"{resource.type}::{resource.name}"


def _type(key: str) -> str:
    return key.partition("::")[0].rpartition(":")[2]


def _text(lines: Iterable[str], brackets: str = "  ") -> str:
    return f'{brackets[0]}"{"<br>".join(lines)}"{brackets[1]}'.strip()


if __name__ == "__main__":
    DOCUMENT.write_text(DOCUMENT.read_text().replace(written(), drawn()))
