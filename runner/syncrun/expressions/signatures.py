"""What a JMESPath function takes: how many arguments, of which types, and how to say so."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from jmespath import visitor
from msgspec import Struct

from syncrun.wording import counted

ExpressionReference = visitor._Expression  # noqa: SLF001 - the type that `jmespath`'s functions check for

_F = TypeVar("_F", bound=Callable[..., Any])

_TYPES: dict[str, frozenset[type]] = {
    "string": frozenset({str}),
    "number": frozenset({int, float}),
    "boolean": frozenset({bool}),
    "array": frozenset({list}),
    "object": frozenset({dict, OrderedDict}),
    "null": frozenset({type(None)}),
    "expref": frozenset({ExpressionReference}),
}
_WORDS = {
    "string": "a string",
    "number": "a number",
    "boolean": "a boolean",
    "array": "an array",
    "object": "an object",
    "null": "null",
    "expref": "an expression after &",
}


class FunctionError(ValueError):
    """A call that fails on its arguments; the message is a clause that follows the expression's text."""


def takes(*types: str, optional: int = 0, variadic: bool = False) -> Callable[[_F], _F]:
    """Declare the arguments of a `_func_…` method: JMESPath types joined by `|`, `any` for whatever comes.

    The last *optional* ones may be left out; with *variadic* the last one may be repeated.
    """

    def declare(function: _F) -> _F:
        function.signature = tuple(  # type: ignore[attr-defined]
            {
                "types": [] if names == "any" else names.split("|"),
                "optional": position >= len(types) - optional,
                "variadic": variadic and position == len(types) - 1,
            }
            for position, names in enumerate(types)
        )
        return function

    return declare


def name_type(value: Any) -> str:
    """Return what *value* is, in words: `a string`, `an array`, `null`."""
    for name, types in _TYPES.items():
        if value.__class__ in types:
            return _WORDS[name]
    return f"a {type(value).__name__}"


class Parameter(Struct, frozen=True):
    """One argument: the Python types it may have (None: any), and those of all elements of an array."""

    words: str
    allowed: frozenset[type] | None
    elements: tuple[frozenset[type], ...]

    @classmethod
    def of(cls, names: Sequence[str]) -> Parameter:
        """Return the parameter for JMESPath's type *names*, such as `array-number` or `string`."""
        allowed: set[type] = set()
        elements: list[frozenset[type]] = []
        words: list[str] = []
        for name in names:
            base, _, element = name.partition("-")
            allowed |= _TYPES[base]
            if element:
                elements.append(_TYPES[element])
            words.append(f"an array of {element}s" if element else _WORDS[base])
        text = " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
        return cls(text, frozenset(allowed) if names else None, tuple(elements))

    def find_problem(self, value: Any) -> str:
        """Return what *value* is when it does not fit, or an empty string."""
        if self.allowed is not None and value.__class__ not in self.allowed:
            return name_type(value)
        if not self.elements or value.__class__ is not list or not value:
            return ""
        # all elements have the type that the first one has, as sorting needs it
        first = value[0].__class__
        fitting = next((types for types in self.elements if first in types), self.elements[0])
        for element in value:
            if element.__class__ not in fitting:
                return f"an array with {name_type(element)} in it"
        return ""


class Signature(Struct, frozen=True):
    """All arguments of one function."""

    name: str
    parameters: tuple[Parameter, ...]
    required: int
    variadic: bool

    @classmethod
    def of(cls, name: str, declared: Sequence[Any]) -> Signature:
        """Return the signature that `jmespath`'s or our `signature` attribute describes."""
        parameters = tuple(Parameter.of(one["types"]) for one in declared)
        required = sum(not one.get("optional") for one in declared)
        return cls(name, parameters, required, bool(declared) and bool(declared[-1].get("variadic")))

    def accepts(self, count: int) -> bool:
        """Tell whether the function may be called with *count* arguments."""
        return self.required <= count and (self.variadic or count <= len(self.parameters))

    @property
    def arity(self) -> str:
        """The number of arguments, in words."""
        if self.variadic:
            return f"at least {_count(self.required)}"
        if self.required == len(self.parameters):
            return _count(self.required)
        return f"{self.required} or {_count(len(self.parameters))}"

    def wants_reference(self, position: int) -> bool:
        """Tell whether the argument at *position* is written with `&`."""
        parameter = self.parameters[min(position, len(self.parameters) - 1)]
        return parameter.allowed == _TYPES["expref"]

    def check(self, arguments: Sequence[Any]) -> None:
        """Raise FunctionError unless *arguments* fit in number and types."""
        if not self.accepts(len(arguments)):
            raise FunctionError(f"{self.name}() takes {self.arity}, not {len(arguments)}")
        last = len(self.parameters) - 1
        for position, value in enumerate(arguments):
            parameter = self.parameters[min(position, last)]
            if problem := parameter.find_problem(value):
                which = "the argument" if len(arguments) == 1 else f"argument {position + 1}"
                raise FunctionError(f"{which} of {self.name}() must be {parameter.words}, not {problem}")

    def guard(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return *function* with its arguments' types checked; the parser has counted them."""
        simple = tuple(parameter.allowed for parameter in self.parameters)
        if (
            self.variadic
            or any(parameter.elements for parameter in self.parameters)
            or self.required != len(simple)
        ):
            return self._guard_any(function)
        if len(simple) == 1 and simple[0] is not None:
            return self._guard_one(function, simple[0])
        checked = tuple((position, types) for position, types in enumerate(simple) if types is not None)

        def call(*arguments: Any) -> Any:
            for position, types in checked:
                if arguments[position].__class__ not in types:
                    self.check(arguments)
            return function(*arguments)

        return call if checked else function

    def _guard_one(self, function: Callable[..., Any], types: frozenset[type]) -> Callable[..., Any]:
        def call(argument: Any) -> Any:
            if argument.__class__ not in types:
                self.check((argument,))
            return function(argument)

        return call

    def _guard_any(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            self.check(arguments)
            return function(*arguments)

        return call


def _count(number: int) -> str:
    if number == 0:
        return "no arguments"
    return counted(number, "argument")
