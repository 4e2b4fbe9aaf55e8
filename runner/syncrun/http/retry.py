"""Decides whether a request is tried again, and after how long (R20); pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any

from msgspec import Struct

from syncrun.http.failures import Failure
from syncrun.http.messages import Request

retried_statuses = frozenset({408, 425, 429, 500, 502, 503, 504})

_TOO_MANY_REQUESTS = 429
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_EPOCH_SECONDS = 1e9  # no server asks to wait for thirty years: a number this large is a point in time
_EPOCH_MILLISECONDS = 1e12
_MAX_DOUBLINGS = 60


class RetryPolicy(Struct, frozen=True):
    """How often a request is sent at most, and the bounds of the waits between, in seconds.

    *wait_headers* name further headers, in lower case, that say when to come back.
    """

    attempts: int = 6
    base: float = 1.0
    max_wait: float = 300.0
    wait_headers: tuple[str, ...] = ()


def should_retry(outcome: int | Failure, request: Request) -> bool:
    """Whether sending *request* again may help, and cannot do its work twice.

    *outcome* is the status of an answer, or why there was none. 429 and a connection that was never made are
    retried for every method, because nothing was processed; all else only for requests that are `repeatable`.
    """
    if isinstance(outcome, Failure):
        return outcome.temporary and (request.repeatable or not outcome.sent)
    return outcome in retried_statuses and should_repeat(outcome, request)


def should_repeat(status: int, request: Request) -> bool:
    """Whether *request*, answered with *status*, can be sent again without doing its work twice."""
    return status == _TOO_MANY_REQUESTS or request.repeatable


def wait_before(
    attempt: int,
    headers: Mapping[str, str],
    now: float,
    policy: RetryPolicy,
    random: Callable[[], float],
    *,
    asked: Any = None,
) -> float:
    """Return the seconds to wait before attempt number *attempt* (2 is the first retry), at most *max_wait*.

    The longest wait counts: what the last answer asks for in `Retry-After` (RFC 9110 §10.2.3: seconds or a
    date; also fractions and epoch times, which servers send), in the policy's headers, or in *asked*, what
    its body says; and the back-off, random between 0 and *base*, doubled with each retry (full jitter), which
    an answer that asks for no wait at all does not switch off.
    *headers* are in lower case; *now* is in epoch seconds; *random* returns numbers from 0 to 1.
    """
    texts = [headers.get(name, "") for name in ("retry-after", *policy.wait_headers)]
    if isinstance(asked, str) or (isinstance(asked, (int, float)) and not isinstance(asked, bool)):
        texts.append(f"{asked:.6f}" if isinstance(asked, float) else str(asked))
    found = [seconds for text in texts if (seconds := retry_after(text, now)) is not None]
    doublings = min(max(attempt - 2, 0), _MAX_DOUBLINGS)
    back_off: float = random() * min(policy.base * 2**doublings, policy.max_wait)
    wait = max([back_off, *found])
    return min(max(wait, 0.0), policy.max_wait)


def retry_after(text: str, now: float) -> float | None:
    """Return the seconds that a text asks for: seconds, an HTTP date, an epoch in seconds or milliseconds.

    None when it makes no sense as any of these.
    """
    text = text.strip()
    if _NUMBER.fullmatch(text):
        number = float(text)
        if number >= _EPOCH_MILLISECONDS:
            number /= 1000
        return number - now if number >= _EPOCH_SECONDS else number
    if not text:
        return None
    from email.utils import parsedate_to_datetime

    try:
        date = parsedate_to_datetime(text)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now
    except (ValueError, OverflowError):
        return None
