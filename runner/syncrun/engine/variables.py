"""The values of `${vars.…}`: what `setup` asks the API for, once a run and only for what its sync reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from syncrun.config.secrecy import is_secret_var, opens_door
from syncrun.decoders import decode
from syncrun.engine.context import base_url_of, open_client
from syncrun.engine.job import Job, Runtime
from syncrun.errors import RunError
from syncrun.expressions.compile import compile_expression, is_true
from syncrun.expressions.functions import Functions
from syncrun.expressions.template import render_text
from syncrun.extract.setup import base_url_needs, fetch_value, needed_entries
from syncrun.hooks import Hooks
from syncrun.http.client import Exchange
from syncrun.http.redact import Redactor
from syncrun.secrets import is_telling, texts_of


def read_vars(
    job: Job,
    runtime: Runtime,
    roots: Mapping[str, Any],
    redactor: Redactor,
    log: Callable[[Exchange], None],
    *,
    functions: Functions,
    hooks: Hooks,
) -> dict[str, Any]:
    """Return the root `vars` for a run of *job*; raise RunError, which names the entry, without a value."""
    found: dict[str, Any] = {}
    for name in needed_entries(job.connector, job.id.sync) if job.connector.setup else ():
        context = {**roots, "vars": found}
        when = job.connector.setup[name].when
        if when is not None and not is_true(compile_expression(when, functions=functions)(context)):
            found = {**found, name: None}  # this connection does without
            continue
        try:
            value = _value(
                name, job, runtime, context, redactor=redactor, log=log, functions=functions, hooks=hooks
            )
        except RunError as error:
            raise RunError(f"setup.{name}: {error.message}", hint=error.hint) from None
        if is_secret_var(job.connector, name):
            learn = redactor.add if opens_door(job.connector, name, job.id.sync) else redactor.add_names
            learn(*filter(is_telling, texts_of(value)))
        found = {**found, name: value}
    return found


def _value(
    name: str,
    job: Job,
    runtime: Runtime,
    context: Mapping[str, Any],
    *,
    redactor: Redactor,
    log: Callable[[Exchange], None],
    functions: Functions,
    hooks: Hooks,
) -> Any:
    entry = job.connector.setup[name]
    if base_url_needs(job.connector) <= context["vars"].keys():
        base_url = base_url_of(job, context)
    else:  # the API's address is what is asked for: until then the server that tells it stands for the API
        base_url = render_text(entry.request_spec.url or "", context, "url", functions=functions)
    prepare = hooks.before_request if hooks.has("before_request") else None
    with open_client(
        job,
        runtime,
        context,
        redactor,
        log,
        functions=functions,
        base_url=base_url,
        decoder="json",
        hooks=hooks,
        issues=True,
    ) as client:
        decoded = partial(decode, "json", redactor=redactor)
        return fetch_value(
            entry,
            base_url,
            context,
            client.send,
            decoded,
            redactor=redactor,
            functions=functions,
            prepare=prepare,
        )
