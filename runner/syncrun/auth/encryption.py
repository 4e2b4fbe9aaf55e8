"""The key that stored credentials are encrypted with: from SYNCRUN_SECRET_KEY, else the system's keyring."""

from __future__ import annotations

import base64
import binascii
import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from syncrun.errors import UsageError

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

VARIABLE = "SYNCRUN_SECRET_KEY"
HOW_TO_MAKE_ONE = (
    f"make one with `openssl rand -base64 32` and set {VARIABLE} to it, in .env or the environment"
)

_KEYRING_ENTRY = ("syncrun", "secret_key")
_KEY_BYTES = 32


def _keyring() -> Any:
    return importlib.import_module("keyring")


def find_key(environ: Mapping[str, str], keyring: Callable[[], Any] = _keyring) -> MultiFernet | None:
    """Return the key, or None where there is none.

    The variable may list several, separated by commas: the first encrypts, all decrypt, so that a key can be
    replaced. The keyring is asked when the package `keyring` is installed; a key is put into it the first
    time. Raise UsageError for text that is no key.
    """
    text = environ.get(VARIABLE, "").strip() or _from_keyring(keyring)
    if not text:
        return None
    from cryptography.fernet import Fernet, MultiFernet

    return MultiFernet([Fernet(_key_of(part)) for part in text.split(",") if part.strip()])


def _key_of(text: str) -> bytes:
    plain = text.strip().replace("+", "-").replace("/", "_").rstrip("=")
    try:
        raw = base64.b64decode(plain + "=" * (-len(plain) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != _KEY_BYTES:
        raise UsageError(f"{VARIABLE} is no key: it must be 32 bytes in Base64", hint=HOW_TO_MAKE_ONE)
    return base64.urlsafe_b64encode(raw)


def _from_keyring(keyring: Callable[[], Any]) -> str:
    try:
        ring = keyring()
    except ImportError:
        return ""
    try:
        found = ring.get_password(*_KEYRING_ENTRY)
        if found is None:
            from cryptography.fernet import Fernet

            ring.set_password(*_KEYRING_ENTRY, Fernet.generate_key().decode())
            found = ring.get_password(*_KEYRING_ENTRY)
    except ring.errors.KeyringError:  # locked, or no desktop session: as under cron
        return ""
    return str(found or "")
