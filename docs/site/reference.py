"""Writes the reference pages of the outputs, the client's commands and the components from the program.

To write them, and the table of configuration keys: make reference
"""

import argparse
import dataclasses
import enum
import inspect
import itertools
import json
import textwrap
import typing
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from biobatch.command_line import make_parser
from components import public
from components.package import COMPONENTS, arguments_of
from docs.site.build import DOCS
from docs.site.docstrings import attributes
from settings.outputs import OUTPUTS

_REFERENCE = DOCS / "reference"


def written() -> dict[Path, str]:
    """Returns the text of each page, by its path."""
    return {
        _REFERENCE / "outputs.md": outputs(),
        _REFERENCE / "client.md": client(),
        _REFERENCE / "components.md": components(),
    }


def _page(title: str, source: str, *parts: str) -> str:
    mark = f"<!-- Written from {source}. Do not edit: make reference -->"
    return "\n\n".join([f"# {title}", mark, *(part.strip() for part in parts)]) + "\n"


def _cell(text: str) -> str:
    """Returns a text as the content of a table cell."""
    return " ".join(text.split()).replace("|", r"\|")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, *rows]
    drawn = ["| " + " | ".join(map(_cell, line)) + " |" for line in lines]
    return "\n".join([drawn[0], "|" + "---|" * len(lines[0]), *drawn[1:]])


def outputs() -> str:
    """Returns the page of the stack's outputs."""
    return _page(
        "Outputs",
        "settings/outputs.py",
        "The outputs of a stack name what it has created. Scripts, workflow engines and other Pulumi programs read them. Print one output, or "
        "all as JSON:",
        "```text\npulumi stack output queue_arn\npulumi stack output --json\n```",
        "The client reads the outputs through Pulumi. Users without access to the state give it the JSON as a file: `--outputs FILE.json`.",
        _table(("output", "what it is"), ((f"`{name}`", text) for name, text in OUTPUTS.items())),
    )


def client() -> str:
    """Returns the page of the client's commands and options."""
    parser = make_parser()
    (commands,) = _subcommands(parser)
    summaries = {action.dest: action.help or "" for action in commands._choices_actions}
    general = [action for action in parser._actions if action is not commands]
    return _page(
        "The client",
        "the client's own help",
        _intro(parser.description or ""),
        _table(
            ("command", "what it does"), ((f"[`biobatch {c}`](#biobatch-{c})", summaries[c]) for c in commands.choices)
        ),
        "## Options of `biobatch` itself\n\n" + _options(general),
        _epilog(parser.epilog or ""),
        "[Exit codes](exit-codes.md#of-the-client) lists the client's exit codes.",
        *(_command(each) for command in commands.choices.values() for each in _with_subcommands(command)),
    )


def _subcommands(parser: argparse.ArgumentParser) -> list[Any]:
    """Returns the action of a parser that reads a command, or nothing."""
    return [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]


def _with_subcommands(command: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    return [command, *(each for action in _subcommands(command) for each in action.choices.values())]


def _intro(description: str) -> str:
    return (
        f"The command `biobatch` {description[:1].lower()}{description[1:]}\n\n"
        "The [AWS tutorial](../tutorial/aws.md#2-create-the-stack) installs it for a deployer, and [Let a second user submit "
        "jobs](../how-to/second-user.md#as-the-user) for everybody else. Each command prints its help with `--help`."
    )


def _command(command: argparse.ArgumentParser) -> str:
    # Each version of Python wraps argparse's usage text differently, so this builds another one.
    positionals = [str(action.metavar or action.dest) for action in command._actions if not action.option_strings]
    options = [action for action in command._actions if action not in _subcommands(command)]
    needed = [_option(action) for action in command._actions if action.option_strings and action.required]
    usage = " ".join([command.prog, *needed, "[OPTION]...", *positionals])
    parts = [f"## {command.prog}", f"```text\n{usage}\n```", _prose(command.description or "")]
    return "\n\n".join([*filter(None, parts), _options(options), _epilog(command.epilog or "")])


def _option(action: argparse.Action) -> str:
    return f"{action.option_strings[-1]} {action.metavar or action.dest.upper()}"


def _prose(text: str) -> str:
    """Returns a command's description as Markdown. Sentences stay the same, and indented lines become code."""
    blocks = []
    for indented, lines in itertools.groupby(inspect.cleandoc(text).splitlines(), lambda line: line.startswith("  ")):
        block = "\n".join(lines).strip("\n")
        blocks.append(f"```text\n{textwrap.dedent(block)}\n```" if indented else block.replace("<", r"\<").strip())
    return "\n\n".join(blocks)


def _epilog(text: str) -> str:
    """Returns the sections at the end of a help text. It leaves out the exit codes, which have a separate page, and lines outside a section."""
    sections = [block.partition("\n") for block in text.split("\n\n")]
    return "\n\n".join(
        f"{title.capitalize()}\n\n```text\n{textwrap.dedent(lines)}\n```"
        for title, _, lines in sections
        if lines and title != "exit codes:"
    )


def _options(actions: Iterable[argparse.Action]) -> str:
    rows = []
    for action in actions:
        if action.help is argparse.SUPPRESS:
            continue
        value = action.metavar or ("{" + ",".join(map(str, action.choices)) + "}" if action.choices else "")
        value = "" if action.nargs == 0 else str(value)
        # A breaking space in code would make the column of names narrow.
        names = ", ".join(f"`{name} {value}`".replace(" `", "`") for name in action.option_strings) or f"`{value}`"
        text = (action.help or "").replace("<", r"\<") % {"default": action.default, "prog": "biobatch"}
        if action.option_strings and action.required:
            text = f"{text.removesuffix('.')}. Required."
        rows.append((names, text))
    return _table(("option", "what it does"), rows)


def components() -> str:
    """Returns the page of the components, with the arguments and outputs of each."""
    parts = []
    offered = {name: getattr(public, name) for name in public.__all__}
    found = [each for name, each in offered.items() if f"{name}Args" in offered]
    for component in found:
        arguments = arguments_of(component)
        travels = "" if component in COMPONENTS else "Only programs in Python can use this component."
        parts += [
            f"## {component.__name__}",
            *filter(None, [_docstring(component), travels]),
            f"### {arguments.__name__}",
            _fields(arguments),
        ]
        gives = attributes(component)
        if gives:
            parts += [f"### Outputs of {component.__name__}", _table(("output", "what it is"), _named(gives.items()))]
    taken = [arguments_of(component) for component in found]
    for each in offered.values():
        if each in found or each in taken:
            continue
        parts += [f"## {each.__name__}", _docstring(each)]
        if issubclass(each, enum.Enum):
            texts = attributes(each)
            parts.append(
                _table(("value", "what it means"), ((f"`{m.name}` (`{m.value}`)", texts.get(m.name, "")) for m in each))
            )
        else:
            parts.append(_fields(each))
    return _page(
        "Components",
        "the components' docstrings",
        "Each component is a Pulumi resource that you can use in a program of your own: `Component(name, args, opts)`. In Python, import "
        "it from `components`. In another language, add the package with `pulumi package add PATH/components`. [Other Pulumi "
        "programs](../how-to/other-programs.md#other-pulumi-programs) says how to set up each.",
        "`Network` and `DataBucket` need no other component. `BatchPermissions` takes buckets and repositories, `BatchPlatform` takes a network "
        "and roles, and `SubmitPermissions` takes queues and job definitions. [Architecture](../explanation/architecture.md) has the diagram.",
        *parts,
    )


def _docstring(each: Any) -> str:
    return inspect.cleandoc(each.__doc__ or "")


def _named(texts: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    return ((f"`{name}`", text) for name, text in texts)


def _fields(arguments: Any) -> str:
    """Returns the table of a class's arguments. Only the first paragraph of a docstring fits into a cell, so the others follow the table."""
    rows, others = [], []
    texts = attributes(arguments)
    for field in dataclasses.fields(arguments):
        first, _, more = texts[field.name].partition("\n\n")
        rows.append((f"`{field.name}`", f"`{_type(field.type)}`", _default(field), first))
        if more:
            others.append(f"More about `{field.name}`:\n\n{more}")
    return "\n\n".join([_table(("argument", "type", "default", "what it is"), rows), *others])


def _type(annotation: Any) -> str:
    """Returns an annotation as a reader writes it. `Input[…]` stands for a value or an output of another resource."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    names = [_type(each) for each in inner if each is not type(None)]
    if origin is None:
        return "None" if annotation is None else str(getattr(annotation, "__name__", annotation))
    if str(origin).endswith("Union") or "UnionType" in str(origin):
        parts = [name for each, name in zip([e for e in inner if e is not type(None)], names, strict=True)]
        plain = [part for part in parts if not part.startswith(("Output", "Awaitable"))]
        return f"Input[{plain[0]}]" if len(plain) < len(parts) else " | ".join(plain)
    return f"{getattr(origin, '__name__', origin)}[{', '.join(names)}]"


def _default(field: Any) -> str:
    if field.default is not dataclasses.MISSING:
        value = field.default.value if isinstance(field.default, enum.Enum) else field.default
        return "not set" if value is None else f"`{json.dumps(value)}`"
    if field.default_factory is not dataclasses.MISSING:
        return f"`{json.dumps(field.default_factory())}`"
    return "required"


def write() -> None:
    """Writes every page."""
    for page, text in written().items():
        page.write_text(text)
