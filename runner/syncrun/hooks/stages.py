"""Calls the functions of hook files: each stage with what it is given, and what may come of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from syncrun.errors import HookError
from syncrun.hooks.failures import failure
from syncrun.hooks.speech import speaking
from syncrun.secrets import is_sensitive_name

if TYPE_CHECKING:
    import httpx

    from syncrun.http.messages import Request, Response
    from syncrun.http.redact import Redactor
    from syncrun.paginators.base import Page

Context = Mapping[str, Any]
_LONG = 16  # characters: what is no credential is rarely as long
_LEARNED = 50  # credentials of one name that are masked: signatures differ with each request, and are used up


class Function(Struct, frozen=True):
    """The function of one *stage*; *file* is its file's name in messages, *path* where it was read."""

    stage: str
    call: Callable[[Any, Any], Any]
    file: str
    path: str


class Hooks:
    """The hooks of one sync of one connection; *digest* changes with the content of their files.

    Every function gets a context of its own to read: a dict of the roots that templates see there. What one
    raises, or returns in vain, becomes a HookError that names it and its line, without secrets.
    """

    def __init__(self, functions: Mapping[str, Function], digest: str, redact: Callable[[str], str]) -> None:
        self._functions, self.digest, self._redact = functions, digest, redact
        self._learned: Counter[str] = Counter()

    def has(self, stage: str) -> bool:
        """Whether there is a function for *stage*."""
        return stage in self._functions

    def authenticate(
        self, request: httpx.Request, context: Context, redactor: Redactor, *, refused: bool
    ) -> None:
        """Let `authenticate` sign *request* in place; *redactor* learns the credentials that it sets."""
        from syncrun.auth.flows import signer
        from syncrun.hooks.views import WireRequest

        view = WireRequest(request)
        self._change("authenticate", view, {**context, "refused": refused})
        fresh = [(name, value) for name, value in view.headers.items() if request.headers.get(name) != value]
        self._learn([*fresh, *((name, str(value)) for name, value in view.params.items())], redactor)
        request.headers = view.headers
        for name, value in view.params.items():
            if value is not None:
                signer("query", name)(request, str(value))

    def before_request(self, request: Request, context: Context) -> Request:
        """Return *request* as `before_request` wants it."""
        from syncrun.hooks.views import HookRequest

        view = HookRequest.of(request)
        self._change("before_request", view, context)
        try:
            return view.to_request(request)
        except TypeError as error:
            raise self._refused("before_request", str(error)) from None

    def parse_response(self, response: Response, context: Context) -> Any:
        """Return the body that `parse_response` makes of *response*."""
        from syncrun.hooks.views import HookResponse

        body = self._call("parse_response", HookResponse.of(response), deepcopy(dict(context)))
        if body is not None and not isinstance(body, dict | list | str | int | float):
            raise self._refused(
                "parse_response", f"it returned a Python {type(body).__name__}, no JSON value"
            )
        return body

    def record_mapper(self, context: Context) -> Callable[[Any], list[Any]]:
        """Return what gives the records that `map_record` makes of one, none when it drops it."""
        seen = deepcopy(dict(context))

        def mapped(record: Any) -> list[Any]:
            found = self._call("map_record", deepcopy(record), seen)
            if found is None:
                return []
            return found if isinstance(found, list) else [found]

        return mapped

    def next_page(self, page: Page, context: Context) -> Any:
        """Return what `next_page` says about the page after *page*: JSON, so that a checkpoint holds it."""
        from syncrun.hooks.views import HookPage

        found = self._call("next_page", HookPage.of(page), deepcopy(dict(context)))
        try:
            return json.loads(json.dumps(found, allow_nan=False))
        except (TypeError, ValueError, RecursionError):
            reason = (
                f"it returned a Python {type(found).__name__} that JSON cannot hold, and so no checkpoint"
            )
            raise self._refused("next_page", reason) from None

    def after_run(self, summary: Mapping[str, Any], context: Context) -> None:
        """Tell `after_run` how the run went."""
        self._call("after_run", dict(summary), deepcopy(dict(context)))

    def _change(self, stage: str, view: Any, context: Context) -> None:
        returned = self._call(stage, view, deepcopy(dict(context)))
        if returned is not None and returned is not view:
            reason = f"it returned a Python {type(returned).__name__}; change the request that it is given"
            raise self._refused(stage, reason)

    def _call(self, stage: str, given: Any, context: dict[str, Any]) -> Any:
        function = self._functions[stage]
        try:
            with speaking(self._redact):
                return function.call(given, context)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it does, a run ends with one message
            place, told = failure(error, function.file, function.path)
            raise HookError(self._redact(f"hook {stage} ({place}): {told}")) from None

    def _refused(self, stage: str, reason: str) -> HookError:
        return HookError(self._redact(f"hook {stage} ({self._functions[stage].file}): {reason}"))

    def _learn(self, credentials: list[tuple[str, str]], redactor: Redactor) -> None:
        for name, value in credentials:
            held = is_sensitive_name(name) or len(value) >= _LONG
            if held and self._learned[name] < _LEARNED and not redactor.exposes(value):
                self._learned[name] += 1
                redactor.add(value, value.rpartition(" ")[2])


NO_HOOKS = Hooks({}, "", str)
