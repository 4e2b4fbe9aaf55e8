"""Signs a person in: an authorization code with PKCE (RFC 7636), or a device code (RFC 8628)."""

from __future__ import annotations

import hashlib
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from syncrun.auth.base import AuthContext
from syncrun.auth.grants import client_of, fingerprint, require_key, sign_in_hint
from syncrun.auth.loopback import Loopback
from syncrun.auth.oauth2 import OAuth2
from syncrun.auth.token_endpoint import OAuthClient, Refusal, ask, members_of, refused, tell
from syncrun.auth.tokens import Token, credentials_name, learn, read_token, write_token
from syncrun.errors import CredentialError, RequestError, UsageError

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"

_INTERVAL = 5.0
_SLOWER = 5.0
_DEVICE_LIFETIME = 900.0

Show = Callable[[str, str], None]
"""Shows a person the URL to open, and the code to type there, which may be empty."""


def sign_in(
    spec: OAuth2, context: AuthContext, show: Show, *, clock: Callable[[], float], timeout: float = 300.0
) -> Token:
    """Get a token by asking a person, keep it, and return it.

    Raise UsageError for a grant that asks nobody, or without a key to keep the token with, and
    CredentialError when the person or the API refuses, or nothing happens for *timeout* seconds.
    """
    if spec.grant not in ("authorization_code", "device_code"):
        raise UsageError(
            f"{context.owner} signs in by itself: its grant is {spec.grant}", hint="run it: `syncrun run`"
        )
    require_key(context)
    client = client_of(spec, context)
    if spec.grant == "authorization_code":
        token = _by_code(spec, context, client, show, clock=clock, timeout=timeout)
    else:
        token = _by_device(spec, context, client, show)
    learn(context, token)
    name = credentials_name(context)
    with context.credentials.hold(name):
        context.credentials.save(name, write_token(token, fingerprint(spec, context)))
    return token


def stored_token(spec: OAuth2, context: AuthContext) -> Token | None:
    """Return the token that the connection would use next, renewed or not."""
    values = context.credentials.load(credentials_name(context))
    token = read_token(values, fingerprint(spec, context))
    if token is not None:
        learn(context, token)
    return token


def sign_out(spec: OAuth2, context: AuthContext) -> tuple[bool, str]:
    """Remove the token of a connection; return whether there was one, and why revoking it failed."""
    name = credentials_name(context)
    failure = ""
    with context.credentials.hold(name):
        token = None
        try:
            token = stored_token(spec, context)
        except UsageError as error:  # it is removed all the same
            failure = error.message
        if token is not None and spec.revoke_url:
            failure = _revoke(spec, context, token)
        return context.credentials.forget(name), failure


def _revoke(spec: OAuth2, context: AuthContext, token: Token) -> str:
    kind = "refresh_token" if token.refresh else "access_token"
    values = {"token": token.refresh or token.secret, "token_type_hint": kind}
    try:
        tell(context, client_of(spec, context), spec.text("revoke_url", context), values)
    except CredentialError as error:
        return error.message
    return ""


def _by_code(
    spec: OAuth2,
    context: AuthContext,
    client: OAuthClient,
    show: Show,
    *,
    clock: Callable[[], float],
    timeout: float,
) -> Token:
    state, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
    context.redactor.add(verifier)
    challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    with Loopback(spec.redirect_uri, state) as loopback:
        scopes = spec.rendered_scopes(context)
        query = {
            "response_type": "code",
            "client_id": client.client_id,
            "redirect_uri": loopback.uri,
            **({"scope": scopes} if scopes else {}),
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **context.render(spec.authorize_params),
        }
        url = spec.text("authorize_url", context)
        show(f"{url}{'&' if '?' in url else '?'}{urlencode(query)}", "")
        answer = loopback.wait(timeout, clock)
    code = answer.get("code")
    if not code:
        reason = ": ".join(answer[name] for name in ("error", "error_description") if answer.get(name))
        shown = context.redactor.excerpt(reason.encode())
        raise CredentialError(f"the sign-in of {context.owner} was refused: {shown or 'no code came'}")
    context.redactor.add(code)
    values = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": loopback.uri,
        "code_verifier": verifier,
    }
    found = ask(context, client, spec.text("token_url", context), values)
    if isinstance(found, Refusal):
        raise refused(context, found, "check client_id, client_secret and redirect_uri")
    return found


def _by_device(spec: OAuth2, context: AuthContext, client: OAuthClient, show: Show) -> Token:
    device = _ask_device(spec, context, client)
    code = device["device_code"]
    context.redactor.add(code)
    interval = float(device.get("interval") or _INTERVAL)
    deadline = context.now() + float(device.get("expires_in") or _DEVICE_LIFETIME)
    show(_address(device), str(device.get("user_code", "")))
    while context.now() < deadline:
        context.sleep(interval)
        values = {"grant_type": DEVICE_CODE, "device_code": code, "client_id": client.client_id}
        found = ask(context, client, spec.text("token_url", context), values)
        if isinstance(found, Token):
            return found
        if found.code == "slow_down":
            interval += _SLOWER
        elif found.code == "expired_token":
            break
        elif found.code != "authorization_pending":
            raise refused(context, found, sign_in_hint(context))
    raise CredentialError(f"nobody signed in {context.owner} in time", hint="start again")


def _ask_device(spec: OAuth2, context: AuthContext, client: OAuthClient) -> dict[str, Any]:
    scopes = spec.rendered_scopes(context)
    values = {"client_id": client.client_id, **({"scope": scopes} if scopes else {})}
    url = spec.text("device_url", context)
    try:
        response = context.send(client.request(url, values), frozenset())
    except RequestError as error:
        raise CredentialError(
            f"no device code for {context.owner}: {error.message}", hint=error.hint
        ) from None
    device = members_of(response)
    if device is None or not isinstance(device.get("device_code"), str) or not _address(device):
        place = context.redactor.exchange("POST", url)
        raise CredentialError(f"no device code for {context.owner}: the answer of {place} has none")
    return device


def _address(device: dict[str, Any]) -> str:
    names = ("verification_uri_complete", "verification_uri", "verification_url")
    return next((str(device[name]) for name in names if device.get(name)), "")
