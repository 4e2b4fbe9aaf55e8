"""What every auth kind is: a model that turns rendered credentials into an `httpx.Auth`.

A kind subclasses `Auth` in a module of its own and is registered in `auth/__init__.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from syncrun.errors import UsageError

if TYPE_CHECKING:
    import httpx

Render = Callable[[str], Any]
"""Renders the text of a template to its value; a template that is null gives None."""

_CONFIG_NAME = re.compile(r"\bconfig\.(\w+)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Auth(BaseModel):
    """How requests prove who sends them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def authenticator(self, render: Render) -> httpx.Auth | None:
        """Return what signs each request, or None when nothing does.

        Raise UsageError, which never shows a value, for a credential that is missing or cannot be sent.
        """
        raise NotImplementedError

    def _credential(self, name: str, render: Render, *, may_be_empty: bool = False) -> str:
        """Return the rendered text of the field *name*, without the whitespace that pasting leaves."""
        template = getattr(self, name)
        value = render(template)
        kind = f"{getattr(self, 'type', '')} auth"
        if isinstance(value, bool | list | dict):
            raise UsageError(f"the {name} of {kind} must be text", hint=_origin(template))
        text = "" if value is None else str(value).strip()
        if not text and not (may_be_empty and value is not None):
            raise UsageError(f"the {name} of {kind} is empty", hint=_origin(template))
        if _CONTROL.search(text):
            raise UsageError(
                f"the {name} of {kind} holds a line break or control character", hint=_origin(template)
            )
        return text

    def _header_credential(self, name: str, render: Render) -> str:
        """Return a credential that a header can carry: visible ASCII."""
        text = self._credential(name, render)
        if not text.isascii():
            raise UsageError(
                f"the {name} of {getattr(self, 'type', '')} auth holds a character outside ASCII",
                hint=f"{_origin(getattr(self, name))}; pasting brings curly quotes and invisible characters",
            )
        return text


def _origin(template: str) -> str:
    """Return where a credential comes from; names config values and never quotes the template (R23)."""
    names = list(dict.fromkeys(_CONFIG_NAME.findall(template)))
    if not names:
        return "it is written in the connector file, under auth"
    return f"it comes from the config value {' and '.join(names)} of the connection"
