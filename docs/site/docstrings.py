"""Reads the docstrings under a class's attributes, which Python itself does not keep."""

import ast
import inspect
import textwrap
from typing import Any


def attributes(class_: type[Any]) -> dict[str, str]:
    """Returns the docstrings of a class's attributes, by the attribute's name, in the order of the source."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(class_))).body
    assert isinstance(tree, ast.ClassDef)
    found = {}
    for attribute, following in zip(tree.body, tree.body[1:], strict=False):
        match attribute:
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
                pass
            case _:
                continue
        match following:
            case ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = inspect.cleandoc(text)
    return found
