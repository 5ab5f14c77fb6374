"""How moto is mended: methods of its classes, each replaced by a function that may still call the former one; and methods added."""

import functools
import sys
from collections.abc import Callable
from typing import Any


class Mends:
    """The mends of one service, in the order in which they are written."""

    def __init__(self) -> None:
        self._mends: list[tuple[Callable[..., Any], Callable[..., Any]]] = []
        self._additions: list[tuple[type, Callable[..., Any]]] = []

    def of(self, method: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Marks a function as the mend of a class's method.

        Args:
            method: the method, as `Class.method`, or a property's setter. The function gets the former method first, then the
                method's own arguments, `self` included.
        """

        def register(function: Callable[..., Any]) -> Callable[..., Any]:
            self._mends.append((method, function))
            return function

        return register

    def adds(self, owner: type) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Marks a function as a method that moto's class lacks, by the function's name."""

        def register(function: Callable[..., Any]) -> Callable[..., Any]:
            self._additions.append((owner, function))
            return function

        return register

    def install(self, replace: Callable[[type, str, Any], None] = setattr) -> None:
        """Mends moto in this process.

        Args:
            replace: sets an attribute of a class; a test's own can be undone.
        """
        for owner, function in self._additions:
            replace(owner, function.__name__, function)
        for method, function in self._mends:
            owner_name, _, name = method.__qualname__.rpartition(".")
            owner = getattr(sys.modules[method.__module__], owner_name)
            former = getattr(owner, name)
            if isinstance(former, property):
                replace(owner, name, former.setter(_bound(function, method)))
            else:
                replace(owner, name, _bound(function, former))


def _bound(function: Callable[..., Any], former: Callable[..., Any]) -> Callable[..., Any]:
    # A plain function that bears the former's name: moto finds its actions so.
    @functools.wraps(former)
    def mended(*args: Any, **kwargs: Any) -> Any:
        return function(former, *args, **kwargs)

    return mended
