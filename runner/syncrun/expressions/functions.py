"""The functions of the expression language: JMESPath's own, and those that connectors need besides.

Each added one opens with a sentence and ends in examples, `call -> JSON`, for tests and the manual: over an
empty object, at noon of 1 May 2024 in UTC.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import inspect
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import jmespath.functions
import orjson
from msgspec import Struct

from syncrun.expressions.data_functions import DataFunctions
from syncrun.expressions.regexes import Regex, RegexError, compile_regex
from syncrun.expressions.signatures import FunctionError, Signature, takes
from syncrun.expressions.times import add_duration, count_epoch, format_time, read_time, write_time

Number = int | float
Time = str | int | float


class Functions(DataFunctions):
    """All functions, over a *clock* that returns the present as an aware datetime."""

    def __init__(self, *, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._guarded: dict[str, Callable[..., Any]] = {}

    def call_function(self, function_name: str, resolved_args: Any) -> Any:
        """Call a function by name, as `jmespath`'s interpreter does, or raise FunctionError."""
        return self.find(function_name)(*resolved_args)

    def find(self, name: str) -> Callable[..., Any]:
        """Return the function *name* with its arguments' types checked; its arity is the parser's matter."""
        found = self._guarded.get(name)
        if found is None:
            found = self._guarded[name] = SIGNATURES[name].guard(getattr(self, f"_func_{name}"))
        return found

    # --- times

    @takes()
    def _func_now(self) -> str:
        """Return the present.

        now() -> "2024-05-01T12:00:00Z"
        """
        return write_time(self._clock())

    @takes("string|number|null", "string")
    def _func_format_time(self, t: Time | None, fmt: str) -> str | int | None:
        """Write a time as `iso`, `epoch`, `epoch_ms` or by a strftime pattern, in UTC.

        format_time('2024-05-01T10:30:00+02:00', '%Y-%m-%d %H:%M') -> "2024-05-01 08:30"
        format_time('2024-05-01', 'epoch') -> 1714521600
        """
        return None if t is None else format_time(read_time(t), fmt)

    @takes("string|number|null", "string", optional=1)
    def _func_parse_time(self, t: Time | None, fmt: str = "iso") -> str | None:
        """Read a time from ISO 8601 text, an epoch number or a strptime pattern; without an offset it is UTC.

        parse_time('2024-05-01T10:30:00+02:00') -> "2024-05-01T08:30:00Z"
        parse_time('01/05/2024', '%d/%m/%Y') -> "2024-05-01T00:00:00Z"
        parse_time(`1714521600250`, 'epoch_ms') -> "2024-05-01T00:00:00.250Z"
        """
        return None if t is None else write_time(read_time(t, fmt))

    @takes("string|number|null", "string")
    def _func_add_time(self, t: Time | None, duration: str) -> str | None:
        """Move a time by a duration in ms, s, m, h, d or w, backwards with a minus sign.

        add_time('2024-05-01T00:00:00Z', '-1d') -> "2024-04-30T00:00:00Z"
        """
        return None if t is None else write_time(add_duration(read_time(t), duration))

    @takes("string|number|null")
    def _func_epoch(self, t: Time | None) -> int | None:
        """Return the whole seconds since 1970, rounded down.

        epoch('2024-05-01T00:00:00.9Z') -> 1714521600
        """
        return None if t is None else count_epoch(read_time(t))

    @takes("string|number|null")
    def _func_epoch_ms(self, t: Time | None) -> int | None:
        """Return the whole milliseconds since 1970, rounded down.

        epoch_ms('2024-05-01T00:00:00.9Z') -> 1714521600900
        """
        return None if t is None else count_epoch(read_time(t), "epoch_ms")

    # --- text

    @takes("string|null")
    def _func_lower(self, text: str | None) -> str | None:
        """Return text in lower case.

        lower('ABC') -> "abc"
        """
        return None if text is None else text.lower()

    @takes("string|null")
    def _func_upper(self, text: str | None) -> str | None:
        """Return text in upper case.

        upper('abc') -> "ABC"
        """
        return None if text is None else text.upper()

    @takes("string|null")
    def _func_trim(self, text: str | None) -> str | None:
        """Return text without white space at either end.

        trim('  abc ') -> "abc"
        """
        return None if text is None else text.strip()

    @takes("string|null", "string")
    def _func_split(self, text: str | None, separator: str) -> list[str] | None:
        """Cut text at each separator.

        split('a,b,c', ',') -> ["a", "b", "c"]
        """
        if not separator:
            raise FunctionError("split() needs a separator that is not empty")
        return None if text is None else text.split(separator)

    @takes("string|null", "string", "string")
    def _func_replace(self, text: str | None, old: str, new: str) -> str | None:
        """Replace every occurrence of one text by another.

        replace('2024/05/01', '/', '-') -> "2024-05-01"
        """
        return None if text is None else text.replace(old, new)

    @takes("string|null", "string", "number|string", optional=1)
    def _func_regex_extract(
        self, text: str | None, pattern: str, group: Number | str | None = None
    ) -> str | None:
        """Return the first match of a regular expression (RE2's): its first or the given group, or null.

        regex_extract('issue #42', '#([0-9]+)') -> "42"
        regex_extract('v1.27', '[0-9.]+') -> "1.27"
        regex_extract('a-b', '(?P<left>.)-(?P<right>.)', 'right') -> "b"
        regex_extract('none here', '#([0-9]+)') -> null
        """
        compiled = _compile_pattern(pattern)
        wanted = min(compiled.groups, 1) if group is None else group
        known = wanted in compiled.names if isinstance(wanted, str) else wanted in range(compiled.groups + 1)
        if not known:
            raise FunctionError(f"the pattern {pattern!r} has no group {wanted!r}")
        match = None if text is None else compiled.search(text)
        found: str | None = match[wanted if isinstance(wanted, str) else int(wanted)] if match else None
        return found

    @takes("string|number|boolean|null", variadic=True)
    def _func_concat(self, *values: Any) -> str | None:
        """Join texts, numbers and booleans to one text; null when any of them is null.

        concat('item-', `42`) -> "item-42"
        concat('item-', `null`) -> null
        """
        if None in values:
            return None
        return "".join(value if isinstance(value, str) else json.dumps(value) for value in values)

    # --- digests and encodings

    @takes("string|null")
    def _func_base64(self, text: str | None) -> str | None:
        """Encode text, as UTF-8, in Base64.

        base64('user:secret') -> "dXNlcjpzZWNyZXQ="
        """
        return None if text is None else base64.b64encode(text.encode()).decode("ascii")

    @takes("string|null")
    def _func_sha256(self, text: str | None) -> str | None:
        """Return the SHA-256 digest of text, as UTF-8, in hexadecimal.

        sha256('abc') -> "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        """
        return None if text is None else hashlib.sha256(text.encode()).hexdigest()

    @takes("string", "string|null")
    def _func_hmac_sha256(self, key: str, text: str | None) -> str | None:
        """Sign text with a key by HMAC-SHA-256, in hexadecimal.

        hmac_sha256('key', 'text') -> "6afa9046a9579cad143a384c1b564b9a250d27d6f6a63f9f20bf3a7594c9e2c6"
        """
        return None if text is None else hmac.digest(key.encode(), text.encode(), "sha256").hex()

    @takes("string|null")
    def _func_parse_json(self, text: str | None) -> Any:
        """Read a JSON document that is held in text.

        parse_json('{"a": [1, 2]}') -> {"a": [1, 2]}
        """
        try:
            return None if text is None else orjson.loads(text)
        except orjson.JSONDecodeError:
            raise FunctionError("parse_json() got text that is not JSON") from None


def _compile_pattern(pattern: str) -> Regex:
    try:
        return compile_regex(pattern)
    except RegexError as error:
        raise FunctionError(str(error)) from None


SIGNATURES = {name: Signature.of(name, spec["signature"]) for name, spec in Functions.FUNCTION_TABLE.items()}
"""What each function takes, by name: for the parser, which refuses wrong calls before there is data."""

DEFAULT = Functions(clock=lambda: datetime.now(UTC))
"""The functions over the system's clock."""


class FunctionDescription(Struct, frozen=True):
    """One added function for the manual; *examples* are pairs of a call and its result as JSON."""

    name: str
    signature: str
    summary: str
    examples: tuple[tuple[str, str], ...]


def catalogue() -> tuple[FunctionDescription, ...]:
    """Return a description of every function that JMESPath itself does not have, by name."""
    standard = jmespath.functions.Functions.FUNCTION_TABLE
    return tuple(_describe(name) for name in sorted(SIGNATURES) if name not in standard)


def _describe(name: str) -> FunctionDescription:
    method = getattr(Functions, f"_func_{name}")
    summary, _, rest = (inspect.getdoc(method) or "").partition("\n")
    examples = tuple(
        (call.strip(), result.strip())
        for call, arrow, result in (line.partition(" -> ") for line in rest.splitlines())
        if arrow
    )
    return FunctionDescription(name, f"{name}({_write_parameters(method)})", summary, examples)


def _write_parameters(method: Callable[..., Any]) -> str:
    written = ""
    for parameter in list(inspect.signature(method).parameters.values())[1:]:
        separator = ", " if written else ""
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            written += f"{separator}{parameter.name}…"
        elif parameter.default is not inspect.Parameter.empty:
            written += f"[{separator}{parameter.name}]"
        else:
            written += f"{separator}{parameter.name}"
    return written
