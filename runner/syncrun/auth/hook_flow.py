"""The flow in which a hook signs requests, and learns that the API refused what it sent (R20)."""

from __future__ import annotations

import threading

import httpx

from syncrun.auth.base import SignByHook
from syncrun.auth.flows import Flow, put_aside

_UNAUTHORIZED = 401


class HookFlow(httpx.Auth):
    """Lets *sign* put credentials into each request, one at a time; after a 401 once more."""

    requires_request_body = True  # signatures cover it

    def __init__(self, sign: SignByHook) -> None:
        self._sign = sign
        self._lock = threading.Lock()  # threads that find no token wait for the one that gets it
        self._refused = False

    def auth_flow(self, request: httpx.Request) -> Flow:
        """Sign *request*; what is refused is sent again only when the hook signs it in another way."""
        url, headers = request.url, request.headers.copy()
        self._call(request)
        response = yield request
        if response.status_code == _UNAUTHORIZED:
            sent = (request.url, request.headers.raw)
            request.url, request.headers = url, headers
            self._refused = True
            self._call(request)
            if (request.url, request.headers.raw) != sent:
                put_aside(response)
                yield request

    def _call(self, request: httpx.Request) -> None:
        with self._lock:
            refused, self._refused = self._refused, False
            self._sign(request, refused)

    def refresh(self) -> bool:
        """Tell the hook at its next call that what it last gave was refused."""
        self._refused = True
        return True
