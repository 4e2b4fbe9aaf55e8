"""Judges answers by the connector's error rules: those of the sync first, then those of the connector."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from syncrun.config.error_rules import ErrorRule
from syncrun.errors import EvaluationError, ResponseError
from syncrun.expressions.compile import compile_expression, is_true
from syncrun.expressions.functions import DEFAULT, Functions
from syncrun.expressions.template import parse_template
from syncrun.http.messages import Response
from syncrun.http.verdicts import Verdict

Decode = Callable[[Response], Any]
_SUCCESS = range(200, 300)


class ErrorRules:
    """The rules in the order in which they are asked, each with its name for messages, and `retry.wait_body`.

    *decode* reads good answers. Bodies of errors are JSON where they can be, whatever the sync reads, else
    what *decode* makes of them, else text.
    """

    def __init__(
        self,
        rules: Sequence[tuple[str, ErrorRule]],
        decode: Decode,
        *,
        decode_json: Decode,
        wait_body: str | None = None,
        functions: Functions = DEFAULT,
    ) -> None:
        self._rules = [(name, rule, _compiled(rule.when, functions)) for name, rule in rules]
        self._decode, self._decode_json, self._functions = decode, decode_json, functions
        self._wait = _compiled(wait_body, functions)

    def judge(self, response: Response) -> Verdict | None:
        """Return what the first rule that matches says; None when none does.

        A rule that only warns ends no search.

        Raise EvaluationError for a `when` that cannot be evaluated on a good answer: it would otherwise pass
        for one. On an error it does not match, and the defaults tell what the API said.
        """
        warning: Verdict | None = None
        for name, rule, when in self._rules:
            only_warns = rule.then == "warn"
            if only_warns and (warning is not None or response.status not in _SUCCESS):
                continue
            if rule.covers(response.status) and (when is None or self._holds(name, when, response)):
                verdict = Verdict(rule.then, self._message(rule, response), name)
                if not only_warns:
                    return verdict
                warning = verdict
        return warning

    def wait(self, response: Response) -> Any:
        """Return what `retry.wait_body` finds; None when it finds nothing, or cannot be evaluated."""
        if self._wait is None:
            return None
        try:
            return self._wait(self._body(response))
        except EvaluationError:
            return None  # this body has another shape: the wait is then the usual one

    def _holds(self, name: str, when: Callable[[Any], Any], response: Response) -> bool:
        try:
            return is_true(when(self._seen(response)))
        except EvaluationError as error:
            if response.status in _SUCCESS:
                raise EvaluationError(f"{name}: {error.message}", hint=error.hint) from None
            return False

    def _message(self, rule: ErrorRule, response: Response) -> str:
        if rule.message is None:
            return ""
        try:
            value = parse_template(rule.message).render(self._seen(response), functions=self._functions)
        except EvaluationError:
            return ""  # the start of the answer is told instead
        return "" if value is None else " ".join(str(value).split())

    def _seen(self, response: Response) -> dict[str, Any]:
        return {
            "body": self._body(response),
            "headers": dict(response.headers),
            "status": response.status,
        }

    def _body(self, response: Response) -> Any:
        if response.status in _SUCCESS:
            return self._decode(response)
        if "error" not in response.memo:
            response.memo["error"] = self._read_error(response)
        return response.memo["error"]

    def _read_error(self, response: Response) -> Any:
        for decode in (self._decode_json, self._decode):
            try:
                return decode(response)
            except ResponseError:
                continue
        return response.content.decode("utf-8", "replace")


def _compiled(expression: str | None, functions: Functions) -> Callable[[Any], Any] | None:
    return None if expression is None else compile_expression(expression, functions=functions)
