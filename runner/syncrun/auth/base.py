"""What every auth kind is: a model that turns rendered credentials into an `httpx.Auth`.

A kind subclasses `Auth` in a module of its own and is registered in `auth/__init__.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field

from syncrun.errors import UsageError
from syncrun.expressions.duration_field import Duration
from syncrun.expressions.durations import parse_duration
from syncrun.expressions.fields import Expression
from syncrun.yaml_models import YamlModel

if TYPE_CHECKING:
    import httpx

    from syncrun.auth.credentials import Credentials
    from syncrun.http.messages import Request, Response
    from syncrun.http.redact import Redactor


def _check_positive(text: str) -> str:
    if not seconds_of(text) > 0:
        raise ValueError("it must be longer than nothing; write 1h, say")
    return text


def seconds_of(duration: str) -> float:
    """Return the seconds in a duration such as 15m."""
    return parse_duration(duration).total_seconds()


Lifetime = Annotated[Duration, AfterValidator(_check_positive)]
"""How long something that was issued lives."""

Render = Callable[[str], Any]
"""Renders the text of a template to its value; a template that is null gives None."""

SignByHook = Callable[["httpx.Request", bool], None]
"""Lets a hook sign a request; the flag tells it that what it gave last was refused."""

_CONFIG_NAME = re.compile(r"\bconfig\.(\w+)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LINE_BREAKS = re.compile(r"[\r\n\t]")


@dataclass(frozen=True, slots=True)
class AuthContext:
    """What a kind works with, for one connection.

    *render* takes a template or a tree of them, and what `vars` is in it. *send* sends a request without
    credentials of its own; the server that the request names may see the secrets in it, because the
    connector declares it. It returns answers of 2xx, and of the statuses in its second argument; it raises
    RequestError for all others. *now* is in epoch seconds, *sleep* takes seconds. *redactor* learns every
    secret that is issued (R23). *owner* names the connection in messages; *credentials* keeps what it was
    issued. *sign* is the hook that signs, None when the connector has none.
    """

    render: Callable[..., Any]
    send: Callable[[Request, frozenset[int]], Response]
    now: Callable[[], float]
    sleep: Callable[[float], None]
    redactor: Redactor
    credentials: Credentials
    owner: str
    connector: str
    base_url: str = ""
    sign: SignByHook | None = None


class Auth(YamlModel):
    """How requests prove who sends them."""

    when: Expression | None = Field(
        None,
        description="JMESPath over config: of a list, the first entry where it is true, or absent, is used.",
    )

    def authenticator(self, context: AuthContext) -> httpx.Auth | None:
        """Return what signs each request, or None when nothing does.

        Raise UsageError, which never shows a value, for a credential that is missing or cannot be sent.
        """
        raise NotImplementedError

    def _credential(self, name: str, render: Render, *, may_be_empty: bool = False) -> str:
        """Return the rendered text of the field *name*, without the whitespace that pasting leaves."""
        return credential(getattr(self, name), name, self._kind, render, may_be_empty=may_be_empty)

    def _header_credential(self, name: str, render: Render) -> str:
        """Return a credential that a header can carry: visible ASCII."""
        text = self._credential(name, render)
        check_ascii(text, getattr(self, name), name, self._kind)
        return text

    @property
    def _kind(self) -> str:
        return str(getattr(self, "type", ""))


def credential(
    template: str,
    name: str,
    kind: str,
    render: Render,
    *,
    may_be_empty: bool = False,
    lines: bool = False,
) -> str:
    """Return the text of *template*, the credential *name* of the auth *kind*, stripped.

    *lines* allows line breaks, as keys in PEM have them. Raise UsageError when it cannot be used.
    """
    value = render(template)
    if isinstance(value, bool | list | dict):
        raise UsageError(f"the {name} of {kind} auth must be text", hint=origin_of(template))
    text = "" if value is None else str(value).strip()
    if not text and not (may_be_empty and value is not None):
        raise UsageError(f"the {name} of {kind} auth is empty", hint=origin_of(template))
    if _CONTROL.search(_LINE_BREAKS.sub("", text) if lines else text):
        raise UsageError(
            f"the {name} of {kind} auth holds a line break or control character", hint=origin_of(template)
        )
    return text


def check_ascii(text: str, template: str, name: str, kind: str) -> None:
    """Raise UsageError for a credential that a header cannot carry."""
    if not text.isascii():
        raise UsageError(
            f"the {name} of {kind} auth holds a character outside ASCII",
            hint=f"{origin_of(template)}; pasting brings curly quotes and invisible characters",
        )


def origin_of(template: str) -> str:
    """Return where a credential comes from; names config values and never quotes the template (R23)."""
    names = list(dict.fromkeys(_CONFIG_NAME.findall(template)))
    if not names:
        return "it is written in the connector file, under auth"
    return f"it comes from the config value {' and '.join(names)} of the connection"
