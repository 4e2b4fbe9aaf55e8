"""Logs in for session auth and finds the session in the answer."""

from __future__ import annotations

import hashlib
import json
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING

from syncrun.auth.base import AuthContext, seconds_of
from syncrun.auth.tokens import Token, TokenSource
from syncrun.errors import CredentialError, EvaluationError, RequestError, UsageError
from syncrun.expressions.compile import compile_expression
from syncrun.http.messages import Request, Response

if TYPE_CHECKING:
    from syncrun.auth.session import Session


def session_source(spec: Session, context: AuthContext) -> TokenSource:
    """Return where the sessions of a connection come from; raise UsageError without a URL to log in at."""
    request = _request(spec, context)
    parts = json.dumps(request.parts, sort_keys=True, default=str)
    fingerprint = hashlib.sha256(parts.encode()).hexdigest()
    return TokenSource(context, fingerprint, lambda _stored: _log_in(spec, context, request))


def _request(spec: Session, context: AuthContext) -> Request:
    given = spec.request
    address = context.render(given.url if given.url is not None else given.path or "")
    if not isinstance(address, str):
        raise UsageError("the url or path of the login request of session auth is empty")
    url = address if given.url is not None else f"{context.base_url.rstrip('/')}/{address.lstrip('/')}"
    return Request(
        given.method,
        url,
        context.render(given.params),
        context.render(given.headers),
        json=context.render(given.body),
        form=None if given.form is None else context.render(given.form),
        text=None if given.text is None else context.render(given.text),
        retry_safe=True,
    )


def _log_in(spec: Session, context: AuthContext, request: Request) -> Token:
    # Login forms lead somewhere else, and set the cookie on the way.
    statuses = frozenset[int]() if spec.token is not None else frozenset({302, 303})
    try:
        response = context.send(request, statuses)
    except RequestError as error:
        hint = error.hint or "check the credentials of this connection"
        raise CredentialError(f"no session for {context.owner}: {error.message}", hint=hint) from None
    secret = _find(spec, context, response)
    now = context.now()
    return Token(secret, now, None if spec.lifetime is None else now + seconds_of(spec.lifetime))


def _find(spec: Session, context: AuthContext, response: Response) -> str:
    if spec.token_header is not None:
        found, where = response.headers.get(spec.token_header.lower()), f"header {spec.token_header}"
    elif spec.cookie is not None:
        found, where = _cookie(response, spec.cookie), f"cookie {spec.cookie}"
    else:
        found, where = _member(response, spec.token or ""), str(spec.token)
    if not found or not found.isascii() or not found.isprintable():
        place = context.redactor.exchange(response.request.method, response.url)
        raise CredentialError(f"no session for {context.owner}: the answer of {place} has no {where}")
    return found


def _member(response: Response, path: str) -> str | None:
    try:
        found = compile_expression(path)(json.loads(response.content))
    except (ValueError, RecursionError, EvaluationError):
        return None
    return str(found) if isinstance(found, str | int) and not isinstance(found, bool) else None


def _cookie(response: Response, name: str) -> str | None:
    """Return the value of a cookie that *response* sets; several Set-Cookie headers come joined by commas."""
    for part in response.headers.get("set-cookie", "").split(","):
        pair = part.split(";", 1)[0].strip()
        try:
            cookies = SimpleCookie(pair)
        except CookieError:
            continue
        if name in cookies:
            return cookies[name].coded_value
    return None
