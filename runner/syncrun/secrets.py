"""What counts as a secret, and every way in which one may be spelled in a text (R23)."""

from __future__ import annotations

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from html import escape
from urllib.parse import quote, quote_plus

MASK = "***"
MIN_LENGTH = 4
"""Shorter values are not looked for: they would blacken ordinary text."""

_SENSITIVE = re.compile(
    r"token|secret|passw|passphrase|signature|credential|authori[sz]ation|api[_.-]?key|access[_.-]?key|private[_.-]?key"
    r"|client[_.-]?key|subscription[_.-]?key|session[_.-]?id|cookie"
    r"|(?:^|[_.\[-])(?:key|sig|pwd|pass|auth|jwt|hmac|code|sid|session)\]?$"
)
# Names that say "token" or "key" and mean a place in a list.
_HARMLESS = re.compile(
    r"(?:page|next|prev(?:ious)?|cont(?:inuation)?|sync|skip|start|cursor|delta|last|after|resume)[_.\[-]?(?:page[_.-]?)?(?:token|key)\]?$"
    r"|(?:sort|order|group|primary|foreign|row)[_.-]?key$"
    r"|(?:country|currency|language|zip|postal|status)[_.-]?code$"
)


def is_sensitive_name(name: str) -> bool:
    """Whether a query parameter, header or form member of this name usually holds a secret."""
    lower = name.lower()
    return _SENSITIVE.search(lower) is not None and _HARMLESS.search(lower) is None


def spellings(secret: str) -> set[str]:
    """Return the texts that mean *secret*: as it is, quoted for URLs, JSON and HTML, and in Base64."""
    quoted = {quote(secret, safe=""), quote(secret), quote_plus(secret)}
    lower = {re.sub(r"%[0-9A-F]{2}", lambda escape_: escape_[0].lower(), text) for text in quoted}
    raw = secret.encode("utf-8", "surrogatepass")
    return {
        secret,
        *quoted,
        *lower,
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        json.dumps(secret).replace("/", "\\/")[1:-1],
        escape(secret),
        b64encode(raw).decode().rstrip("="),
        urlsafe_b64encode(raw).decode().rstrip("="),
    }


def base64_cores(secret: str) -> Iterator[str]:
    """Yield what Base64 of any text that contains *secret* must contain, such as of `user:password`.

    The three yields are for the three places a secret can start at within a group of three bytes; characters
    that it shares with its neighbours are left out, so a caller masks the whole run around a core.
    """
    raw = secret.encode("utf-8", "surrogatepass")
    for shift in range(3):
        text = b64encode(b"\0" * shift + raw).decode()
        first = -(-shift * 8 // 6)
        last = (shift + len(raw)) * 8 // 6
        yield text[first:last]
