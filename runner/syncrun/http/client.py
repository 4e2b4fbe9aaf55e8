"""Sends requests: retries, follows redirects, and reads answers whole and within bounds."""

from __future__ import annotations

import random as random_numbers
import time
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from typing import Any, Self

import httpx

from syncrun import __version__
from syncrun.errors import RequestError, UsageError
from syncrun.excerpts import watching
from syncrun.http.connections import open_connections
from syncrun.http.content import (
    MAX_BYTES,
    MAX_RATIO,
    CorruptContentError,
    InflatedContentError,
    OversizedContentError,
    accepted_encodings,
)
from syncrun.http.content import read as read_content
from syncrun.http.encoding import Outgoing, encode, header_list
from syncrun.http.failures import BAD_ANSWER, BAD_LOCATION, Failure, explain
from syncrun.http.gate import Gate
from syncrun.http.issued import issued
from syncrun.http.messages import Request, Response
from syncrun.http.origins import MAX_REDIRECTS, Origins, redirect_statuses, redirected_method
from syncrun.http.outcome import Exchange, Outcome, Sent, error_of, exchange_of
from syncrun.http.rate_limit import RateLimiter, turns
from syncrun.http.reach import Reach, RefusedAddressError, sending
from syncrun.http.redact import Redactor
from syncrun.http.retry import RetryPolicy, should_repeat, should_retry, wait_before
from syncrun.http.verdicts import Judge, Verdict
from syncrun.http.wire import MIN_BYTES_PER_SECOND, extend
from syncrun.wording import size

__all__ = ["Client", "Exchange"]

_UNAUTHORIZED = 401


class Client:
    """Sends requests of one connection; safe to share between threads.

    *timeout* is the seconds of silence after which an attempt is given up; so is one whose headers are
    not all there by then, and later content that comes in at less than 1 KiB/s. *headers* are the
    connector's and, like *auth*, reach only the origin of *base_url* and *allow_hosts*; *bare_hosts* are
    asked without them, and what an answer leads to is asked nowhere else. *judge* holds the connector's
    own rules about answers, *limits* those of its rate, closed with the client. *max_bytes* bounds the
    decoded content of one answer; with *issues* answers hold credentials, which the redactor learns
    before anybody is told of them. *restrict_hosts* bounds where requests go. *log* is called after every
    exchange, in the thread that sends, and *answered* with what a request, as it was given and without
    credentials, got in the end.
    """

    def __init__(
        self,
        *,
        base_url: str,
        redactor: Redactor,
        auth: httpx.Auth | None = None,
        headers: Mapping[str, Any] | None = None,
        retry: RetryPolicy | None = None,
        judge: Judge | None = None,
        limits: Sequence[RateLimiter] = (),
        timeout: float = 60.0,
        verify: bool = True,
        allow_hosts: Iterable[str] = (),
        bare_hosts: Iterable[str] = (),
        restrict_hosts: Sequence[str] | None = None,
        allow_http: bool = False,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
        random: Callable[[], float] = random_numbers.random,
        log: Callable[[Exchange], None] | None = None,
        answered: Callable[[Outgoing, Outcome], None] | None = None,
        max_bytes: int = MAX_BYTES,
        issues: bool = False,
    ) -> None:
        try:
            reach = Reach(restrict_hosts, (*allow_hosts, *bare_hosts))
            origins = Origins(base_url, allow_hosts, bare_hosts=bare_hosts, allow_http=allow_http)
        except httpx.InvalidURL as error:
            raise UsageError(f"base_url is no URL: {redactor.text(str(error))}") from None
        self._redactor = redactor
        defaults = {
            "User-Agent": f"syncrun/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": accepted_encodings(),
        }
        self._gate = Gate(
            origins,
            redactor,
            auth=auth,
            headers=header_list(headers or {}),
            defaults=header_list(defaults),
            reach=reach,
        )
        self._policy = retry or RetryPolicy()
        self._judge = judge
        self._limits = limits
        self._timeout = timeout
        self._sleep = sleep
        self._now = now
        self._random = random
        self._log = log
        self._answered = answered
        self._max_bytes = max_bytes
        self._issues = issues
        self._client = open_connections(transport, verify=verify, timeout=timeout)
        self._watching = ExitStack()
        self._watching.enter_context(watching(redactor))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections to servers, and the limits."""
        for limit in self._limits:
            limit.close()
        self._client.close()
        self._watching.close()

    def send(self, request: Request, *, also: Collection[int] = ()) -> Response:
        """Send *request*, whose URL is absolute; return its answer, read whole: 2xx, or a status in *also*.

        Raise RequestError, with the redacted URL and the start of the body, for any other outcome, and for
        answers that the connector's rules take for errors.
        """
        return self._send(request, also)

    def repeat(self, answer: Response, reason: str) -> Response | None:
        """Send the request of *answer* again after a wait, because of *reason* it is none; return the answer.

        None when it was sent as often as the policy says, or may do its work twice. Raise what `send` raises.
        """
        request, attempt = answer.request, answer.attempts + 1
        if attempt > self._policy.attempts or not request.repeatable:
            return None
        wait = self._wait(answer.headers, answer, attempt)
        if wait:
            self._sleep(wait)
        return self._send(request, (), attempt, reason)

    def _send(
        self, request: Request, also: Collection[int], attempt: int = 1, again_for: str = ""
    ) -> Response:
        outgoing = self._encode(request)
        refreshed = False
        while True:
            outcome = self._attempt(outgoing, attempt, also)
            if again_for and outcome.failure is None:
                outcome = replace(outcome, again_for=again_for)
            response = outcome.response(request, attempt, self._max_bytes)
            verdict = self._judge.judge(response) if self._judge and response else None
            warns = verdict is not None and verdict.then == "warn"
            if response is not None and (warns or verdict is None) and _is_wanted(response.status, also):
                self._note(outcome, attempt, verdict=verdict)
                self._tell(outgoing, outcome)
                return response
            if response is not None and verdict is not None and verdict.then == "empty":
                self._note(outcome, attempt, verdict=verdict)
                return replace(response, content=b"", memo={}, is_settled=True)
            if verdict is not None and verdict.then == "refresh_auth":
                again, refreshed = not refreshed and self._gate.refresh(), True
                wait = 0.0
            else:
                again = attempt < self._policy.attempts and _is_retried(outcome, request, verdict)
                wait = self._wait(outcome.headers, response, attempt + 1) if again else 0.0
            self._note(outcome, attempt, wait, verdict)
            if not again:
                self._tell(outgoing, outcome)
                raise error_of(outcome, attempt, self._redactor, verdict)
            attempt += 1
            if wait:
                self._sleep(wait)

    def _wait(self, headers: Mapping[str, str], response: Response | None, attempt: int) -> float:
        asked = self._judge.wait(response) if self._judge and response else None
        return wait_before(attempt, headers, self._now(), self._policy, self._random, asked=asked)

    def _encode(self, request: Request) -> Outgoing:
        try:
            return encode(request)
        except (httpx.InvalidURL, ValueError) as error:
            place = self._redactor.exchange(request.method, request.url)
            raise RequestError(f"{place}: no valid URL: {self._redactor.text(str(error))}") from None

    def _attempt(self, outgoing: Outgoing, attempt: int, also: Collection[int]) -> Outcome:
        """Send once and follow redirects (R19), those that the caller wants to see excepted."""
        for _ in range(MAX_REDIRECTS + 1):
            outcome = self._exchange(outgoing, attempt)
            location = outcome.headers.get("location")
            followed = outcome.status in redirect_statuses and outcome.status not in also
            if outcome.failure is not None or not followed or not location:
                return outcome
            self._note(outcome, attempt)
            outgoing = self._redirected(outgoing, outcome.status, location)
        place = self._redactor.exchange(outgoing.method, str(outgoing.url))
        raise RequestError(f"{place}: more than {MAX_REDIRECTS} redirects", status=outcome.status)

    def _redirected(self, outgoing: Outgoing, status: int, location: str) -> Outgoing:
        place = self._redactor.exchange(outgoing.method, str(outgoing.url))
        try:
            url = outgoing.url.join(location).copy_with(fragment=None)
        except (httpx.InvalidURL, ValueError):
            raise RequestError(f"{place}: {BAD_LOCATION.reason}", status=status) from None
        if url.scheme not in ("http", "https"):
            raise RequestError(f"{place}: redirected to a URL with the scheme {url.scheme}", status=status)
        method, keeps_body = redirected_method(status, outgoing.method)
        if keeps_body and self._gate.shares(outgoing.url, url):
            return Outgoing(method, url, outgoing.headers, outgoing.content)
        if not self._gate.shares(outgoing.url, url):  # neither what was sent nor under which headers
            return Outgoing(method, url, [], None)
        headers = [
            (name, value) for name, value in outgoing.headers if not name.lower().startswith("content-")
        ]
        return Outgoing(method, url, headers, None)

    def _exchange(self, outgoing: Outgoing, attempt: int) -> Outcome:
        """Send and read the answer, when the limits allow it; twice where a new credential is needed.

        The flow of the credentials goes on between turns: a log-in, which it may wait for, takes one as well.
        """
        auth, headers = self._gate.admit(outgoing)
        request = httpx.Request(outgoing.method, outgoing.url, headers=headers, content=outgoing.content)
        with closing((auth or httpx.Auth()).sync_auth_flow(request)) as flow:
            signed = next(flow)
            while True:
                with turns(self._limits) as queued:
                    sent = Sent(outgoing, signed, self._now())
                    outcome = self._guarded(sent, partial(self._send_once, sent, auth))
                outcome = replace(outcome, queued=queued) if queued else outcome
                for limit in self._limits:
                    limit.learn(outcome.headers)
                renews = sent.refused is not None and getattr(auth, "renews", False)
                if renews:
                    self._note(outcome, attempt)  # before the request that gets another token
                if sent.refused is not None:
                    outcome = self._guarded(sent, partial(self._renewed, sent, flow))
                if sent.following is None:
                    return outcome
                if not renews:
                    self._note(outcome, attempt)
                signed = sent.following

    def _send_once(self, sent: Sent, auth: httpx.Auth | None) -> Outcome:
        """Send, and read the answer, but for one that refuses credentials: their flow looks at it first."""
        sending(permitted=self._gate.reach.permits_own_network(sent.outgoing.url))
        # without credentials of ours those in the URL count
        answer = self._client.send(sent.signed, auth=auth and httpx.Auth(), stream=True)
        if auth is not None and answer.status_code == _UNAUTHORIZED:
            sent.refused = answer
            return sent.outcome(self._now(), answer, b"")
        return self._received(sent, answer)

    def _renewed(self, sent: Sent, flow: Generator[httpx.Request, httpx.Response, None]) -> Outcome:
        """Let the flow get another credential; read the answer where it cannot."""
        answer = sent.refused
        assert answer is not None  # noqa: S101 - it is why somebody asks
        elapsed = self._now()
        try:
            sent.following = flow.send(answer)
        except StopIteration:
            return self._received(sent, answer)
        finally:
            answer.close()
        return sent.outcome(elapsed, answer, b"")

    def _received(self, sent: Sent, answer: httpx.Response) -> Outcome:
        sent.status = answer.status_code
        try:
            content = self._read(answer, self._now())
        finally:
            answer.close()
        outcome = sent.outcome(self._now(), answer, content)
        if self._issues:
            self._redactor.add(*issued(outcome.headers, outcome.content))
        return outcome

    def _guarded(self, sent: Sent, act: Callable[[], Outcome]) -> Outcome:
        """Return what *act* does, or the failure that it ends in; raise RequestError for what is final."""
        try:
            return act()
        except httpx.TransportError as error:
            failure = explain(error, self._timeout)
        except RefusedAddressError as refused:
            place = self._redactor.exchange(sent.outgoing.method, str(sent.outgoing.url))
            raise RequestError(f"{place}: {refused}") from None
        except httpx.InvalidURL:  # httpx looks at the Location of an answer on its own account
            failure = BAD_LOCATION
        except (httpx.DecodingError, ValueError, LookupError, ArithmeticError):
            failure = BAD_ANSWER  # what httpx and its parsers trip over, in headers that nobody meant
        except CorruptContentError as error:
            failure = Failure(str(error))
        except OversizedContentError as error:
            place = self._redactor.exchange(sent.outgoing.method, str(sent.outgoing.url))
            if isinstance(error, InflatedContentError):
                reason = f"the compressed answer unpacks to more than {MAX_RATIO} times its size"
                raise RequestError(f"{place}: {reason}", status=sent.status) from None
            raise RequestError(
                f"{place}: the answer is larger than {size(self._max_bytes)}",
                status=sent.status,
                hint="ask for smaller pages, or write max_answer: 1GB into the connector",
            ) from None
        return sent.failed(self._now(), failure)

    def _read(self, answer: httpx.Response, started: float) -> bytes:
        if answer.is_stream_consumed:  # by an auth flow that wanted to see it
            return answer.content
        extend(self._timeout)
        chunks = self._timed(answer.iter_raw(), started)
        return read_content(chunks, answer.headers.get("content-encoding", ""), self._max_bytes)

    def _timed(self, chunks: Iterator[bytes], started: float) -> Iterator[bytes]:
        received = 0
        for chunk in chunks:
            received += len(chunk)
            elapsed, granted = self._now() - started, received / MIN_BYTES_PER_SECOND
            if elapsed > self._timeout and granted < elapsed:
                raise httpx.ReadTimeout("the answer comes too slowly")
            extend(max(self._timeout, granted) - elapsed)
            yield chunk

    def _note(
        self, outcome: Outcome, attempt: int, wait: float = 0.0, verdict: Verdict | None = None
    ) -> None:
        if self._log is not None:
            self._log(exchange_of(outcome, attempt, self._redactor, wait=wait, verdict=verdict))

    def _tell(self, asked: Outgoing, outcome: Outcome) -> None:
        if self._answered is not None and outcome.failure is None:
            self._answered(asked, outcome)


def _is_wanted(status: int, also: Collection[int]) -> bool:
    return httpx.codes.is_success(status) or status in also


def _is_retried(outcome: Outcome, request: Request, verdict: Verdict | None) -> bool:
    if verdict is None:
        return should_retry(outcome.failure or outcome.status, request)
    return verdict.then == "retry" and should_repeat(outcome.status, request)
