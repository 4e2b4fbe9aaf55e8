"""The roots that templates see, and the client that a job's requests go through."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from syncrun.engine.job import Job, Runtime
from syncrun.expressions.durations import parse_duration
from syncrun.expressions.template import render, render_text
from syncrun.http.redact import Redactor

if TYPE_CHECKING:
    from syncrun.http.client import Client, Exchange


def context_of(job: Job, runtime: Runtime) -> dict[str, Any]:
    """Return the context that is the same for a whole run: config, connection, now."""
    connection = {"name": job.id.connection, "metadata": dict(job.metadata)}
    now = runtime.now().isoformat(timespec="seconds").replace("+00:00", "Z")
    return {"config": dict(job.config), "connection": connection, "now": now, "cursor": None}


def open_client(
    job: Job,
    runtime: Runtime,
    context: Mapping[str, Any],
    redactor: Redactor,
    log: Callable[[Exchange], None],
) -> Client:
    """Return the client of *job*: its origin, credentials, retries and limits."""
    from syncrun.http.client import Client
    from syncrun.http.retry import RetryPolicy

    connector = job.connector
    retry = connector.retry
    policy = RetryPolicy(retry.attempts, _seconds(retry.base), _seconds(retry.max_wait))
    auth = connector.auth.authenticator(lambda text: render(text, context)) if connector.auth else None
    return Client(
        base_url=base_url_of(job, context),
        auth=auth,
        headers=render(connector.headers, context),
        retry=policy,
        timeout=_seconds(connector.timeout),
        verify=connector.verify,
        allow_hosts=connector.allow_hosts,
        allow_http=connector.allow_http,
        transport=runtime.transport,
        sleep=runtime.sleep,
        now=lambda: runtime.now().timestamp(),
        random=runtime.random,
        redactor=redactor,
        log=log,
    )


def base_url_of(job: Job, context: Mapping[str, Any]) -> str:
    """Return the connector's base URL for this connection."""
    return render_text(job.connector.base_url, context, "base_url")


def _seconds(duration: str) -> float:
    return parse_duration(duration).total_seconds()
