"""Sends tokens that are signed here; imported only when requests are about to be sent."""

from __future__ import annotations

import threading

import httpx

from syncrun.auth.base import AuthContext, seconds_of
from syncrun.auth.flows import Flow, Sign
from syncrun.auth.signed_jwt import SignedJwt


class SelfSigned(httpx.Auth):
    """Signs a token, and again when half of its life has passed."""

    def __init__(self, spec: SignedJwt, context: AuthContext, sign: Sign) -> None:
        self._spec = spec
        self._context = context
        self._sign = sign
        self._lock = threading.Lock()
        self._token, self._stale_at = "", 0.0
        self._present()

    def auth_flow(self, request: httpx.Request) -> Flow:
        """Put the token where the API looks for it."""
        self._sign(request, self._present())
        yield request

    def _present(self) -> str:
        with self._lock:
            now = self._context.now()
            if now >= self._stale_at:
                self._token = self._spec.sign(self._context)
                self._stale_at = now + seconds_of(self._spec.lifetime) / 2
            return self._token
