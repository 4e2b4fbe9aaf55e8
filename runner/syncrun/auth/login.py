"""Logs in for session auth and finds the session in the answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from syncrun.auth.base import AuthContext, seconds_of
from syncrun.auth.tokens import Token, TokenSource
from syncrun.errors import CredentialError, EvaluationError, RequestError, UsageError
from syncrun.expressions.compile import compile_expression
from syncrun.http.messages import Request, Response

if TYPE_CHECKING:
    from syncrun.auth.session import LoginRequest, LoginStep, Session


def session_source(spec: Session, context: AuthContext) -> TokenSource:
    """Return where the sessions of a connection come from; raise UsageError without a URL to log in at."""
    names = {name: f"${{vars.{name}}}" for step in spec.steps for name in step.keep}
    requests = [_request(given, context, names) for given in (*(s.request for s in spec.steps), spec.request)]
    parts = json.dumps([request.parts for request in requests], sort_keys=True, default=str)
    if len(requests) == 1:
        parts = json.dumps(requests[0].parts, sort_keys=True, default=str)
    fingerprint = hashlib.sha256(parts.encode()).hexdigest()
    return TokenSource(context, fingerprint, lambda _stored: _Login(spec, context).token())


def _request(given: LoginRequest, context: AuthContext, values: Mapping[str, Any]) -> Request:
    def rendered(value: Any) -> Any:
        return context.render(value, values) if values else context.render(value)

    address = rendered(given.url if given.url is not None else given.path or "")
    if not isinstance(address, str):
        raise UsageError("the url or path of the login request of session auth is empty")
    url = address if given.url is not None else f"{context.base_url.rstrip('/')}/{address.lstrip('/')}"
    return Request(
        given.method,
        url,
        rendered(given.params),
        rendered(given.headers),
        json=rendered(given.body),
        form=None if given.form is None else rendered(given.form),
        text=None if given.text is None else rendered(given.text),
        retry_safe=True,
    )


class _Login:
    """One log-in: its steps in order, with the cookies that each server has set so far."""

    def __init__(self, spec: Session, context: AuthContext) -> None:
        self._spec, self._context = spec, context
        self._values: dict[str, Any] = {}
        self._cookies: dict[str, dict[str, str]] = {}  # by host

    def token(self) -> Token:
        """Return the session that the API gives; raise CredentialError when it gives none."""
        spec, context = self._spec, self._context
        for number, step in enumerate(spec.steps):
            self._keep(number, step, self._send(step.request, follow=step.request.method == "GET"))
        # Login forms lead somewhere else, and set the cookie on the way.
        response = self._send(spec.request, follow=spec.token is not None)
        host = urlsplit(response.request.url).hostname or ""
        secret = _find(spec, context, response, self._cookies.get(host, {}))
        now = context.now()
        return Token(secret, now, None if spec.lifetime is None else now + seconds_of(spec.lifetime))

    def _send(self, given: LoginRequest, *, follow: bool) -> Response:
        context, request = self._context, _request(given, self._context, self._values)
        cookies = self._cookies.setdefault(urlsplit(request.url).hostname or "", {})
        if cookies:
            sent = "; ".join(f"{name}={value}" for name, value in cookies.items())
            own = {name: value for name, value in request.headers.items() if name.lower() != "cookie"}
            given_cookie = [v for name, v in request.headers.items() if name.lower() == "cookie" and v]
            request = replace(request, headers={**own, "Cookie": "; ".join([sent, *map(str, given_cookie)])})
        try:
            response = context.send(request, frozenset() if follow else frozenset({302, 303}))
        except RequestError as error:
            hint = error.hint or "check the credentials of this connection"
            raise CredentialError(f"no session for {context.owner}: {error.message}", hint=hint) from None
        found = _cookies_of(response)
        context.redactor.add(*(value for value in found.values() if value))
        cookies.update(found)
        return response

    def _keep(self, number: int, step: LoginStep, response: Response) -> None:
        """Take from an answer what later requests need."""
        seen = {
            "body": _body(response),
            "headers": dict(response.headers),
            "cookies": _cookies_of(response),
            "status": response.status,
        }
        for name, text in step.keep.items():
            try:
                value = compile_expression(text)(seen)
            except EvaluationError:
                value = None
            if value is None:
                place = self._context.redactor.exchange(response.request.method, response.url)
                raise CredentialError(
                    f"no session for {self._context.owner}: the answer of {place} has no {text}",
                    hint=f"check auth.steps[{number}].keep.{name}",
                )
            if isinstance(value, str) and value:
                self._context.redactor.add(value)
            self._values[name] = value


def _body(response: Response) -> Any:
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError):
        return response.content.decode("utf-8", "replace")


def _find(spec: Session, context: AuthContext, response: Response, cookies: Mapping[str, str]) -> str:
    if spec.token_header is not None:
        found, where = response.headers.get(spec.token_header.lower()), f"header {spec.token_header}"
    elif spec.cookie is not None:
        found, where = cookies.get(spec.cookie), f"cookie {spec.cookie}"
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


def _cookies_of(response: Response) -> dict[str, str]:
    """Return the cookies that *response* sets; several Set-Cookie headers come joined by commas."""
    found: dict[str, str] = {}
    for part in response.headers.get("set-cookie", "").split(","):
        pair = part.split(";", 1)[0].strip()
        try:
            cookies = SimpleCookie(pair)
        except CookieError:
            continue
        found |= {name: morsel.coded_value for name, morsel in cookies.items()}
    return found
