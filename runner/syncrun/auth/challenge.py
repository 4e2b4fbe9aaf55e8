"""Answers digest challenges; imported only when requests are about to be sent."""

from __future__ import annotations

import threading

import httpx

from syncrun.auth.flows import Flow, put_aside
from syncrun.errors import CredentialError

_UNAUTHORIZED = 401


class DigestFlow(httpx.Auth):
    """Drives httpx's digest for many threads: nonces are counted one at a time."""

    def __init__(self, username: str, password: str, owner: str) -> None:
        self._digest = httpx.DigestAuth(username, password)
        self._owner = owner
        self._lock = threading.Lock()

    def auth_flow(self, request: httpx.Request) -> Flow:
        """Sign *request*, after a challenge once more."""
        answer = self._digest.auth_flow(request)
        with self._lock:
            signed = next(answer)
        response = yield signed
        if response.status_code != _UNAUTHORIZED:
            return
        with self._lock:
            again = self._answer(answer, response)
        if again is not None:
            put_aside(response)
            yield again

    def _answer(self, answer: Flow, response: httpx.Response) -> httpx.Request | None:
        try:
            return answer.send(response)
        except StopIteration:  # no digest was asked for: the 401 stands
            return None
        except Exception:  # noqa: BLE001 - whatever httpx trips over in a challenge
            raise CredentialError(
                f"the server of {self._owner} asks for a digest of a kind that cannot be given",
                hint="it must offer qop auth, and MD5 or SHA",
            ) from None
