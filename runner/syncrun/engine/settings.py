"""Config values as they are typed: `--set NAME=VALUE`, or where they are: `--set-env`, `--set-file`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from syncrun.config.connector import Connector
from syncrun.config.secrecy import is_named_secret
from syncrun.errors import UsageError

_NAME = re.compile(r"[a-z_]{1,24}")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")


def _named(text: str) -> str:
    """Return *text* with a space in front when it is a name; it may be a secret that somebody pasted."""
    return f" {text}" if _NAME.fullmatch(text) else ""


def setting(text: str) -> tuple[str, str]:
    """Return name and value of `NAME=VALUE`; raise UsageError for anything else."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"--set{_named(text)}: expected NAME=VALUE", hint="such as --set owner=acme")
    return name, value


def setting_of_variable(text: str, environ: Mapping[str, str]) -> str:
    """Return `NAME=VALUE` for `NAME=VARIABLE`; raise UsageError for a variable that is not set."""
    name, equals, variable = text.partition("=")
    if not equals or not name or not variable:
        raise UsageError(
            f"--set-env{_named(text)}: expected NAME=VARIABLE", hint="--set-env token=ACME_TOKEN, say"
        )
    if not environ.get(variable):
        which = variable if _VARIABLE.fullmatch(variable) else "of that name"  # may be the secret itself
        raise UsageError(f"--set-env {name}: the environment variable {which} is not set")
    return f"{name}={environ[variable]}"


def setting_of_file(text: str, environ: Mapping[str, str]) -> str:
    """Return `NAME=VALUE` for `NAME=PATH`, without the line break at the end; raise UsageError."""
    del environ
    name, equals, path = text.partition("=")
    if not equals or not name or not path:
        raise UsageError(
            f"--set-file{_named(text)}: expected NAME=PATH", hint="such as --set-file key=acme.pem"
        )
    try:
        content = Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise UsageError(f"--set-file {name}: cannot read {path}: {reason}") from None
    return f"{name}={content.rstrip(chr(10) + chr(13))}"


def typed(connector: Connector, settings: Mapping[str, str]) -> dict[str, Any]:
    """Return the texts of --set as the types that the connector declares."""
    import json

    values: dict[str, Any] = {}
    for name, text in settings.items():
        entry = connector.config.get(name)
        if entry is None:
            near = get_close_matches(name, list(connector.config), n=1)
            known = ", ".join(connector.config) or "none"
            hint = f"did you mean '{near[0]}'?" if near else f"its config entries: {known}"
            raise UsageError(
                f"--set {name}: the connector {connector.connector} has no such config entry", hint=hint
            )
        values[name] = text
        if entry.type != "string":
            try:
                values[name] = json.loads(text)
            except ValueError:
                got = "something else" if entry.secret or is_named_secret(name) else repr(text)
                raise UsageError(f"--set {name}: expected {entry.type}, got {got}") from None
    return values
