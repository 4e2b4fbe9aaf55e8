"""What one attempt to send came to, and how people are told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from syncrun.errors import RequestError
from syncrun.http.encoding import Outgoing
from syncrun.http.failures import Failure
from syncrun.http.messages import Request, Response
from syncrun.http.redact import Redactor
from syncrun.http.verdicts import Verdict

_HINTS = {
    401: "check the credentials of this connection",
    403: "the credentials are valid, but may lack a permission for this",
    404: "check the path and the ids in it",
    410: "the API no longer has this; a saved cursor may have expired",
}
_REFUSED = {
    "retry": "a request that writes is sent again only with retry_safe: true",
    "refresh_auth": "there is no newer credential to try",
}


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request on the wire, for logs and counters; *url* and *reason* hold no secrets.

    *status* is None when no answer came, and *reason* then says why. *elapsed* and *wait* (before the next
    attempt; 0 when there is none) are seconds, *received* counts bytes of decoded content. *queued* is how
    many seconds the rate limit held the request back, *at* when it was sent, in seconds since the epoch.
    *warning* is what a rule that only warns has to say.
    """

    method: str
    url: str
    status: int | None
    attempt: int
    elapsed: float
    received: int = 0
    wait: float = 0.0
    reason: str = ""
    queued: float = 0.0
    at: float = 0.0
    warning: str = ""

    @property
    def again(self) -> str:
        """Why somebody has to wait, `GET https://…: 503, again in 7 s`; empty for less than a second."""
        if self.wait < 1:
            return ""
        return f"{self.method} {self.url}: {self.status or self.reason}, again in {self.wait:.0f} s"


@dataclass(frozen=True, slots=True)
class Outcome:
    """An answer, or the failure to get one; *queued* and *at* are as in `Exchange`.

    *again_for* says why the answer before it was none.
    """

    method: str
    url: str
    elapsed: float
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""
    failure: Failure | None = None
    queued: float = 0.0
    at: float = 0.0
    again_for: str = ""

    def response(self, request: Request, attempt: int, max_bytes: int) -> Response | None:
        """Return the answer to *request*, unpacking to at most *max_bytes*; None when none came."""
        if self.failure is not None:
            return None
        return Response(
            self.status,
            self.url,
            self.headers,
            self.content,
            request,
            self.elapsed,
            attempt,
            max_bytes=max_bytes,
        )


class Sent:
    """One request on its way: *refused* is an answer of 401 that is unread, *following* what comes next."""

    def __init__(self, outgoing: Outgoing, signed: httpx.Request, started: float) -> None:
        self.outgoing, self.signed, self.started = outgoing, signed, started
        self.refused: httpx.Response | None = None
        self.following: httpx.Request | None = None
        self.status: int | None = None

    def outcome(self, now: float, answer: httpx.Response, content: bytes) -> Outcome:
        """Return what came of it when *answer* came in at *now*."""
        headers = dict(answer.headers.items())
        method, url = self.outgoing.method, str(self.outgoing.url)
        return Outcome(method, url, now - self.started, answer.status_code, headers, content, at=self.started)

    def failed(self, now: float, failure: Failure) -> Outcome:
        """Return what came of it when *failure* was noticed at *now*."""
        method, url = self.outgoing.method, str(self.outgoing.url)
        return Outcome(method, url, now - self.started, failure=failure, at=self.started)


def error_of(outcome: Outcome, attempts: int, redactor: Redactor, verdict: Verdict | None) -> RequestError:
    """Return the error that says why *outcome*, the last of so many *attempts*, is no usable answer."""
    place = redactor.exchange(outcome.method, outcome.url)
    after = f" after {attempts} attempts" if attempts > 1 else ""
    if outcome.failure is not None:
        return RequestError(f"{place}: {outcome.failure.reason}{after}", hint=outcome.failure.hint)
    told = redactor.text(verdict.message) if verdict else ""
    told = told or redactor.excerpt(outcome.content, content_type=outcome.headers.get("content-type"))
    message = f"{place}: {outcome.status}{after}" + (f": {told}" if told else "")
    hint = _hint(outcome.status, attempts, verdict)
    return RequestError(message, status=outcome.status, hint=hint, then=verdict.then if verdict else "")


def _hint(status: int, attempts: int, verdict: Verdict | None) -> str:
    if httpx.codes.is_redirect(status):
        return "this redirect names no place to go to"
    if verdict is None:
        return _HINTS.get(status, "")
    if verdict.then == "refresh_auth" or (verdict.then == "retry" and attempts == 1):
        return _REFUSED[verdict.then]
    if httpx.codes.is_success(status):
        return f"{verdict.rule} takes this answer for an error"
    return _HINTS.get(status, "")


def exchange_of(
    outcome: Outcome, attempt: int, redactor: Redactor, *, wait: float, verdict: Verdict | None
) -> Exchange:
    """Return what logs and counters learn of attempt number *attempt*."""
    reason = outcome.failure.reason if outcome.failure else ""
    if outcome.again_for:
        reason = f"asked again: {outcome.again_for}"
    if verdict is not None:
        reason = f"{verdict.rule}: {verdict.then}"
    reason = redactor.text(reason)
    return Exchange(
        outcome.method,
        redactor.url(outcome.url),
        outcome.status or None,
        attempt,
        outcome.elapsed,
        received=len(outcome.content),
        wait=wait,
        reason=reason,
        queued=outcome.queued,
        at=outcome.at,
        warning=_warning(outcome, redactor, verdict),
    )


def _warning(outcome: Outcome, redactor: Redactor, verdict: Verdict | None) -> str:
    if verdict is None or verdict.then != "warn":
        return ""
    told = redactor.text(verdict.message) or redactor.excerpt(outcome.content)
    return f"{redactor.exchange(outcome.method, outcome.url)}: {told}"
