"""The functions on numbers, objects and arrays that JMESPath does not have itself."""

from __future__ import annotations

from typing import Any

import jmespath.functions

from syncrun.expressions.signatures import FunctionError, takes

Number = int | float


class DataFunctions(jmespath.functions.Functions):
    """JMESPath's own functions, and those on numbers, objects and arrays."""

    # --- numbers

    @takes("number|null", "number|null")
    def _func_add(self, a: Number | None, b: Number | None) -> Number | None:
        """Add two numbers.

        add(`1`, `2`) -> 3
        """
        return None if a is None or b is None else a + b

    @takes("number|null", "number|null")
    def _func_sub(self, a: Number | None, b: Number | None) -> Number | None:
        """Subtract the second number from the first.

        sub(`5`, `2`) -> 3
        """
        return None if a is None or b is None else a - b

    @takes("number|null", "number|null")
    def _func_mul(self, a: Number | None, b: Number | None) -> Number | None:
        """Multiply two numbers.

        mul(`6`, `7`) -> 42
        """
        return None if a is None or b is None else a * b

    @takes("number|null", "number|null")
    def _func_div(self, a: Number | None, b: Number | None) -> Number | None:
        """Divide the first number by the second; whole numbers that divide evenly stay whole.

        div(`6`, `2`) -> 3
        div(`1`, `4`) -> 0.25
        div(`1`, `null`) -> null
        """
        if a is None or b is None:
            return None
        if b == 0:
            raise FunctionError("div() cannot divide by 0")
        if isinstance(a, int) and isinstance(b, int) and a % b == 0:
            return a // b
        return a / b

    # --- objects and lists

    @takes("object|array|null", "string|number|null")
    def _func_get(self, container: Any, key: str | int | None) -> Any:
        """Return the member of an object, or the element of an array, whose name or position is computed.

        get({a: `1`}, 'a') -> 1
        get(['x', 'y'], `-1`) -> "y"
        get({a: `1`}, 'b') -> null
        """
        if isinstance(container, dict):
            return container.get(key) if isinstance(key, str) else None
        if isinstance(container, list) and isinstance(key, int) and -len(container) <= key < len(container):
            return container[key]
        return None

    @takes("object|null", "string", optional=1)
    def _func_flatten_object(
        self, value: dict[str, Any] | None, separator: str = "_"
    ) -> dict[str, Any] | None:
        """Raise the members of nested objects to one level, names joined; lists stay, a later namesake wins.

        flatten_object({a: {b: `1`, c: {d: `2`}}, e: `3`}) -> {"a_b": 1, "a_c_d": 2, "e": 3}
        flatten_object({a: {b: `1`}}, '.') -> {"a.b": 1}
        """
        return None if value is None else _flatten(value, separator)

    @takes("object|null")
    def _func_items(self, value: dict[str, Any] | None) -> list[dict[str, Any]] | None:
        """Turn an object into a list of its keys and values.

        items({a: `1`, b: `2`}) -> [{"key": "a", "value": 1}, {"key": "b", "value": 2}]
        """
        return None if value is None else [{"key": key, "value": member} for key, member in value.items()]

    @takes("array|null", "array|null")
    def _func_zip(self, a: list[Any] | None, b: list[Any] | None) -> list[list[Any]] | None:
        """Pair the elements of two arrays, as many as the shorter one has.

        zip(['a', 'b'], [`1`, `2`]) -> [["a", 1], ["b", 2]]
        """
        return None if a is None or b is None else [list(pair) for pair in zip(a, b, strict=False)]

    @takes("any", "any")
    def _func_default(self, value: Any, fallback: Any) -> Any:
        """Return the fallback when the value is null, and only then.

        default(`null`, 'none') -> "none"
        default('', 'none') -> ""
        """
        return fallback if value is None else value

    @takes("array|string", "any")
    def _func_contains(self, subject: Any, search: Any) -> bool:
        if isinstance(subject, str) and not isinstance(search, str):
            raise FunctionError("contains() looks for a string in a string, not for anything else")
        return search in subject


def _flatten(value: dict[str, Any], separator: str) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    pending = [("", iter(value.items()))]
    while pending:
        prefix, members = pending[-1]
        for name, member in members:
            if isinstance(member, dict) and member:
                pending.append((f"{prefix}{name}{separator}", iter(member.items())))
                break
            flat[f"{prefix}{name}"] = member
        else:
            pending.pop()
    return flat
