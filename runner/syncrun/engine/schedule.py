"""When syncs are due: a pure function of their schedule, their history and the present time.

The slots of an interval are its multiples since 1970 in UTC, whenever the last run ended, so that a sync of
`every: 1h` runs once an hour and never drifts. Slots that were missed are made up for by one run. The slots
of a connection come a little later than the multiples, by its own share of a minute at most, so that the
connections of a project do not all begin in the same second.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

from syncrun.config.schedule import Schedule
from syncrun.stores.values.ids import SyncId

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_DELAY = timedelta(seconds=60)
_DELAY_SHARE = 20  # a delay is at most this part of the interval
GRACE = timedelta(minutes=5)
"""How long after its second missed slot a sync counts as late."""

State = Literal["scheduled", "due", "paused", "waiting", "disabled", "unscheduled"]


class History(Struct, frozen=True):
    """When the newest run of a sync began, and the read that was ok; *paused* is what was last asked for.

    *paused* is None when nobody ever paused or resumed the sync. *again* tells that the newest run finished
    what an earlier one had begun to read, part of which is therefore old.
    """

    last: datetime | None = None
    fresh: datetime | None = None
    paused: bool | None = None
    again: bool = False


class Standing(Struct, frozen=True):
    """How a sync stands. *next* is its next slot, the present when it is due, None when it has none."""

    state: State
    next: datetime | None = None
    late: bool = False


def standing(
    sync: SyncId,
    schedule: Schedule | None,
    history: History,
    now: datetime,
    *,
    enabled: bool = True,
    auto_start: bool = True,
) -> Standing:
    """Return how *sync* stands at *now*.

    It is due when no run has begun since its last slot, also when that run failed: the next slot tries again.
    It is due at once when the last run finished a read that an earlier one had begun.
    It is late when no run that ended well has begun since the slot before, for longer than `GRACE`.
    """
    if not enabled:
        return Standing("disabled")
    if history.paused:
        return Standing("paused")
    if history.last is None and not auto_start and history.paused is None:
        return Standing("waiting")
    if schedule is None:
        return Standing("unscheduled")
    late = _is_late(sync, schedule, history.fresh, now)
    if history.again or history.last is None or history.last < previous_slot(sync, schedule, now):
        return Standing("due", now, late)
    return Standing("scheduled", next_slot(sync, schedule, now), late)


def previous_slot(sync: SyncId, schedule: Schedule, at: datetime) -> datetime:
    """Return the newest slot that is not after *at*."""
    if schedule.every is None:
        return _cron_before(schedule, at)
    delay = _delay(sync, schedule.every)
    return _EPOCH + (at - _EPOCH - delay) // schedule.every * schedule.every + delay


def next_slot(sync: SyncId, schedule: Schedule, at: datetime) -> datetime:
    """Return the first slot after *at*."""
    if schedule.every is None:
        return _cron_after(schedule, at)
    return previous_slot(sync, schedule, at) + schedule.every


def _is_late(sync: SyncId, schedule: Schedule, fresh: datetime | None, now: datetime) -> bool:
    if fresh is None:
        return True
    second = next_slot(sync, schedule, next_slot(sync, schedule, fresh))
    return now > second + GRACE


def _delay(sync: SyncId, every: timedelta) -> timedelta:
    """Return how much later than the multiples the slots are: the same for a connection, parents first."""
    name = f"{sync.connection}/{sync.connector}".encode()
    share = int.from_bytes(blake2b(name, digest_size=4).digest()) / (1 << 32)
    return min(every / _DELAY_SHARE, _LONGEST_DELAY) * share


def _slots(schedule: Schedule, start: datetime, *, reverse: bool = False) -> Iterator[datetime]:
    from cronsim import CronSim

    for slot in CronSim(schedule.cron, start.astimezone(ZoneInfo(schedule.timezone)), reverse):
        yield slot.astimezone(UTC)


def _cron_after(schedule: Schedule, at: datetime) -> datetime:
    # an hour that comes twice can begin with slots of its first coming
    return next(slot for slot in _slots(schedule, at) if slot > at)


def _cron_before(schedule: Schedule, at: datetime) -> datetime:
    backwards = _slots(schedule, at + timedelta(microseconds=1), reverse=True)
    found = next(slot for slot in backwards if slot <= at)
    for later in _slots(schedule, found):  # looking back in an hour that comes twice passes over its first
        if later > at:
            break
        found = max(found, later)
    return found
