"""How long a project keeps what is no longer news (`syncrun prune`).

retention: {payload_after: 180d, idle_sync_after: 90d, run_logs: 90d}
"""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from syncrun.config.base import Duration, YamlModel
from syncrun.expressions.durations import parse_duration


class RetentionRule(YamlModel):
    """What `syncrun prune` lets go; nothing goes by itself."""

    payload_after: Duration | None = Field(
        None, description="Empty the fields of records that have not changed for so long; they stay records."
    )
    idle_sync_after: Duration | None = Field(
        None, description="Remove everything of syncs that have not run for so long and are not paused."
    )
    run_logs: Duration | None = Field(
        None, description="Remove runs, their requests and messages, and quarantined records, after so long."
    )


def before(length: str | None, now: datetime) -> datetime | None:
    """Return the time that lies *length* before *now*; None without one."""
    return None if length is None else now - parse_duration(length)
