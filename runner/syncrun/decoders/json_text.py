"""Reads JSON at the speed of orjson, and what orjson refuses or rounds as servers meant it.

Integers of any size stay exact, NaN and Infinity are floats, half a surrogate pair becomes U+FFFD.
"""

from __future__ import annotations

import re
from typing import Any

MAX_DEPTH = 1000
_TOO_DEEP = f"nested deeper than {MAX_DEPTH:,} levels"

# Digits become 0, a minus stays itself: a run of digits is then one plain substring search.
_DIGITS = bytes(48 if 48 <= byte <= 57 else 45 if byte == 45 else 32 for byte in range(256))  # noqa: PLR2004
# Every third byte is enough to rule most documents out: 19 digits in a row hold six of those.
_STRIDE = 3
_SAMPLES = b"0" * 6
_BIG = b"0" * 20
_BIG_NEGATIVE = b"-" + b"0" * 19

_ESCAPE = re.compile(
    r"\\(?:(?P<pair>u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    r"|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
# Possessive, and to the end where a string is never closed: each character is looked at once.
_STRUCTURE = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)


class JsonError(ValueError):
    """The text is no JSON; the message says why and where."""


def holds_big_integer(content: bytes) -> bool:
    """Whether *content* may hold an integer beyond 64 bits; long digit strings count too."""
    if _SAMPLES not in content[::_STRIDE].translate(_DIGITS):
        return False
    digits = content.translate(_DIGITS)
    return _BIG in digits or _BIG_NEGATIVE in digits


def parse(content: bytes, *, exact: bool) -> Any:
    """Return the value of *content* (UTF-8); *exact* says what `holds_big_integer` found. Raise JsonError."""
    import orjson

    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError:
        value = _parse_leniently(content)
    else:
        if exact:
            value = _parse_slowly(content.decode())
    return value


def _parse_leniently(content: bytes) -> Any:
    import orjson

    text = content.decode("utf-8", "replace")
    if _is_deep(text):
        raise JsonError(_TOO_DEEP)
    text = _ESCAPE.sub(lambda match: "\\ufffd" if match["half"] else match[0], text)
    if not holds_big_integer(content):
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            pass  # NaN and Infinity are left, or it is no JSON at all
    return _parse_slowly(text)


def _parse_slowly(text: str) -> Any:
    import json

    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        reason = str(error)
    except RecursionError:  # the caller's own depth counts too
        reason = _TOO_DEEP
    except ValueError:
        reason = "an integer has more digits than can be converted"
    raise JsonError(reason)


def _is_deep(text: str) -> bool:
    depth = 0
    for match in _STRUCTURE.finditer(text):
        if match[0] in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif match[0] in "]}":
            depth -= 1
    return False
