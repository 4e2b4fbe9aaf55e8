r"""Regular expressions of connectors: matched in linear time, whatever an API sends.

They are RE2's, which has neither look-around nor back-references. `\d`, `\w` and `\s` know the digits,
letters and spaces of all languages, as they do in Python.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

_TOKEN = re.compile(r"\\u(?P<code>[0-9a-fA-F]{4})|\\[pP]\{[^}]*\}|\\.|\[\^?\]?|\]|.", re.DOTALL)
_OUTSIDE = {
    r"\d": r"\p{Nd}",
    r"\D": r"\P{Nd}",
    r"\w": r"[\p{L}\p{N}_]",
    r"\W": r"[^\p{L}\p{N}_]",
    r"\s": r"[\s\v\p{Z}]",
    r"\S": r"[^\s\v\p{Z}]",
    r"\Z": r"\z",
}
_INSIDE = {r"\d": r"\p{Nd}", r"\D": r"\P{Nd}", r"\w": r"\p{L}\p{N}_", r"\s": r"\s\v\p{Z}"}
_LACKING = (
    ("(?=", "look-ahead"),
    ("(?!", "look-ahead"),
    ("(?<=", "look-behind"),
    ("(?<!", "look-behind"),
    ("(?>", "an atomic group"),
    ("(?(", "a conditional group"),
    ("(?P=", "a back-reference"),
    ("(?#", "a comment"),
)
_UNCLOSED = {"missing ):": "a ( is never closed", "missing ]:": "a [ is never closed"}
_POSSESSIVE = re.compile(r"[*+?}]\+")
_BACK_REFERENCE = re.compile(r"invalid escape sequence: \\[1-9]")


class RegexError(ValueError):
    """The text is no regular expression that can be used; *hint* says what to write in its place."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class Regex:
    """One expression; a search takes time in proportion to the length of the text."""

    def __init__(self, text: str, compiled: Any) -> None:
        self.text = text
        self.groups: int = compiled.groups
        self.names: Mapping[str, int] = compiled.groupindex
        self._search = compiled.search

    def search(self, text: str) -> Any:
        """Return the first match in *text*, None without one; half a surrogate pair counts as `?`."""
        try:
            return self._search(text)
        except UnicodeEncodeError:
            return self._search(text.encode("utf-8", "replace").decode())


@lru_cache(maxsize=512)
def compile_regex(text: str) -> Regex:
    """Return the regular expression *text*; raise RegexError for what is none, or may be slow."""
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        return Regex(text, re2.compile(_unicode(text), options))
    except UnicodeEncodeError:
        raise RegexError(f"{text!r} is no regular expression: it holds half a surrogate pair") from None
    except re2.error as error:
        told = error.args[0] if error.args else ""
        reason = told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)
        raise _refusal(text, reason) from None


def _refusal(text: str, reason: str) -> RegexError:
    lacking = next((name for start, name in _LACKING if start in text), "")
    if not lacking and _BACK_REFERENCE.match(reason):
        lacking = "a back-reference"
    if not lacking and "bad repetition operator" in reason and _POSSESSIVE.search(text):
        lacking = "a possessive quantifier"
    if lacking:
        example = "regex_extract(url, '/items/([0-9]+)')"
        hint = f"write the pattern without it; put what is wanted in a group, as in {example}"
        return RegexError(f"{text!r} has {lacking}, which could take forever and is not supported", hint)
    reason = next((words for start, words in _UNCLOSED.items() if reason.startswith(start)), reason)
    return RegexError(f"{text!r} is no regular expression: {reason}")


def _unicode(text: str) -> str:
    r"""Return *text* in RE2's words: `\w` of all languages, `\Z` as `\z`, `\u00e9` as the character."""
    parts, inside = [], False
    for match in _TOKEN.finditer(text):
        part = match[0]
        if match["code"]:
            parts.append(re.escape(chr(int(match["code"], base=16))))
            continue
        if part.startswith("[") and not inside:
            inside = True
        elif part.startswith("[") and inside:  # plain characters there; a ] after them still closes
            inside = not part.endswith("]")
        elif part == "]":
            inside = False
        if inside and part in (r"\W", r"\S"):
            wanted = r"\P{L}" if part == r"\W" else r"\P{Z}"
            raise RegexError(
                rf"{text!r} has {part} between [ and ], which is not supported",
                rf"list what is meant, such as {wanted}",
            )
        parts.append((_INSIDE if inside else _OUTSIDE).get(part, part))
    return "".join(parts)
