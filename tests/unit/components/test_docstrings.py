"""Every public class, argument and output has a docstring, and that of an argument states the effect of a change."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.recording import ROOT

MODULES = sorted(
    module for folder in ("components", "preflight", "settings") for module in (ROOT / folder).rglob("*.py")
)


def documented(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Every public function, class and attribute of a module with its docstring, or ""."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node.name, ast.get_docstring(node) or ""
        if isinstance(node, ast.ClassDef):
            for attribute, following in zip(node.body, [*node.body[1:], None], strict=True):
                if isinstance(attribute, ast.AnnAssign) and isinstance(attribute.target, ast.Name):
                    yield f"{node.name}.{attribute.target.id}", _text(following)


def _text(node: ast.stmt | None) -> str:
    is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    return node.value.value if is_text else ""  # type: ignore[union-attr]


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_everything_public_has_a_docstring(module: Path) -> None:
    found = documented(ast.parse(module.read_text()))
    # Settings are described once, in their declarations.
    assert [name for name, text in found if not text and not name.startswith(("Settings.", "Key."))] == []


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_every_docstring_of_an_argument_states_the_effect_of_a_change(module: Path) -> None:
    found = documented(ast.parse(module.read_text()))
    assert [
        name
        for name, text in found
        if "chang" not in text.lower() and ("Args." in name or name.startswith(("Tool.", "BucketAccess.")))
    ] == []
