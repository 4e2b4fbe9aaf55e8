"""How each OAuth grant comes by its next token."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from syncrun.auth.base import AuthContext, seconds_of
from syncrun.auth.encryption import HOW_TO_MAKE_ONE
from syncrun.auth.token_endpoint import OAuthClient, Refusal, ask, refused
from syncrun.auth.tokens import Token, TokenSource
from syncrun.errors import CredentialError, UsageError

if TYPE_CHECKING:
    from syncrun.auth.oauth2 import OAuth2

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"

_SIGNED_IN = ("authorization_code", "device_code")
# These can ask for a new token at any time; the others would lose their access with the one they have.
_SELF_SUFFICIENT = ("client_credentials", "password", "jwt_bearer")


def token_source(spec: OAuth2, context: AuthContext) -> TokenSource:
    """Return where the tokens of a connection come from; raise UsageError for values that cannot be used."""
    client = client_of(spec, context)
    values = grant_values(spec, context)
    if spec.grant not in _SELF_SUFFICIENT:
        require_key(context)

    def obtain(stored: Token | None) -> Token:
        if stored is not None and stored.refresh:
            return _refresh(spec, context, client, stored)
        if spec.grant in _SIGNED_IN:
            raise _not_signed_in(context, stored)
        return _first(spec, context, client, dict(values))

    return TokenSource(context, fingerprint(spec, context), obtain)


def client_of(spec: OAuth2, context: AuthContext) -> OAuthClient:
    """Return the client as it is registered with the API."""
    return OAuthClient(
        spec.text("client_id", context, optional=True),
        spec.text("client_secret", context, optional=True),
        spec.client_auth,
        spec.token_body,
        context.render(spec.token_params),
        context.render(spec.token_headers),
        spec.token,
        None if spec.lifetime is None else seconds_of(spec.lifetime),
        spec.answer.refresh_token,
        spec.answer.expires_in,
        spec.answer.unit,
    )


def grant_values(spec: OAuth2, context: AuthContext) -> dict[str, str]:
    """Return what the connection gives for its grant, and check it."""
    spec.text("token_url", context)
    names = {"refresh_token": ("refresh_token",), "password": ("username", "password")}
    return {name: spec.text(name, context) for name in names.get(spec.grant, ())}


def fingerprint(spec: OAuth2, context: AuthContext) -> str:
    """Return what tells tokens of this definition from those of another: of another user, say, or scope."""
    parts: list[Any] = [
        spec.grant,
        spec.text("token_url", context),
        spec.text("client_id", context, optional=True),
        spec.rendered_scopes(context),
        context.render(spec.token_params),
        spec.text("username", context, optional=True),
        spec.text("refresh_token", context, optional=True),
        context.render(spec.assertion.claims) if spec.assertion else None,
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def require_key(context: AuthContext) -> None:
    """Raise UsageError when issued tokens could not be kept, and access would be lost with them (R24)."""
    if not context.credentials.persistent:
        raise UsageError(
            f"the tokens of {context.owner} must outlive a run, and there is no key to encrypt them with",
            hint=f"{HOW_TO_MAKE_ONE}, or `pip install 'syncrun[keyring]'` to use the system's keyring",
        )


def sign_in_hint(context: AuthContext) -> str:
    """Return what to do when only a person can get a new token."""
    return f"sign in with `syncrun auth login {context.owner}`"


def _not_signed_in(context: AuthContext, stored: Token | None) -> CredentialError:
    if stored is None:
        return CredentialError(f"{context.owner} is not signed in", hint=sign_in_hint(context))
    return CredentialError(
        f"the sign-in of {context.owner} has ended, and the API gave no refresh token",
        hint=f"{sign_in_hint(context)}; many APIs give one for the scope offline_access",
    )


def _first(spec: OAuth2, context: AuthContext, client: OAuthClient, values: dict[str, str]) -> Token:
    """Ask for a token with what the connection's config gives."""
    grant: str = spec.grant
    if spec.assertion is not None:
        grant = JWT_BEARER
        known = {"aud": spec.text("token_url", context), "jti": secrets.token_urlsafe(16)}
        if client.client_id:
            known["iss"] = client.client_id
        values["assertion"] = spec.assertion.sign(context, known)
    scopes = spec.rendered_scopes(context)
    if scopes:
        values["scope"] = scopes
    answer = ask(context, client, spec.text("token_url", context), {"grant_type": grant, **values})
    if isinstance(answer, Refusal):
        raise refused(context, answer, "check the credentials of this connection")
    if spec.grant == "refresh_token" and answer.refresh is None:
        return replace(answer, refresh=values["refresh_token"])
    # A refresh token buys these grants nothing: they have what they need for a new token.
    return answer if spec.grant in ("refresh_token", "password") else replace(answer, refresh=None)


def _refresh(spec: OAuth2, context: AuthContext, client: OAuthClient, stored: Token) -> Token:
    """Ask for a token with the refresh token of the last one, which is kept when no new one comes (§6)."""
    values = {"grant_type": "refresh_token", "refresh_token": stored.refresh}
    answer = ask(context, client, spec.text("token_url", context), values)
    if isinstance(answer, Token):
        return replace(answer, refresh=answer.refresh or stored.refresh, scope=answer.scope or stored.scope)
    if spec.grant == "password":
        return _first(spec, context, client, grant_values(spec, context))
    if spec.grant == "refresh_token":
        hint = "put a new refresh token into the config of this connection"
    else:
        hint = sign_in_hint(context)
    raise refused(context, answer, hint)
