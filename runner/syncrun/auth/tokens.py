"""Tokens that expire: kept, renewed in time and after a 401, by one thread of one process at a time (R20)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import httpx

from syncrun.auth.base import AuthContext
from syncrun.auth.flows import Flow, Sign, put_aside
from syncrun.errors import CredentialError

_MARGIN = 60.0
_MARGIN_SHARE = 0.2
_UNAUTHORIZED = 401


@dataclass(frozen=True, slots=True)
class Token:
    """What an API issued; times are in epoch seconds, *expires_at* is None when it is not known.

    *secret* is what requests carry, *refresh* what the next token is asked for with.
    """

    secret: str
    obtained_at: float
    expires_at: float | None = None
    refresh: str | None = None
    scope: str = ""

    def usable(self, now: float) -> bool:
        """Whether it will not expire in the next moment: a minute, or a fifth of a short life."""
        if self.expires_at is None:
            return True
        margin = min(_MARGIN, _MARGIN_SHARE * (self.expires_at - self.obtained_at))
        return now < self.expires_at - margin


Obtain = Callable[[Token | None], Token]
"""Gets a new token; sees the one that was stored, if any."""


class TokenSource:
    """The present token of a connection.

    *fingerprint* says what a token was issued for: one that was stored under another definition of the
    connection is not used.
    """

    def __init__(self, context: AuthContext, fingerprint: str, obtain: Obtain) -> None:
        self._context = context
        self._fingerprint = fingerprint
        self._obtain = obtain
        self._name = credentials_name(context)
        self._token: Token | None = None
        self._failure: CredentialError | None = None
        self._lock = threading.Lock()

    def get(self, rejected: str | None = None) -> str:
        """Return a token to send; not the *rejected* one, which the API refused.

        Raise CredentialError when there is none to be had.
        """
        token = self._token
        if not self._serves(token, rejected):
            with self._lock:  # the threads of one run wait for one of them
                token = self._token
                if not self._serves(token, rejected):
                    token = self._token = self._try(rejected)
        assert token is not None  # noqa: S101 - one that serves is there
        return token.secret

    def _try(self, rejected: str | None) -> Token:
        """Renew, unless that has failed before: other threads of the run need not be told the same again."""
        if self._failure is not None:
            raise self._failure
        try:
            return self._renew(rejected)
        except CredentialError as error:
            self._failure = error
            raise

    def _serves(self, token: Token | None, rejected: str | None) -> bool:
        return token is not None and token.secret != rejected and token.usable(self._context.now())

    def _renew(self, rejected: str | None) -> Token:
        credentials = self._context.credentials
        with credentials.hold(self._name):
            stored = read_token(credentials.load(self._name), self._fingerprint)
            if stored is not None:
                learn(self._context, stored)
                if self._serves(stored, rejected):
                    return stored
            token = self._obtain(stored)
            learn(self._context, token)
            credentials.save(self._name, write_token(token, self._fingerprint))  # safe before it is used
            return token


def credentials_name(context: AuthContext) -> str:
    """Return the name under which the credentials of a connection are kept."""
    return f"{context.owner}/{context.connector}"


def learn(context: AuthContext, token: Token) -> None:
    """Let nobody see *token* (R23)."""
    context.redactor.add(*(secret for secret in (token.secret, token.refresh) if secret))


def write_token(token: Token, fingerprint: str) -> dict[str, Any]:
    """Return *token* as JSON."""
    return {"fingerprint": fingerprint, **asdict(token)}


def read_token(values: Mapping[str, Any] | None, fingerprint: str | None = None) -> Token | None:
    """Return the token in *values*; None when there is none, or it has another *fingerprint*."""
    if values is None or (fingerprint is not None and values.get("fingerprint") != fingerprint):
        return None
    return Token(**{name: value for name, value in values.items() if name != "fingerprint"})


class TokenAuth(httpx.Auth):
    """Signs with the present token; after a 401 once more with a new one, or not at all: it *renews*."""

    renews = True

    def __init__(self, source: TokenSource, sign: Sign) -> None:
        self._source = source
        self._sign = sign
        self._sent = threading.local()

    def auth_flow(self, request: httpx.Request) -> Flow:
        """Sign *request*."""
        token = self._sent.token = self._source.get()
        self._sign(request, token)
        response = yield request
        if response.status_code == _UNAUTHORIZED:
            renewed = self._sent.token = self._source.get(rejected=token)
            put_aside(response)
            self._sign(request, renewed)
            yield request

    def refresh(self) -> bool:
        """Get another token than the one that this thread sent last; return True, there is one now."""
        self._source.get(rejected=getattr(self._sent, "token", None))
        return True
