"""What a job's `retry`, `rate_limit` and `errors` mean to the client that sends its requests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from syncrun.config.limits import RateLimit
from syncrun.decoders import DecoderName, decode
from syncrun.engine.job import Job, Runtime
from syncrun.errors import ResponseError
from syncrun.expressions.durations import parse_duration
from syncrun.expressions.functions import Functions
from syncrun.extract.error_rules import ErrorRules
from syncrun.http.messages import Response
from syncrun.http.redact import Redactor
from syncrun.wording import minute

if TYPE_CHECKING:
    from syncrun.http.rate_limit import RateLimiter
    from syncrun.http.retry import RetryPolicy


def retry_policy(job: Job) -> RetryPolicy:
    """Return how requests of *job* are tried again: the sync's `retry` over the connector's."""
    from syncrun.http.retry import RetryPolicy

    spec, own = job.connector.retry, job.sync.retry
    spec = own.over(spec) if own is not None else spec
    return RetryPolicy(spec.attempts, _seconds(spec.base), _seconds(spec.max_wait), spec.wait_headers)


def error_rules(
    job: Job,
    redactor: Redactor,
    functions: Functions,
    decoder: DecoderName | None = None,
    *,
    parsed: bool = False,
) -> ErrorRules | None:
    """Return what judges the answers to *job*, None when nothing is declared; the sync's rules come first.

    Answers are read with *decoder*, or as the sync reads its own. With *parsed* a hook reads them: rules see
    them as they come, as text where the decoder cannot read them.
    """
    name, sync, connector = job.id.sync, job.sync, job.connector
    rules = [(f"syncs.{name}.errors[{index}]", rule) for index, rule in enumerate(sync.errors)]
    rules += [(f"errors[{index}]", rule) for index, rule in enumerate(connector.errors)]
    retry = sync.retry.over(connector.retry) if sync.retry is not None else connector.retry
    if not rules and retry.wait_body is None:
        return None
    decoded = partial(decode, decoder or sync.decode, redactor=redactor)
    return ErrorRules(
        rules,
        partial(_as_it_came, decoded) if parsed else decoded,
        decode_json=partial(decode, "json", redactor=redactor),
        wait_body=retry.wait_body,
        functions=functions,
    )


def _as_it_came(decoded: Callable[[Response], Any], response: Response) -> Any:
    try:
        return decoded(response)
    except ResponseError:
        return response.content.decode("utf-8", "replace")


def rate_limiters(
    job: Job, runtime: Runtime, *, of_sync: bool = True, urgent: bool = False
) -> list[RateLimiter]:
    """Return the limits that requests of *job* keep: its sync's (with *of_sync*), and the connection's.

    Requests that are *urgent* do not wait where the API says that none are left: a log-in, or who is asking.
    """
    connection = f"{job.id.connection}.{job.id.connector}"
    declared = (
        (f"{connection}.{job.id.sync}", job.sync.rate_limit if of_sync else None),
        (connection, job.connector.rate_limit),
    )
    most = retry_policy(job).max_wait
    return [_limiter(name, spec, runtime, most, urgent=urgent) for name, spec in declared if spec is not None]


def _limiter(name: str, spec: RateLimit, runtime: Runtime, most: float, *, urgent: bool) -> RateLimiter:
    from syncrun.http.rate_limit import Limits, RateLimiter

    limits = Limits(
        spec.requests,
        _seconds(spec.per),
        spec.concurrency,
        remaining_header=spec.remaining_header and spec.remaining_header.lower(),
        reset_header=spec.reset_header and spec.reset_header.lower(),
    )
    path = runtime.limit_file(name)

    def held(seconds: float) -> None:
        until = runtime.now() + timedelta(seconds=seconds)
        runtime.on_silence(
            f"the API says that no requests are left: waiting {seconds:.0f} s, until {minute(until)}"
        )

    return RateLimiter(
        path,
        limits,
        now=lambda: runtime.now().timestamp(),
        sleep=runtime.sleep,
        max_silence=most,
        heeds_silence=not urgent,
        on_silence=held,
    )


def _seconds(duration: str) -> float:
    return parse_duration(duration).total_seconds()
