"""Keeps secrets out of everything that people or files get to see (R23)."""

from __future__ import annotations

import codecs
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_plus

from syncrun.excerpts import MASK, excerpt, without
from syncrun.secrets import base64_cores, is_maskable, is_sensitive_name, patterns

_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")
_USER_INFO = re.compile(r"^(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)[^/?#@]*@")
_CHARSET = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9_.:-]+)""", re.IGNORECASE)
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SURROGATES = re.compile("[\ud800-\udfff]")
_MIN_CORE = 6
_LOOKED_AT = 16_384  # bytes
_MAX_URL = 300


class Redactor:
    """Knows the secrets of a connection and writes `***` in their place, however they are spelled.

    Safe to share between threads; `add` makes it know more, such as a token that was just issued. *names* say
    who somebody is: they are masked too, and may be part of addresses and of places to go on at.
    """

    def __init__(self, secrets: Iterable[str] = (), names: Iterable[str] = ()) -> None:
        self._guard = threading.Lock()
        self._known: frozenset[str] = frozenset()
        self._secrets: frozenset[str] = frozenset()
        self._all: tuple[_Patterns, ...] = ()
        self._telling: tuple[_Patterns, ...] = ()
        self.add(*secrets)
        self.add_names(*names)

    def add(self, *secrets: str) -> None:
        """Learn further secrets; those shorter than four characters, and everyday words, are ignored."""
        with self._guard:
            fresh = _maskable(secrets) - self._secrets
            if fresh:
                found = (_Patterns.of(fresh),)
                self._secrets, self._telling = self._secrets | fresh, self._telling + found
                self._known, self._all = self._known | fresh, self._all + found

    def add_names(self, *names: str) -> None:
        """Learn what says who somebody is, and is masked as secrets are; it opens no door by itself."""
        with self._guard:
            fresh = _maskable(names) - self._known
            if fresh:
                self._known, self._all = self._known | fresh, (*self._all, _Patterns.of(fresh))

    def text(self, text: str) -> str:
        """Return *text* without secrets."""
        text = without(self.spans(text), text)
        if "\0" in text:  # two or four bytes a character, read as one
            joined = text.replace("\0", "")
            spans = self.spans(joined)
            text = without(spans, joined) if spans else text
        return text

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where secrets are in *text*."""
        return [span for known in self._all for span in known.spans(text)]

    def exposes(self, text: str) -> bool:
        """Whether *text* holds a secret that opens a door."""
        return any(known.found(text) or known.found(text.replace("\0", "")) for known in self._telling)

    def url(self, url: str) -> str:
        """Return *url* without secrets and user info, the values of sensitive parameters masked."""
        url = _USER_INFO.sub(rf"\g<scheme>{MASK}@", url)
        head, question, tail = url.partition("?")
        if question:
            query, hash_, fragment = tail.partition("#")
            tail = "&".join(map(_mask_pair, query.split("&"))) + hash_ + fragment
        return self.text(head + question + tail)

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Return a copy without secrets; Authorization, Cookie and the like are masked whole."""
        return {
            name: MASK if is_sensitive_name(name) else self.text(value) for name, value in headers.items()
        }

    def exchange(self, method: str, url: str) -> str:
        """Return `GET https://…`, how messages name a request; overlong URLs are cut."""
        shown = self.url(url)
        return (
            f"{method.upper()} {shown if len(shown) <= _MAX_URL else excerpt(shown, _MAX_URL, masker=self)}"
        )

    def excerpt(self, content: bytes, length: int = 200, *, content_type: str | None = None) -> str:
        """Return the first *length* characters of *content* on one line, without secrets.

        It is read in the charset of its byte order mark, else of *content_type*, else as UTF-8.
        """
        text = self.text(_decoded(content[:_LOOKED_AT], content_type))
        if len(content) > _LOOKED_AT:  # a secret may be cut in two where the look ends
            text = text[: len(text) * 3 // 4] + "…"
        shown = " ".join(_SURROGATES.sub("\ufffd", text).split())
        return excerpt("".join(c if c.isprintable() else "\ufffd" for c in shown), length, masker=self)


def _decoded(content: bytes, content_type: str | None) -> str:
    """Return *content* as text; bytes that are none in its charset become surrogates."""
    named = _CHARSET.search(content_type or "")
    name = next((name for mark, name in _MARKS if content.startswith(mark)), named[1] if named else "")
    name = name or _unmarked(content)
    try:
        return content.decode(name, "surrogateescape" if name.lower() in ("utf-8", "ascii") else "replace")
    except (LookupError, ValueError, TypeError):
        return content.decode("utf-8", "surrogateescape")


def _unmarked(content: bytes) -> str:
    """Return the likely charset of *content* that names none: UTF-16 where every other byte is NUL."""
    start = content[:256]
    for first, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        if start[first::2].count(0) * 2 > len(start[first::2]):
            return name
    return "utf-8"


def masked(value: Any, redactor: Redactor) -> Any:
    """Return the JSON *value* without secrets, in whatever member they are."""
    match value:
        case str():
            return redactor.text(value)
        case dict():
            return {redactor.text(name): masked(member, redactor) for name, member in value.items()}
        case list():
            return [masked(member, redactor) for member in value]
        case int() | float() if not isinstance(value, bool):
            return value if redactor.text(str(value)) == str(value) else MASK
    return value


@dataclass(frozen=True, eq=False)
class _Patterns:
    """What some secrets look like: *plain* however they are spelled, *encoded* within Base64."""

    plain: re.Pattern[str]
    encoded: re.Pattern[str] | None

    @classmethod
    @lru_cache(maxsize=256)  # the syncs of a connection know the same, and long keys take a second
    def of(cls, secrets: frozenset[str]) -> _Patterns:
        """Return the patterns of *secrets*, of which there are some."""
        known = sorted(secrets)
        cores = {
            re.escape(spelled)
            for secret in known
            for core in base64_cores(secret)
            for spelled in (core, core.replace("+", "-").replace("/", "_"))
            if len(core) >= _MIN_CORE
        }
        plain = _any_of({pattern for secret in known for pattern in patterns(secret)})
        return cls(plain, _any_of(cores) if cores else None)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where in *text* they are, with the Base64 around them."""
        spans = [match.span() for match in self.plain.finditer(text)]
        return spans if self.encoded is None else [*spans, *_runs(text, self.encoded)]

    def found(self, text: str) -> bool:
        """Whether *text* holds one of them."""
        return bool(self.plain.search(text) or (self.encoded and self.encoded.search(text)))


def _maskable(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(text.strip() for text in texts if is_maskable(text.strip()))


def _any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    # Longest first: a secret that starts with another must not leave its end behind.
    ordered = sorted({pattern for pattern in patterns if pattern}, key=lambda text: (-len(text), text))
    return re.compile("|".join(ordered))


def _runs(text: str, cores: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    """Yield each run of Base64 characters around a core: the rest may be the other half of a credential."""
    done = 0
    for match in cores.finditer(text):
        start, end = match.span()
        if start < done:
            continue
        while start > done and text[start - 1] in _BASE64:
            start -= 1
        while end < len(text) and (text[end] in _BASE64 or text[end] == "="):
            end += 1
        yield start, end
        done = end


def _mask_pair(pair: str) -> str:
    name, equals, value = pair.partition("=")
    return f"{name}={MASK}" if equals and value and is_sensitive_name(unquote_plus(name)) else pair
