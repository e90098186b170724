"""Options that fill a thing's fields, the same for making it and for changing it. Owns: giving them to a verb.

A noun lists its `Option`s once; a verb that takes them has a parameter `fields`, in which it finds those that were given.
"""

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import Parameter
from typing import Any

Verb = Callable[..., None]


def _as_typed(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class Option:
    """One option: its parameter's name and typer's annotation of it, with None for "not given"; the row's field that it fills,
    if that is called otherwise; and what makes the field's value of what was typed (None: not given)."""

    name: str
    annotation: Any
    field: str = ""
    value: Callable[[Any], Any] = _as_typed


def takes(options: Sequence[Option]) -> Callable[[Verb], Verb]:
    """Give a verb these options in the place of its parameter `fields`."""

    def wrap(verb: Verb) -> Verb:
        @functools.wraps(verb)
        def run(*args: Any, **given: Any) -> None:
            typed = [(option, given.pop(option.name, None)) for option in options]
            made = {option.field or option.name: option.value(value) for option, value in typed if value is not None}
            verb(*args, fields={name: value for name, value in made.items() if value is not None}, **given)

        signature = inspect.signature(verb)
        parameters = [new for each in signature.parameters.values() for new in _in_place_of(each, options)]
        run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]  # whoever wraps it reads it
        return run

    return wrap


def _in_place_of(parameter: Parameter, options: Sequence[Option]) -> list[Parameter]:
    if parameter.name != "fields":
        return [parameter]
    kind = Parameter.POSITIONAL_OR_KEYWORD
    return [Parameter(option.name, kind, default=None, annotation=option.annotation) for option in options]
