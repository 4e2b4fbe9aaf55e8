"""The roots that templates see, and the client that a job's requests go through."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from syncrun.auth.base import Auth, AuthContext
from syncrun.config.secrecy import credential_templates
from syncrun.decoders import DecoderName
from syncrun.engine.job import Job, Runtime
from syncrun.engine.limits import error_rules, rate_limiters, retry_policy
from syncrun.errors import EvaluationError, UsageError
from syncrun.expressions.compile import compile_expression, is_true
from syncrun.expressions.durations import parse_duration
from syncrun.expressions.functions import DEFAULT, Functions
from syncrun.expressions.size_field import parse_size
from syncrun.expressions.template import parse_template, render, render_text, template_references
from syncrun.hooks import NO_HOOKS, Hooks
from syncrun.http.messages import Request, Response
from syncrun.http.redact import Redactor
from syncrun.secrets import is_telling, texts_of
from syncrun.wording import iso

if TYPE_CHECKING:
    import httpx

    from syncrun.http.client import Client, Exchange


def context_of(job: Job, runtime: Runtime) -> dict[str, Any]:
    """Return the context that is the same for a whole run: config, connection, now."""
    connection = {"name": job.id.connection, "metadata": dict(job.metadata)}
    now = iso(runtime.now().replace(microsecond=0))
    return {"config": dict(job.config), "connection": connection, "now": now, "cursor": None}


def open_client(
    job: Job,
    runtime: Runtime,
    context: Mapping[str, Any],
    redactor: Redactor,
    log: Callable[[Exchange], None],
    *,
    functions: Functions = DEFAULT,
    base_url: str | None = None,
    decoder: DecoderName | None = None,
    hooks: Hooks = NO_HOOKS,
    issues: bool = False,
    urgent: bool = False,
) -> Client:
    """Return the client of *job*: its origin, credentials, retries and limits.

    *base_url* stands in for the connector's while that is unknown. Error rules read answers with *decoder*;
    None: that of the sync. With *issues* answers may hold credentials, which nobody sees. Requests that are
    *urgent* are not held where the API says that none are left.
    """
    base_url = base_url_of(job, context) if base_url is None else base_url
    auth = auth_of(job, context)

    def sign(request: httpx.Request, refused: bool) -> None:  # noqa: FBT001 - as auth kinds call it
        hooks.authenticate(request, context, redactor, refused=refused)

    _learn_signatures(job, context, redactor)
    own = auth_context(job, runtime, context, redactor, log, base_url=base_url)
    own = replace(own, sign=sign) if hooks.has("authenticate") else own
    parsed = decoder is None and hooks.has("parse_response")
    return _client(
        job,
        runtime,
        base_url,
        redactor,
        log,
        auth=auth.authenticator(own) if auth else None,
        headers=learning(job, context, redactor)(job.connector.headers),
        allow_hosts=job.connector.trusted_hosts,
        bare_hosts=job.connector.bare_hosts,
        judge=error_rules(job, redactor, functions, decoder, parsed=parsed),
        limits=rate_limiters(job, runtime, urgent=urgent),
        answered=runtime.wire.answer if runtime.wire else None,
        issues=issues,
    )


def _client(
    job: Job,
    runtime: Runtime,
    base_url: str,
    redactor: Redactor,
    log: Callable[[Exchange], None],
    **own: Any,
) -> Client:
    from syncrun.http.client import Client

    connector = job.connector
    return Client(
        base_url=base_url,
        retry=retry_policy(job),
        timeout=parse_duration(job.sync.timeout or connector.timeout).total_seconds(),
        max_bytes=parse_size(job.sync.max_answer or connector.max_answer),
        verify=connector.verify,
        allow_http=connector.allow_http,
        transport=runtime.transport,
        sleep=runtime.sleep,
        now=lambda: runtime.now().timestamp(),
        random=runtime.random,
        redactor=redactor,
        restrict_hosts=job.restrict_hosts,
        log=_both(log, runtime.wire.exchange) if runtime.wire else log,
        **own,
    )


def _both(
    first: Callable[[Exchange], None], second: Callable[[Exchange], None]
) -> Callable[[Exchange], None]:
    def log(exchange: Exchange) -> None:
        first(exchange)
        second(exchange)

    return log


def auth_of(job: Job, context: Mapping[str, Any]) -> Auth | None:
    """Return how the connection authenticates: the first entry of `auth` whose `when` holds for its config.

    Raise UsageError when there are several, and none is meant for this config.
    """
    entries = job.connector.auth_entries
    for auth in entries:
        if auth.when is None or is_true(compile_expression(auth.when)(dict(context))):
            return auth
    if not entries:
        return None
    raise UsageError(
        f"no entry of auth fits the config of the connection {job.id.connection}",
        hint="give the config values that one of them needs, or add an entry without when",
    )


def auth_context(
    job: Job,
    runtime: Runtime,
    context: Mapping[str, Any],
    redactor: Redactor,
    log: Callable[[Exchange], None],
    *,
    base_url: str = "",
) -> AuthContext:
    """Return what the auth kind of *job* works with; logins are at *base_url*."""

    def send(request: Request, statuses: frozenset[int]) -> Response:
        # Its own client, rarely opened: the request's server is the one it trusts, and no other.
        hosts = [*job.connector.trusted_hosts, *job.connector.bare_hosts]
        limits = rate_limiters(job, runtime, of_sync=False, urgent=True)
        with _client(
            job, runtime, request.url, redactor, log, bare_hosts=hosts, limits=limits, issues=True
        ) as client:
            return client.send(request, also=statuses)

    return AuthContext(
        render=learning(job, context, redactor),
        send=send,
        now=lambda: runtime.now().timestamp(),
        sleep=runtime.sleep,
        redactor=redactor,
        credentials=runtime.credentials,
        owner=job.id.connection,
        connector=job.id.connector,
        base_url=base_url,
    )


def learning(job: Job, context: Mapping[str, Any], redactor: Redactor) -> Callable[..., Any]:
    """Return what renders a tree of templates, and tells *redactor* what those of credentials give (R23).

    It takes other `vars` than those of the context, too.
    A digest or signature of a secret is one too.
    """
    credentials = credential_templates(job.connector, job.id.sync)

    def rendered(value: Any, known: Mapping[str, Any] | None = None) -> Any:
        if isinstance(value, str):
            roots = context if known is None else {**context, "vars": known}
            found = render(value, roots)
            if value in credentials:
                parts = [render(f"${{{part}}}", roots) for part, _ in parse_template(value).expressions]
                texts = (text for part in parts or [found] for text in texts_of(part))
                learn = redactor.add if credentials[value] else redactor.add_names
                learn(*filter(is_telling, texts))
            return found
        if isinstance(value, Mapping):
            pairs = ((name, member, rendered(member, known)) for name, member in value.items())
            return {name: new for name, old, new in pairs if new is not None or old is None}
        if isinstance(value, list | tuple):
            pairs_in_order = ((element, rendered(element, known)) for element in value)
            return [new for old, new in pairs_in_order if new is not None or old is None]
        return value

    return rendered


def _learn_signatures(job: Job, context: Mapping[str, Any], redactor: Redactor) -> None:
    """Tell *redactor* what requests carry under the name of a credential, made of config values."""
    rendered = learning(job, context, redactor)
    for text in credential_templates(job.connector, job.id.sync):
        roots = {reference.root for reference in template_references(text)}
        if roots and roots <= {"config", "now", "connection"} and not text.startswith("${config."):
            with suppress(EvaluationError):
                rendered(text)


def base_url_of(job: Job, context: Mapping[str, Any]) -> str:
    """Return the connector's base URL for this connection."""
    return render_text(job.connector.base_url, context, "base_url")
