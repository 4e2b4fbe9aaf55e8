"""Who is asking: the request by which a connection proves itself before anything of it is read (R34)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from syncrun.config.identity import IdentityCheck
from syncrun.decoders import decode
from syncrun.engine.context import auth_of, base_url_of, context_of, open_client
from syncrun.engine.job import Job, Runtime
from syncrun.engine.variables import read_vars
from syncrun.errors import CredentialError, ResponseError, RunError
from syncrun.expressions.compile import compile_expression, is_true
from syncrun.expressions.functions import Functions
from syncrun.extract.requests import Source, build_request
from syncrun.hooks import Hooks, load_hooks
from syncrun.http.messages import Request, Response
from syncrun.http.redact import Redactor
from syncrun.http.retry import retry_after

if TYPE_CHECKING:
    from syncrun.http.client import Exchange

_STILL_ASKED = ("retry", "fail", "refresh_auth")
"""What error rules may do with the answer; the others would take an error for an answer."""
_SCOPES = "x-oauth-scopes"


class Identity(Struct, frozen=True):
    """Who the API takes us for.

    *scopes* are what the API says that the credentials may do, *clock* how many seconds its clock is ahead
    of ours; empty and None where the answer does not tell.
    """

    who: str = ""
    scopes: str = ""
    clock: float | None = None


def check_of(job: Job, context: Mapping[str, Any]) -> IdentityCheck | None:
    """Return the check that *job* has to pass, None where there is nothing to prove."""
    check = job.connector.identity_check
    if check is None:
        return None
    if check.when is not None and not is_true(compile_expression(check.when)(dict(context))):
        return None
    if job.connector.auth_entries and getattr(auth_of(job, context), "type", "none") == "none":
        return None
    return check


def ask_who(job: Job, runtime: Runtime, log: Callable[[Exchange], None]) -> Identity | None:
    """Ask the API who the connection of *job* is; None where there is nothing to prove. Raise RunError."""
    redactor = job.redactor
    hooks = load_hooks((job.connector.hooks, None), job.folder, redactor.text)
    functions = Functions(clock=runtime.now)
    context = context_of(job, runtime)
    check = check_of(job, context)
    if check is None:
        return None
    found = read_vars(job, runtime, context, redactor, log, functions=functions, hooks=hooks)
    context = {**context, "vars": found}
    return prove(check, job, runtime, context, redactor=redactor, log=log, functions=functions, hooks=hooks)


def prove_once(
    job: Job,
    runtime: Runtime,
    context: Mapping[str, Any],
    redactor: Redactor,
    log: Callable[[Exchange], None],
    *,
    functions: Functions,
    hooks: Hooks,
) -> None:
    """Ask the API who the connection of *job* is, unless a run of this command has; raise RunError."""
    check = check_of(job, context)
    if check is not None:
        own: dict[str, Any] = {"redactor": redactor, "log": log, "functions": functions, "hooks": hooks}
        asked = partial(prove, check, job, runtime, context, **own)
        runtime.checks.once(f"{job.id.connection}/{job.id.connector}", asked)


def prove(
    check: IdentityCheck,
    job: Job,
    runtime: Runtime,
    context: Mapping[str, Any],
    *,
    redactor: Redactor,
    log: Callable[[Exchange], None],
    functions: Functions,
    hooks: Hooks,
) -> Identity | None:
    """Return who the API takes the connection of *job* for; None where the request is not wanted.

    Raise RunError, in one sentence, where the answer does not prove it.
    """
    bare = _without_exceptions(job, check)
    base_url = base_url_of(job, context)
    try:
        request = build_request(Source(base_url, check.request_spec), context, functions=functions)
        if hooks.has("before_request"):
            request = hooks.before_request(request, context)
        if not runtime.checks.wanted(request):
            return None
        with open_client(
            bare,
            runtime,
            context,
            redactor,
            log,
            functions=functions,
            base_url=base_url,
            hooks=hooks,
            urgent=True,
        ) as client:
            sent = runtime.now().timestamp()
            response = client.send(request)
            received = runtime.now().timestamp()
        who = _judged(check, response, request, redactor, functions)
    except (RunError, CredentialError) as error:
        raise RunError(
            f"who is asking is not proven, so nothing was read: {error.message}",
            hint=error.hint or f"check the credentials: syncrun check {job.id.connection}",
        ) from None
    date = retry_after(response.headers.get("date", ""), (sent + received) / 2)
    return Identity(who, redactor.text(response.headers.get(_SCOPES, "")), date)


def _without_exceptions(job: Job, check: IdentityCheck) -> Job:
    """Return *job* without the rules that take an error for an answer, and without those of its sync."""
    connector = job.connector
    rules = [rule for rule in connector.errors if rule.then in _STILL_ASKED]
    own: dict[str, Any] = {
        "errors": [],
        "retry": None,
        "timeout": None,
        "rate_limit": None,
        "decode": check.decode,
    }
    sync = job.sync.model_copy(update=own)
    syncs = {**connector.syncs, job.id.sync: sync}
    return replace(job, connector=connector.model_copy(update={"errors": rules, "syncs": syncs}))


def _judged(
    check: IdentityCheck, response: Response, request: Request, redactor: Redactor, functions: Functions
) -> str:
    """Return who the answer names; raise ResponseError where it is not what `expect` says."""
    if check.expect is None and check.who is None:
        return ""
    body = decode(check.decode, response, redactor)
    if check.expect is not None and not is_true(compile_expression(check.expect, functions=functions)(body)):
        place = redactor.exchange(request.method, response.url)
        raise ResponseError(
            f"{place}: expect ({check.expect}) does not hold of the answer"
            f" {redactor.excerpt(response.content)}"
        )
    if check.who is None:
        return ""
    who = compile_expression(check.who, functions=functions)(body)
    return "" if who is None else redactor.text(str(who))
