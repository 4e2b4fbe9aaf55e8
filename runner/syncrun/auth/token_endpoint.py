"""What is said to an OAuth token endpoint, and what it answers (RFC 6749 §5)."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from urllib.parse import parse_qsl, quote_plus

from syncrun.auth.base import AuthContext
from syncrun.auth.tokens import Token
from syncrun.errors import CredentialError, RequestError
from syncrun.expressions.compile import compile_expression
from syncrun.http.messages import Request, Response

_ERROR_STATUSES = frozenset({400, 401, 403})
_OK = 200
_SHOWN = 200
_UNITS = {"ms": 0.001, "epoch_ms": 0.001, "min": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """Who asks: the client as it is registered with the API, its values rendered.

    *params* go with every token request. *token*, *refresh* and *expires* are JMESPath into an answer, *unit*
    is what the last one counts, *lifetime* the seconds that a token lives when the answer does not say.
    """

    client_id: str
    client_secret: str = field(default="", repr=False)
    authentication: Literal["basic", "body"] = "basic"
    body: Literal["form", "json"] = "form"
    params: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, Any] = field(default_factory=dict)
    token: str = "access_token"  # noqa: S105 - a path
    lifetime: float | None = None
    refresh: str = "refresh_token"
    expires: str = "expires_in"
    unit: str = "s"

    def request(self, url: str, values: Mapping[str, Any]) -> Request:
        """Return the request that sends *values*, with the client's id and secret, to *url*."""
        values = {**values, **self.params}
        headers = dict(self.headers)
        if self.client_secret and self.authentication == "basic":
            pair = f"{quote_plus(self.client_id)}:{quote_plus(self.client_secret)}"
            headers.setdefault("Authorization", f"Basic {b64encode(pair.encode()).decode()}")
        else:
            secret = {"client_secret": self.client_secret} if self.client_secret else {}
            values = {**values, **({"client_id": self.client_id} if self.client_id else {}), **secret}
        request = Request("POST", url, headers=headers, retry_safe=True)
        return replace(request, json=values) if self.body == "json" else replace(request, form=values)


@dataclass(frozen=True, slots=True)
class Refusal:
    """The error that an endpoint answered: a code for programs, and a sentence for people."""

    code: str
    message: str


def ask(context: AuthContext, client: OAuthClient, url: str, values: Mapping[str, Any]) -> Token | Refusal:
    """Return the token that the endpoint *url* gives for *values*, or why it gives none.

    Raise CredentialError when it cannot be reached or answers something else.
    """
    try:
        response = context.send(client.request(url, values), _ERROR_STATUSES)
    except RequestError as error:
        raise CredentialError(f"no token for {context.owner}: {error.message}", hint=error.hint) from None
    answer = members_of(response)
    place = context.redactor.exchange("POST", url)
    if response.status != _OK and not (answer and answer.get("error")):
        raise CredentialError(f"no token for {context.owner}: {place}: {_shown(context, response)}")
    if answer is None:
        raise CredentialError(
            f"no token for {context.owner}: {place} answers no JSON object: {_shown(context, response)}",
            hint="check the token_url",
        )
    secret = compile_expression(client.token)(answer)
    if isinstance(secret, str) and secret:
        return _token(context, client, answer, secret)
    if answer.get("error"):
        return _refusal(context, answer)
    names = ", ".join(sorted(answer)) or "nothing"
    raise CredentialError(
        f"no token for {context.owner}: the answer of {place} has no {client.token}; it has {names}"
    )


def tell(context: AuthContext, client: OAuthClient, url: str, values: Mapping[str, Any]) -> None:
    """Send *values* to *url*; raise CredentialError when that is refused."""
    try:
        context.send(client.request(url, values), frozenset())
    except RequestError as error:
        raise CredentialError(error.message, hint=error.hint) from None


def refused(context: AuthContext, refusal: Refusal, hint: str) -> CredentialError:
    """Return the error of a *refusal* that nothing can be done about here."""
    return CredentialError(f"no token for {context.owner}: the API refuses: {refusal.message}", hint=hint)


def members_of(response: Response) -> dict[str, Any] | None:
    """Return the members of an answer in JSON, or in the form encoding that a few endpoints use."""
    if "x-www-form-urlencoded" in response.headers.get("content-type", ""):
        return dict(parse_qsl(response.content.decode("utf-8", "replace")))
    try:
        answer = json.loads(response.content)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _token(context: AuthContext, client: OAuthClient, answer: Mapping[str, Any], secret: str) -> Token:
    now = context.now()
    lifetime = _lifetime(compile_expression(client.expires)(answer), client.unit, now)
    if lifetime is None:
        lifetime = client.lifetime
    refresh, scope = compile_expression(client.refresh)(answer), answer.get("scope")
    return Token(
        secret,
        obtained_at=now,
        expires_at=None if lifetime is None else now + lifetime,
        refresh=refresh if isinstance(refresh, str) and refresh else None,
        scope=" ".join(map(str, scope)) if isinstance(scope, list) else str(scope or ""),
    )


def _lifetime(value: Any, unit: str, now: float) -> float | None:
    """Return the seconds that *value* means, which counts *unit* or is a point in time."""
    if unit == "iso":
        from datetime import UTC, datetime

        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            return None
        return _seconds((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now)
    counted = _seconds(value)
    if counted is None:
        return None
    seconds = counted * _UNITS.get(unit, 1.0)
    return _seconds(seconds - now) if unit.startswith("epoch") else seconds


def _seconds(value: Any) -> float | None:
    """Return the lifetime in *value*, which some servers send as text; zero and less mean no limit."""
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return None
    return seconds if 0 < seconds < float("inf") else None


def _refusal(context: AuthContext, answer: Mapping[str, Any]) -> Refusal:
    error = answer["error"]
    code = error if isinstance(error, str) else json.dumps(error)
    parts = (code, answer.get("error_description"))
    message = ": ".join(str(part) for part in parts if part)
    return Refusal(code, context.redactor.excerpt(message.encode("utf-8", "replace"), _SHOWN))


def _shown(context: AuthContext, response: Response) -> str:
    start = context.redactor.excerpt(response.content)
    return f"{response.status}: {start}" if start else str(response.status)
