"""`pulumi config set` and `config rm` on a stack's configuration, without the CLI.

Transcribed from the sources of Pulumi 3.259.0: pkg/cmd/pulumi/config (`configSetCmd`, `parseConfigKey`) and sdk/go/common/resource/config
(`Map.Set`, `Map.Remove`, `object.Set`, `object.Delete`, `coerce`) with `resource.ParsePropertyPathStrict`, and sdk/go/common/util/yamlutil (`Edit`). tests/local/test_config_commands.py
compares this module with the CLI. The module omits the CLI's refusal of values that look like secrets.
"""

import json
import re
import shlex
from typing import Any

import yaml

Path = list[str | int]


class CommandFailed(Exception):
    """A command that the CLI refuses."""


class StackConfig:
    """A stack's configuration as in its file: values by full key."""

    def __init__(self, values: dict[str, Any], project: str = "biobatch") -> None:
        self.values: dict[str, Any] = json.loads(json.dumps(values))
        self._project = project

    def run(self, commands: str) -> None:
        """Runs commands joined by `&&`, as a shell would read them.

        Raises:
            CommandFailed: the CLI would end with an error. The configuration stays as it was before that command.
        """
        for command in commands.split(" && "):
            program, config, verb, *arguments = shlex.split(command)
            assert (program, config) == ("pulumi", "config"), command
            words, flags, kind = _flags(arguments)
            before = self.values
            # The CLI reads and writes every value as a string, except lists and mappings.
            self.values = {key: _text(value) for key, value in json.loads(json.dumps(before)).items()}
            try:
                if verb == "set":
                    key, value = words
                    self._set(key, value, "--path" in flags, kind)
                else:
                    assert verb == "rm", command
                    (key,) = words
                    self._remove(key, "--path" in flags)
            except CommandFailed:
                self.values = before
                raise
            self.values = _edited(before, self.values)

    def program_values(self) -> dict[str, str]:
        """The configuration as the program gets it: strings, with JSON for every other value."""
        return {
            key: value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
            for key, value in self.values.items()
        }

    def _set(self, written: str, text: str, by_path: bool, kind: str | None) -> None:
        key = self._key(written, by_path)
        if not by_path:
            self.values[key] = text if kind is None else _typed(text, kind)
            return
        namespace, _, path = key.partition(":")
        first, *steps = _parsed(path)
        key = f"{namespace}:{first}"
        if not steps:
            self.values[key] = text if kind is None else _typed(text, kind)
            return
        value = _coerced(text) if kind is None else _typed(text, kind)
        self.values[key] = _set_in(self.values.get(key), steps, value, depth=1)

    def _remove(self, written: str, by_path: bool) -> None:
        key = self._key(written, by_path)
        if by_path:
            namespace, _, path = key.partition(":")
            first, *steps = _parsed(path)
            key = f"{namespace}:{first}"
            if steps:
                if key in self.values:
                    _delete_in(self.values[key], steps)
                return
        self.values.pop(key, None)

    def _key(self, written: str, by_path: bool) -> str:
        inner = re.search(r"[.\[]", written)
        if by_path and inner and inner.start() > 0:
            top = self._key(written[: inner.start()], by_path=False)
            return top + written[inner.start() :]
        if ":" not in written:
            return f"{self._project}:{written}"
        if written.count(":") == 1:
            return written
        raise CommandFailed(f"could not parse {written} as a configuration key")


def _text(value: Any) -> Any:
    if value is None:
        return ""
    return value if isinstance(value, str | list | dict) else json.dumps(value)


def _edited(old: Any, new: Any) -> Any:
    """`yamlutil.Edit`: rewrites only the changed values of the file. A quoted string keeps its quotes."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {key: _edited(old[key], value) if key in old else value for key, value in new.items()}
    if isinstance(old, list) and isinstance(new, list):
        return [_edited(old[i], value) if i < len(old) else value for i, value in enumerate(new)]
    in_quotes = isinstance(old, str) and yaml.safe_dump(old).startswith(("'", '"'))
    return json.dumps(new) if in_quotes and isinstance(new, bool | int | float) else new


def _flags(arguments: list[str]) -> tuple[list[str], set[str], str | None]:
    words: list[str] = []
    flags: set[str] = set()
    kind = None
    rest = iter(arguments)
    for argument in rest:
        if argument == "--":
            words += rest
        elif argument == "--type":
            kind = next(rest)
        elif argument == "--path":
            flags.add(argument)
        elif argument.startswith("-") and argument != "-":
            raise CommandFailed(f"unknown flag: {argument}")
        else:
            words.append(argument)
    return words, flags, kind


def _typed(text: str, kind: str) -> Any:
    if kind == "string":
        return text
    if kind == "bool":
        return text in ("1", "t", "T", "TRUE", "true", "True")
    if kind not in ("int", "float"):
        raise CommandFailed(f"invalid type {kind!r}; must be one of string, int, bool, or float")
    if not re.fullmatch(
        r"[+-]?[0-9]+" if kind == "int" else r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text
    ):
        raise CommandFailed(f"could not set config: parsing {text!r}: invalid syntax")
    return int(text) if kind == "int" else float(text)


def _coerced(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    if (len(text) > 1 and text[0] == "0") or not re.fullmatch(r"[+-]?[0-9]+", text):
        return text
    number = int(text)
    unsigned = text[0] not in "+-"
    return number if -(2**63) <= number < (2**64 if unsigned else 2**63) else text


def _parsed(path: str) -> Path:
    """`resource.ParsePropertyPathStrict`, which also requires a name as the first step."""
    steps: Path = []
    if path.startswith("."):
        raise CommandFailed("expected property path to start with a name or index")
    while path:
        if path[0] == ".":
            path = path[1:]
            if not path:
                raise CommandFailed("expected property path to end with a name or index")
            if path[0] == "[":
                raise CommandFailed("expected property name after '.'")
        elif path.startswith('["'):
            step, path = _quoted(path)
            steps.append(step)
        elif path[0] == "[":
            inside, bracket, after = path[1:].partition("]")
            if not bracket:
                raise CommandFailed("missing closing bracket in array index")
            if inside != "*" and not re.fullmatch(r"[+-]?[0-9]+", inside):
                raise CommandFailed("invalid array index")
            steps.append("*" if inside == "*" else int(inside))
            path = after
        else:
            name = re.match(r"[^.\[]*", path)
            assert name
            steps.append(name[0])
            path = path[name.end() :]
    if not steps:
        raise CommandFailed("empty config key path")
    if not isinstance(steps[0], str):
        raise CommandFailed("first path segement of config key must be a string")
    if not steps[0]:
        raise CommandFailed("config key is empty")
    return steps


def _quoted(path: str) -> tuple[str, str]:
    step, i = "", 2
    while True:
        if i >= len(path):
            raise CommandFailed("missing closing quote in property name")
        if path[i] == '"':
            break
        escaped = path[i : i + 2] == '\\"'
        step += '"' if escaped else path[i]
        i += 2 if escaped else 1
    if path[i + 1 : i + 2] != "]":
        raise CommandFailed("missing closing bracket in property access")
    return step, path[i + 2 :]


def _set_in(container: Any, path: Path, value: Any, depth: int) -> Any:
    """`object.Set`: returns the container with the value."""
    if not path:
        return value
    step, *inner = path
    if not isinstance(container, list | dict):
        if container is not None and depth > 1:
            raise CommandFailed("expected an array" if isinstance(step, int) else "expected a map")
        # A new list for an index has empty items before that index.
        container = [None] * (step + 1) if isinstance(step, int) and step >= 0 else {}
    if isinstance(container, list):
        if not isinstance(step, int):
            raise CommandFailed("key for an array must be an int")
        if not 0 <= step <= len(container):
            raise CommandFailed("array index out of range")
        if step == len(container):
            container.append(None)
        container[step] = _set_in(container[step], inner, value, depth + 1)
    else:
        if not isinstance(step, str):
            raise CommandFailed("key for a map must be a string")
        if not inner and not container and step == "secure" and isinstance(value, str):
            raise CommandFailed('maps with the single key "secure" are reserved')
        container[step] = _set_in(container.get(step), inner, value, depth + 1)
    return container


def _delete_in(container: Any, path: Path) -> None:
    """`object.Delete`: deletes a value. A missing value is no error."""
    step, *inner = path
    if isinstance(container, list):
        if not isinstance(step, int) or not 0 <= step < len(container):
            return
    elif not isinstance(container, dict) or step not in container:
        return
    if inner:
        _delete_in(container[step], inner)
        return
    left = [key for key in container if key != step] if isinstance(container, dict) else []
    if left == ["secure"] and isinstance(container["secure"], str):
        raise CommandFailed('maps with the single key "secure" are reserved')
    del container[step]
