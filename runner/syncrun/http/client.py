"""Sends requests: retries, follows redirects, and reads answers whole and within bounds."""

from __future__ import annotations

import random as random_numbers
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Self

import httpx

from syncrun.errors import RequestError, UsageError
from syncrun.http.content import CorruptContentError, OversizedContentError, accepted_encodings
from syncrun.http.content import read as read_content
from syncrun.http.encoding import Outgoing, encode, header_list
from syncrun.http.failures import BAD_LOCATION, Failure, explain
from syncrun.http.gate import Gate
from syncrun.http.messages import Request, Response
from syncrun.http.origins import MAX_REDIRECTS, Origins, redirect_statuses, redirected_method
from syncrun.http.redact import Redactor
from syncrun.http.retry import RetryPolicy, should_retry, wait_before

GIBIBYTE = 1 << 30

_MIN_BYTES_PER_SECOND = 1024
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_HINTS = {
    401: "check the credentials of this connection",
    403: "the credentials are valid, but may lack a permission for this",
    404: "check the path and the ids in it",
    410: "the API no longer has this; a saved cursor may have expired",
}


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request on the wire, for logs and counters; *url* and *reason* hold no secrets.

    *status* is None when no answer came, and *reason* then says why. *elapsed* and *wait* (before the next
    attempt; 0 when there is none) are seconds, *received* counts bytes of decoded content.
    """

    method: str
    url: str
    status: int | None
    attempt: int
    elapsed: float
    received: int = 0
    wait: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What one attempt came to: an answer, or the failure to get one."""

    method: str
    url: str
    elapsed: float
    status: int = 0
    headers: Mapping[str, str] | None = None
    content: bytes = b""
    failure: Failure | None = None


class Client:
    """Sends requests of one connection; safe to share between threads.

    *timeout* is the seconds of silence after which an attempt is given up; once it has passed, so is an
    answer that comes in at less than 1 KiB/s. *headers* are the connector's and, like *auth*, reach only the
    origin of *base_url* and *allow_hosts*. *max_bytes* bounds the decoded content of one answer. *log* is
    called after every exchange, in the thread that sends.
    """

    def __init__(
        self,
        *,
        base_url: str,
        redactor: Redactor,
        auth: httpx.Auth | None = None,
        headers: Mapping[str, Any] | None = None,
        retry: RetryPolicy | None = None,
        timeout: float = 60.0,
        verify: bool = True,
        allow_hosts: Iterable[str] = (),
        allow_http: bool = False,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
        random: Callable[[], float] = random_numbers.random,
        log: Callable[[Exchange], None] | None = None,
        max_bytes: int = GIBIBYTE,
    ) -> None:
        try:
            origins = Origins(base_url, allow_hosts, allow_http=allow_http)
        except httpx.InvalidURL as error:
            raise UsageError(f"base_url is no URL: {redactor.text(str(error))}") from None
        self._redactor = redactor
        defaults = {
            "User-Agent": _user_agent(),
            "Accept": "application/json",
            "Accept-Encoding": accepted_encodings(),
        }
        self._gate = Gate(
            origins,
            redactor,
            auth=auth,
            headers=header_list(headers or {}),
            defaults=header_list(defaults),
        )
        self._policy = retry or RetryPolicy()
        self._timeout = timeout
        self._sleep = sleep
        self._now = now
        self._random = random
        self._log = log
        self._max_bytes = max_bytes
        self._client = httpx.Client(
            transport=transport,
            verify=verify,
            timeout=timeout,
            mounts={f"all://{host}": None for host in _LOOPBACK},  # no proxy leads to this machine
            # Cookies are state between requests that nobody declared.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections to servers."""
        self._client.close()

    def send(self, request: Request) -> Response:
        """Send *request*, whose URL is absolute, and return its answer (2xx), read whole.

        Raise RequestError, with the redacted URL and the start of the body, for any other outcome.
        """
        outgoing = self._encode(request)
        attempt = 1
        while True:
            outcome = self._attempt(outgoing, attempt)
            if outcome.failure is None and httpx.codes.is_success(outcome.status):
                self._note(outcome, attempt)
                headers = outcome.headers or {}
                return Response(
                    outcome.status, outcome.url, headers, outcome.content, request, outcome.elapsed, attempt
                )
            if attempt >= self._policy.attempts or not should_retry(
                outcome.failure or outcome.status, request
            ):
                self._note(outcome, attempt)
                raise self._error(outcome, attempt)
            attempt += 1
            wait = wait_before(attempt, outcome.headers or {}, self._now(), self._policy, self._random)
            self._note(outcome, attempt - 1, wait)
            self._sleep(wait)

    def _encode(self, request: Request) -> Outgoing:
        try:
            return encode(request)
        except httpx.InvalidURL as error:
            place = self._redactor.exchange(request.method, request.url)
            raise RequestError(f"{place}: no valid URL: {self._redactor.text(str(error))}") from None

    def _attempt(self, outgoing: Outgoing, attempt: int) -> _Outcome:
        """Send once and follow redirects (R19)."""
        for _ in range(MAX_REDIRECTS + 1):
            outcome = self._exchange(outgoing)
            location = (outcome.headers or {}).get("location")
            if outcome.failure is not None or outcome.status not in redirect_statuses or not location:
                return outcome
            self._note(outcome, attempt)
            outgoing = self._redirected(outgoing, outcome.status, location)
        place = self._redactor.exchange(outgoing.method, str(outgoing.url))
        raise RequestError(f"{place}: more than {MAX_REDIRECTS} redirects", status=outcome.status)

    def _redirected(self, outgoing: Outgoing, status: int, location: str) -> Outgoing:
        place = self._redactor.exchange(outgoing.method, str(outgoing.url))
        try:
            url = outgoing.url.join(location).copy_with(fragment=None)
        except httpx.InvalidURL:
            raise RequestError(f"{place}: {BAD_LOCATION.reason}", status=status) from None
        if url.scheme not in ("http", "https"):
            raise RequestError(f"{place}: redirected to a URL with the scheme {url.scheme}", status=status)
        method, keeps_body = redirected_method(status, outgoing.method)
        if keeps_body:
            return Outgoing(method, url, outgoing.headers, outgoing.content)
        headers = [
            (name, value) for name, value in outgoing.headers if not name.lower().startswith("content-")
        ]
        return Outgoing(method, url, headers, None)

    def _exchange(self, outgoing: Outgoing) -> _Outcome:
        auth, headers = self._gate.admit(outgoing)
        method, url = outgoing.method, str(outgoing.url)
        wire_request = httpx.Request(method, outgoing.url, headers=headers, content=outgoing.content)
        started = self._now()
        try:
            answer = self._client.send(wire_request, auth=auth, stream=True)
            try:
                content = self._read(answer, started)
            finally:
                answer.close()
        except httpx.TransportError as error:
            return _Outcome(method, url, self._now() - started, failure=explain(error, self._timeout))
        except httpx.InvalidURL:  # httpx looks at the Location of an answer on its own account
            return _Outcome(method, url, self._now() - started, failure=BAD_LOCATION)
        except CorruptContentError as error:
            return _Outcome(method, url, self._now() - started, failure=Failure(str(error)))
        except OversizedContentError:
            place = self._redactor.exchange(method, url)
            raise RequestError(
                f"{place}: the answer is larger than {_size(self._max_bytes)}",
                status=answer.status_code,
                hint="ask for smaller pages",
            ) from None
        headers_received = dict(answer.headers.items())
        return _Outcome(method, url, self._now() - started, answer.status_code, headers_received, content)

    def _read(self, answer: httpx.Response, started: float) -> bytes:
        if answer.is_stream_consumed:  # by an auth flow that wanted to see it
            return answer.content
        chunks = self._timed(answer.iter_raw(), started)
        return read_content(chunks, answer.headers.get("content-encoding", ""), self._max_bytes)

    def _timed(self, chunks: Iterator[bytes], started: float) -> Iterator[bytes]:
        received = 0
        for chunk in chunks:
            received += len(chunk)
            elapsed = self._now() - started
            if elapsed > self._timeout and received < elapsed * _MIN_BYTES_PER_SECOND:
                raise httpx.ReadTimeout("the answer comes too slowly")
            yield chunk

    def _note(self, outcome: _Outcome, attempt: int, wait: float = 0.0) -> None:
        if self._log is None:
            return
        reason = outcome.failure.reason if outcome.failure else ""
        url = self._redactor.url(outcome.url)
        size = len(outcome.content)
        self._log(
            Exchange(
                outcome.method, url, outcome.status or None, attempt, outcome.elapsed, size, wait, reason
            )
        )

    def _error(self, outcome: _Outcome, attempts: int) -> RequestError:
        place = self._redactor.exchange(outcome.method, outcome.url)
        after = f" after {attempts} attempts" if attempts > 1 else ""
        if outcome.failure is not None:
            return RequestError(f"{place}: {outcome.failure.reason}{after}", hint=outcome.failure.hint)
        start = self._redactor.excerpt(outcome.content)
        message = f"{place}: {outcome.status}{after}" + (f": {start}" if start else "")
        hint = _HINTS.get(outcome.status, "")
        if httpx.codes.is_redirect(outcome.status):
            hint = "this redirect names no place to go to"
        return RequestError(message, status=outcome.status, hint=hint)


def _user_agent() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"syncrun/{version('syncrun')}"
    except PackageNotFoundError:  # running from a source tree
        return "syncrun"


def _size(count: int) -> str:
    for unit, size in (("GiB", GIBIBYTE), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count} bytes"
