"""What counts as a secret, and every way in which one may be spelled in a text (R23)."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b32encode, b64encode, urlsafe_b64encode
from collections.abc import Iterator
from functools import cache
from html.entities import codepoint2name
from string import ascii_letters, digits
from typing import Any

MIN_LENGTH = 4
"""Shorter values are not looked for: they would blacken ordinary text."""

_COMMON = re.compile(
    "true|false|null|none|yes|admin|administrator|root|user|username|guest|test|demo|default|public|private"
    "|password|token|bearer|basic|key|value|name|json|http|https|main|master|live|prod|staging|sandbox",
    re.IGNORECASE,
)
"""Words that are some people's credentials and everybody's language."""

_LATIN_1 = re.compile("[\x80-\xff]")
_NUMBER = re.compile(r"[+-]?\d{1,5}(?:\.\d{1,5})?")
_DAY = re.compile(r"\d{4}-\d{2}(?:-\d{2})?")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^@]*")
_PEM_LINE = 16  # characters: the end of a key may be shorter, and says nothing
_SPELLED_OUT = 512  # characters: a longer one, such as a key file, has lines and members that are known too
_DISTINCT = 8  # characters: a shorter secret in lower case may well be an ordinary word
_DIGESTS = ("sha256", "sha1", "md5", "sha512")
_NEVER_QUOTED = frozenset(ascii_letters + digits + "-_.")
_TIMES = "{0,7}"  # backslashes before a character: of a JSON text in a JSON text in a JSON text
_MANY = "{1,32}"  # backslashes for those of a secret; without a bound a hostile text could take all day
_SHORT = {
    " ": r"\+",
    **{text: rf"\\{_TIMES}\\{name}" for text, name in zip("\n\r\t\b\f", "nrtbf", strict=True)},
}
_BACKSLASHES = re.compile(r"\\+")

_SENSITIVE = re.compile(
    r"token|secret|passw|passphrase|signature|credential|authori[sz]ation|api[_.-]?key|access[_.-]?key|private[_.-]?key"
    r"|client[_.-]?key|subscription[_.-]?key|session[_.-]?id|cookie"
    r"|(?:^|[_.\[-])(?:key|sig|pwd|pass|auth|jwt|hmac|code|sid|session)\]?$"
)
# Names that end in "key" or "code" may mean a thing, such as a project, unless what is in front says more.
_AMBIGUOUS = re.compile(r"(?P<of>.*?)[_.-]?(?:key|code)")
_PRIVATE = (
    "api",
    "access",
    "private",
    "secret",
    "client",
    "subscription",
    "signing",
    "master",
    "device",
    "auth",
)
# Names that say "token" or "key" and mean a place in a list.
_HARMLESS = re.compile(
    r"(?:page|next|prev(?:ious)?|cont(?:inuation)?|sync|skip|start|cursor|delta|last|after|resume)[_.\[-]?(?:page[_.-]?)?(?:token|key)\]?$"
    r"|(?:sort|order|group|primary|foreign|row)[_.-]?key$"
    r"|(?:country|currency|language|zip|postal|status)[_.-]?code$"
)


def is_maskable(text: str) -> bool:
    """Whether *text* can be looked for: neither shorter than four characters nor an everyday word."""
    return len(text) >= MIN_LENGTH and _COMMON.fullmatch(text) is None


def is_telling(text: str) -> bool:
    """Whether *text*, which nobody declared to be a secret, may be one because of where it is used.

    Numbers of less than six digits, days and addresses are not: they are part of what messages tell.
    """
    text = text.strip()
    plain = _NUMBER.fullmatch(text) or _DAY.fullmatch(text) or _ADDRESS.fullmatch(text)
    return is_maskable(text) and plain is None


def is_credential_name(name: str) -> bool:
    """Whether something of this name is a secret; unlike `is_sensitive_name`, a `key` may be a project's."""
    ambiguous = _AMBIGUOUS.fullmatch(name.lower())
    return is_sensitive_name(name) and (ambiguous is None or ambiguous["of"].endswith(_PRIVATE))


def is_sensitive_name(name: str) -> bool:
    """Whether a query parameter, header or form member of this name usually holds a secret."""
    lower = name.lower()
    return _SENSITIVE.search(lower) is not None and _HARMLESS.search(lower) is None


def texts_of(value: Any) -> Iterator[str]:
    """Yield the secrets in a configured *value*: of a list or an object every member.

    Text that is a JSON object, such as the key file of a service account, also has its sensitive members.
    """
    match value:
        case None | bool() | "":
            return
        case dict() | list():
            for member in value.values() if isinstance(value, dict) else value:
                yield from texts_of(member)
        case _:
            text = str(value)
            yield text
            if "-----BEGIN" in text:
                lines = re.split(r"\\n|\s+", text)
                yield from (line for line in lines if len(line) >= _PEM_LINE and not line.startswith("-"))
            for name, member in _members(text).items():
                if is_sensitive_name(name):
                    yield from texts_of(member)


def _members(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text) if text.lstrip().startswith("{") else None
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def patterns(secret: str) -> Iterator[str]:
    """Yield regular expressions for the texts that mean *secret*.

    Each of its characters may be as it is, or quoted for URLs, JSON or HTML, once or several times: who puts
    a secret into a text quotes what is special there, and that text may become part of another. Case does not
    matter for those of eight characters and more. Base64 has to fit as a whole; hexadecimal digits, quotes of
    every character, and the digests that log-ins are made of are known too.
    """
    spelled = "".join(map(_character, _BACKSLASHES.sub(r"\\", secret)))
    yield f"(?i:{spelled})" if len(secret) >= _DISTINCT else spelled
    raw = secret.encode("utf-8", "surrogatepass")
    yield from map(re.escape, _in_base64(raw))
    if len(secret) < _DISTINCT:
        return
    units = secret.encode("utf-16-be", "surrogatepass")
    yield from map(re.escape, _in_base64(secret.encode("utf-16-le", "surrogatepass")))
    yield f"(?i:{raw.hex()})"
    yield f"(?i:{b32encode(raw).decode().rstrip('=')})"
    for name in _DIGESTS:
        digest = hashlib.new(name, raw, usedforsecurity=False).digest()
        yield f"(?i:{digest.hex()})"
        yield from map(re.escape, _in_base64(digest))
    if len(secret) > _SPELLED_OUT:
        return
    yield "(?i:" + "".join(f"%{octet:02x}" for octet in raw) + ")"
    yield "(?i:" + "".join(rf"\\x{octet:02x}" for octet in raw) + ")"
    yield "(?i:" + "".join(rf"&#0{{0,3}}(?:{ord(c)}|x0{{0,3}}{ord(c):x});" for c in secret) + ")"
    yield "(?i:" + "".join(rf"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2)) + ")"


def _in_base64(raw: bytes) -> set[str]:
    return {encode(raw).decode().rstrip("=") for encode in (b64encode, urlsafe_b64encode)}


@cache
def _character(character: str) -> str:
    """Return a regular expression for *character*, however it is quoted; a backslash stands for many."""
    if character in _NEVER_QUOTED:
        return re.escape(character)
    code = ord(character)
    octets = character.encode("utf-8", "surrogatepass")
    units = character.encode("utf-16-be", "surrogatepass")
    in_url = "".join(rf"%(?:25){_TIMES}(?i:{octet:02x})" for octet in octets)
    if _LATIN_1.match(character):  # as forms in Latin-1 have it
        in_url += rf"|%(?:25){_TIMES}(?i:{code:02x})|\udc{code:02x}"
    in_json = "".join(rf"\\{_TIMES}\\u(?i:{units[at : at + 2].hex()})" for at in range(0, len(units), 2))
    name = codepoint2name.get(code, "#")
    in_html = rf"&(?:amp;){_TIMES}(?:{name}|#0?{code}|#[xX]0?(?i:{code:x}));"
    if character == "\\":
        return rf"(?:\\|{in_url}|{in_html}){_MANY}"
    as_it_is = rf"\\{_TIMES}{re.escape(character)}"
    short = f"|{_SHORT[character]}" if character in _SHORT else ""
    if not character.isascii():  # UTF-8 that was read as Latin-1
        short += "|" + "".join(rf"(?:\x{octet:02x}|\udc{octet:02x})" for octet in octets)
    return rf"(?:{as_it_is}|{in_url}|{in_json}|{in_html}{short})"


def base64_cores(secret: str) -> Iterator[str]:
    """Yield what Base64 of any text that contains *secret* must contain, such as of `user:password`.

    The three yields are for the three places a secret can start at within a group of three bytes; characters
    that it shares with its neighbours are left out, so a caller masks the whole run around a core.
    """
    for encoding in ("utf-8", "utf-16-le") if len(secret) >= _DISTINCT else ("utf-8",):
        raw = secret.encode(encoding, "surrogatepass")
        for shift in range(3):
            text = b64encode(b"\0" * shift + raw).decode()
            first = -(-shift * 8 // 6)
            last = (shift + len(raw)) * 8 // 6
            yield text[first:last]
