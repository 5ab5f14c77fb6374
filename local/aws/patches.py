"""Patches of moto: functions that replace methods of its classes and can call the original, and methods that it lacks."""

import functools
import sys
from collections.abc import Callable
from typing import Any


class Patches:
    """The patches of one service. They are installed in the order in which they were registered."""

    def __init__(self) -> None:
        self._replacements: list[tuple[Callable[..., Any], Callable[..., Any]]] = []
        self._additions: list[tuple[type, Callable[..., Any]]] = []

    def replaces(self, method: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Registers the decorated function as the replacement of a method.

        Args:
            method: the method, as `Class.method`, or the setter of a property. The function receives the original method and then the
                arguments of the method, including `self`.
        """

        def register(function: Callable[..., Any]) -> Callable[..., Any]:
            self._replacements.append((method, function))
            return function

        return register

    def adds(self, owner: type) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Registers the decorated function as a method that the class `owner` lacks. Its name is the name of the function."""

        def register(function: Callable[..., Any]) -> Callable[..., Any]:
            self._additions.append((owner, function))
            return function

        return register

    def install(self, replace: Callable[[type, str, Any], None] = setattr) -> None:
        """Patches moto in this process.

        Args:
            replace: sets an attribute of a class. A test passes a function that it can undo.
        """
        for owner, function in self._additions:
            replace(owner, function.__name__, function)
        for method, function in self._replacements:
            owner_name, _, name = method.__qualname__.rpartition(".")
            owner = getattr(sys.modules[method.__module__], owner_name)
            original = getattr(owner, name)
            if isinstance(original, property):
                replace(owner, name, original.setter(_bound(function, method)))
            else:
                replace(owner, name, _bound(function, original))


def _bound(function: Callable[..., Any], original: Callable[..., Any]) -> Callable[..., Any]:
    # moto finds its operations by the names of functions.
    @functools.wraps(original)
    def patched(*args: Any, **kwargs: Any) -> Any:
        return function(original, *args, **kwargs)

    return patched
