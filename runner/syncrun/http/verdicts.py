"""What a connector's own rules make of an answer, before the client's defaults are asked."""

from __future__ import annotations

from typing import Any, Literal, Protocol

from msgspec import Struct

from syncrun.http.messages import Response

Action = Literal["retry", "skip", "empty", "fail", "reset", "refresh_auth", "warn"]
"""Send it again; do without it; take it for an answer without records; give up; start over without a cursor;
get a new token and send it again; use it, and tell."""


class Verdict(Struct, frozen=True):
    """The rule that matches an answer: what to do, and *message*, told in place of the answer's start.

    *rule* names it as the connector file does: `errors[0]`.
    """

    then: Action
    message: str = ""
    rule: str = "errors"


class Judge(Protocol):
    """Looks at every answer, good ones too; called in the thread that sends."""

    def judge(self, response: Response) -> Verdict | None:
        """Return what the first matching rule says of *response*; None when no rule matches."""

    def wait(self, response: Response) -> Any:
        """Return what the body says about when to come back, as number or text; None when it says nothing."""
