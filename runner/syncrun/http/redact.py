"""Keeps secrets out of everything that people or files get to see (R23)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote_plus

from syncrun.secrets import MASK, MIN_LENGTH, base64_cores, is_sensitive_name, patterns

_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")
_USER_INFO = re.compile(r"^(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)[^/?#@]*@")
_MIN_CORE = 6
_EXCERPT_BYTES = 65_536
_MAX_URL = 300


class Redactor:
    """Knows the secrets of a connection and writes `***` in their place, however they are spelled.

    Safe to share between threads; `add` makes it know more, such as a token that was just issued.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: frozenset[str] = frozenset()
        self._plain: re.Pattern[str] | None = None
        self._encoded: re.Pattern[str] | None = None
        self.add(*secrets)

    def add(self, *secrets: str) -> None:
        """Learn further secrets; those shorter than four characters are ignored."""
        known = self._secrets | {text.strip() for text in secrets if len(text.strip()) >= MIN_LENGTH}
        if known == self._secrets:
            return
        plain = {pattern for secret in known for pattern in patterns(secret)}
        cores = {
            re.escape(spelled)
            for secret in known
            for core in base64_cores(secret)
            for spelled in (core, core.replace("+", "-").replace("/", "_"))
            if len(core) >= _MIN_CORE
        }
        self._secrets, self._plain, self._encoded = known, _any_of(plain), _any_of(cores)

    def text(self, text: str) -> str:
        """Return *text* without secrets."""
        if self._plain is None:
            return text
        if self._encoded is not None:
            text = _mask_runs(text, self._encoded)
        return self._plain.sub(MASK, text)

    def exposes(self, text: str) -> bool:
        """Whether *text* holds a secret."""
        if self._plain is None:
            return False
        return bool(self._plain.search(text) or (self._encoded and self._encoded.search(text)))

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
        return f"{method.upper()} {shown if len(shown) <= _MAX_URL else shown[: _MAX_URL - 1] + '…'}"

    def excerpt(self, content: bytes, length: int = 200) -> str:
        """Return the first *length* characters of *content* on one line, without secrets."""
        # Cut last: half a secret at the end would no longer be recognised.
        shown = " ".join(self.text(content[:_EXCERPT_BYTES].decode("utf-8", "replace")).split())
        shown = "".join(
            character if character.isprintable() else "\ufffd" for character in shown[: length + 1]
        )
        return shown if len(shown) <= length else shown[: length - 1] + "…"


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
            return MASK if redactor.exposes(str(value)) else value
    return value


def _any_of(patterns: Iterable[str]) -> re.Pattern[str] | None:
    # Longest first: a secret that starts with another must not leave its end behind.
    ordered = sorted({pattern for pattern in patterns if pattern}, key=lambda text: (-len(text), text))
    return re.compile("|".join(ordered)) if ordered else None


def _mask_runs(text: str, cores: re.Pattern[str]) -> str:
    """Mask each run of Base64 characters around a core: the rest may be the other half of a credential."""
    parts, done = [], 0
    for match in cores.finditer(text):
        start, end = match.span()
        if start < done:
            continue
        while start > done and text[start - 1] in _BASE64:
            start -= 1
        while end < len(text) and (text[end] in _BASE64 or text[end] == "="):
            end += 1
        parts += [text[done:start], MASK]
        done = end
    return "".join([*parts, text[done:]]) if parts else text


def _mask_pair(pair: str) -> str:
    name, equals, value = pair.partition("=")
    return f"{name}={MASK}" if equals and value and is_sensitive_name(unquote_plus(name)) else pair
