"""Searches that give so many records and no more: a read goes on with another from where one has ended.

The list is declared to be ordered by the cursor, so that the last record tells where that is. Where more
records than a search gives have the same cursor value, `tie_break` names the field that orders them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from syncrun.config.sync import Incremental, Sync
from syncrun.engine.cursors import render
from syncrun.engine.walk import Fetch
from syncrun.expressions.compile import compile_expression
from syncrun.paginators.base import End, Page
from syncrun.wording import counted

Position = tuple[Any, Any]
"""The cursor value of the last record of a search, and the one of its `tie_break`."""


class Searches(Struct, frozen=True):
    """How the searches after the first are made: with *fetch*, which asks for what comes after a cursor."""

    fetch: Fetch
    incremental: Incremental
    tie_break: str | None

    def tie_of(self, page: Page) -> Any:
        """Return what orders the last record of *page* among those with the same cursor value."""
        if self.tie_break is None or not page.records:
            return None
        return compile_expression(self.tie_break)(page.records[-1])

    def after(self, position: Position, context: Mapping[str, Any]) -> dict[str, Any]:
        """Return the template *context* of the search from *position* on."""
        plain = self.incremental.model_copy(update={"lookback": None})
        return {**context, "cursor": render(plain, position[0], context), "cursor_tie": position[1]}

    def next(self, position: Position, context: Mapping[str, Any]) -> dict[str, Any] | End:
        """Return the context of the search after that of *context*, which ended at *position*, or its end."""
        most = counted(self.incremental.cap or 0, "record")
        so_many = f"the search gave {most}, and gives no more"
        if self.incremental.order != "ascending":
            hint = "sort the search by the cursor, and say so: `incremental: {order: ascending}`"
            return End(complete=False, reason=f"{so_many}; others may follow", hint=hint)
        following = self.after(position, context)
        places = ("cursor", "cursor_tie")
        if position[0] is None or all(following[name] == context.get(name) for name in places):
            hint = (
                "`incremental: {tie_break: id}` goes on within them, with ${cursor_tie} in its request"
                if self.tie_break is None
                else "the request has to ask for what comes after ${cursor_tie}"
            )
            reason = f"{so_many}, although more than that have the cursor {following['cursor']}"
            return End(complete=False, reason=reason, hint=hint)
        return following


def searches_of(sync: Sync, fetch: Fetch) -> Searches | None:
    """Return how *sync* goes on after a search that gave all that it gives; None when nothing limits it."""
    incremental = sync.incremental
    if incremental is None or incremental.cap is None or incremental.window is not None:
        return None
    name = incremental.tie_break
    spec = (sync.field_specs or {}).get(name) if name is not None else None
    path = spec.path if spec is not None else name and json.dumps(name)
    return Searches(fetch, incremental, path)
