"""Signing connections in and out, outside of runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from syncrun.auth.base import AuthContext
from syncrun.auth.oauth2 import OAuth2
from syncrun.engine.context import auth_context, auth_of, context_of
from syncrun.engine.job import Job, Runtime
from syncrun.errors import UsageError


@dataclass(frozen=True, slots=True)
class SignInStatus:
    """How a connection stands: *kind* as in YAML, *state* in words; never a secret."""

    connection: str
    connector: str
    kind: str
    state: str
    expires_at: datetime | None = None
    scopes: str = ""
    renews: bool = False


def sign_in(job: Job, runtime: Runtime, show: Callable[[str, str], None], *, timeout: float) -> SignInStatus:
    """Let a person sign the connection of *job* in; *show* gets the URL, and the code to type there."""
    from syncrun.auth import signin

    spec, context = _oauth2(job, runtime), _context(job, runtime)
    signin.sign_in(spec, context, show, clock=runtime.clock, timeout=timeout)
    return status(job, runtime)


def sign_out(job: Job, runtime: Runtime) -> tuple[bool, str]:
    """Remove the token of a connection; return whether there was one, and why revoking it failed."""
    from syncrun.auth import signin

    return signin.sign_out(_oauth2(job, runtime), _context(job, runtime))


def status(job: Job, runtime: Runtime) -> SignInStatus:
    """Return how the connection of *job* stands."""
    auth = auth_of(job, context_of(job, runtime))
    kind = str(getattr(auth, "type", "none"))
    names = (job.id.connection, job.id.connector)
    if not isinstance(auth, OAuth2):
        state = "no sign-in" if kind == "none" else "its credentials are in the config"
        return SignInStatus(*names, kind, state)
    from syncrun.auth import signin

    kind = f"{kind} {auth.grant}"
    asks = auth.grant in ("authorization_code", "device_code")
    token = signin.stored_token(auth, _context(job, runtime))
    if token is None:
        return SignInStatus(*names, kind, "not signed in" if asks else "asks for a token when it runs")
    ends = None if token.expires_at is None else datetime.fromtimestamp(token.expires_at, UTC)
    renews = token.refresh is not None or not asks
    live = token.usable(runtime.now().timestamp())
    state = "signed in" if live or renews else "expired"
    return SignInStatus(*names, kind, state, ends, token.scope, renews)


def _oauth2(job: Job, runtime: Runtime) -> OAuth2:
    auth = auth_of(job, context_of(job, runtime))
    if not isinstance(auth, OAuth2):
        kind = str(getattr(auth, "type", "none"))
        raise UsageError(
            f"{job.id.connection} has nothing to sign in to: its auth is {kind}",
            hint="only oauth2 with the grant authorization_code or device_code asks a person",
        )
    return auth


def _context(job: Job, runtime: Runtime) -> AuthContext:
    roots = context_of(job, runtime)
    return auth_context(job, runtime, roots, job.redactor, lambda _exchange: None)
