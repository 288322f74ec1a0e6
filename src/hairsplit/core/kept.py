"""What an object works out once and keeps."""

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

V = TypeVar("V")


class kept(Generic[V]):  # noqa: N801 - a decorator, like the `cached_property` that it stands for
    """`functools.cached_property` without its lock, which Python 3.11 takes longer for than most of these take to make.

    It is for objects of one thread, or values of which any will do.
    """

    def __init__(self, make: Callable[[Any], V]) -> None:
        self._make = make
        self.__doc__ = make.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        """Note under which name an object keeps its value."""
        self._name = name

    @overload
    def __get__(self, thing: None, owner: type) -> Self: ...
    @overload
    def __get__(self, thing: object, owner: type) -> V: ...
    def __get__(self, thing: object | None, owner: type) -> Self | V:
        """The value, made now and from then on read as any attribute of the object."""
        if thing is None:
            return self
        value = thing.__dict__[self._name] = self._make(thing)
        return value
