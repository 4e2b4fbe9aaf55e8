"""When syncs are due: grids, missed slots, clocks that change; the present time is passed in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncrun.config.schedule import Schedule, parse_interval
from syncrun.engine.schedule import GRACE, History, Standing, next_slot, previous_slot, standing
from syncrun.stores.values.ids import SyncId

SYNC = SyncId("acme", "shop", "orders")
HOURLY = Schedule(every=timedelta(hours=1))
NOON = datetime(2024, 6, 1, 12, tzinfo=UTC)


def at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def cron(text: str, zone: str = "UTC") -> Schedule:
    return Schedule(cron=text, timezone=zone)


def slots(schedule: Schedule, start: datetime, end: datetime) -> list[datetime]:
    found = []
    while (start := next_slot(SYNC, schedule, start)) < end:
        found.append(start)
    return found


def simulate(schedule: Schedule, start: datetime, end: datetime, *, took: timedelta) -> list[datetime]:
    """When runs begin that a crontab line asks for every minute; one goes on for *took*."""
    runs, now, free = list[datetime](), start, start
    while now < end:
        last = runs[-1] if runs else None
        if now >= free and standing(SYNC, schedule, History(last, last), now).state == "due":
            runs.append(now)
            free = now + took
        now += minutes(1)
    return runs


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("15s", 15),
        ("15m", 900),
        ("1.5h", 5400),
        ("30d", 2592000),
        ("2w", 1209600),
        ("every hour", 3600),
        ("hour", 3600),
        ("every half hour", 1800),
        ("half an hour", 1800),
        ("Every day", 86400),
        ("every week", 604800),
        ("every 5 minutes", 300),
        ("every 15m", 900),
    ],
)
def test_intervals_are_numbers_or_words(text: str, seconds: int) -> None:
    assert parse_interval(text).total_seconds() == seconds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is no interval; write such as 15m, 1h, 7d or every hour"),
        ("h", "'h' is no interval; write such as 15m, 1h, 7d or every hour"),
        ("every blue moon", "'every blue moon' is no interval; write such as 15m, 1h, 7d or every hour"),
        ("500ms", "'500ms' is no interval; write such as 15m, 1h, 7d or every hour"),
        ("14s", "'14s' is out of range: from every 15s to every 30d"),
        ("31d", "'31d' is out of range: from every 15s to every 30d"),
        (
            "9999999999999w",
            "'9999999999999w' is out of range: from every 15s to every 30d",
        ),
    ],
)
def test_other_intervals_are_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"interval|range") as caught:
        parse_interval(text)
    assert str(caught.value) == message


def test_a_schedule_is_told_as_it_is_written() -> None:
    assert [
        str(Schedule(every=parse_interval(text))) for text in ("15s", "90s", "every hour", "36h", "2w")
    ] == [
        "every 15s",
        "every 90s",
        "every 1h",
        "every 36h",
        "every 14d",
    ]
    assert str(cron("0 6 * * *", "Europe/Berlin")) == "0 6 * * * (Europe/Berlin)"


def test_a_sync_that_never_ran_is_due_at_once_and_counts_as_late() -> None:
    assert standing(SYNC, HOURLY, History(), NOON) == Standing("due", NOON, late=True)


def test_a_sync_is_due_when_no_run_has_begun_since_its_slot() -> None:
    slot = previous_slot(SYNC, HOURLY, NOON + minutes(30))
    before, after = History(slot - minutes(1), slot - minutes(1)), History(slot, slot)
    now = NOON + minutes(30)
    assert standing(SYNC, HOURLY, before, now) == Standing("due", now)
    assert standing(SYNC, HOURLY, after, now) == Standing("scheduled", slot + timedelta(hours=1))


def test_slots_lie_on_a_grid_whenever_and_however_long_runs_go() -> None:
    runs = simulate(HOURLY, NOON + minutes(17), NOON + minutes(600), took=minutes(40))
    assert runs[0] == NOON + minutes(17)
    assert [run.replace(second=0) for run in runs[1:]] == [run.replace(minute=1) for run in runs[1:]]
    assert len(runs) == 10


def test_a_run_that_takes_longer_than_its_interval_is_followed_by_one_and_not_by_all_it_missed() -> None:
    runs = simulate(HOURLY, NOON, NOON + minutes(600), took=minutes(150))
    assert [later - earlier for earlier, later in pairwise(runs)] == [minutes(150)] * 3


def test_a_failed_run_is_tried_again_at_the_next_slot() -> None:
    slot = previous_slot(SYNC, HOURLY, NOON + minutes(30))
    failed = History(slot, fresh=slot - timedelta(hours=1))
    assert standing(SYNC, HOURLY, failed, slot + minutes(30)).state == "scheduled"
    assert standing(SYNC, HOURLY, failed, slot + minutes(60)).state == "due"


def test_a_sync_is_late_once_its_second_slot_and_the_grace_have_passed() -> None:
    fresh = previous_slot(SYNC, HOURLY, NOON + minutes(30))
    limit = fresh + timedelta(hours=2) + GRACE
    assert not standing(SYNC, HOURLY, History(fresh, fresh), limit).late
    assert standing(SYNC, HOURLY, History(fresh, fresh), limit + timedelta(seconds=1)).late
    retried = History(limit, fresh)  # runs go on, and none ends well
    assert standing(SYNC, HOURLY, retried, limit + timedelta(seconds=1)).late


def test_connections_come_one_after_the_other_within_a_minute_of_the_slot() -> None:
    delays = [
        previous_slot(SyncId(f"c{n}", "shop", "orders"), HOURLY, NOON + minutes(5)) - NOON for n in range(200)
    ]
    assert timedelta(0) <= min(delays) < timedelta(seconds=2)
    assert timedelta(seconds=58) < max(delays) < timedelta(seconds=60)
    assert len(set(delays)) == 200


def test_the_syncs_of_a_connection_come_together_parents_first() -> None:
    orders, lines = (next_slot(SyncId("acme", "shop", name), HOURLY, NOON) for name in ("orders", "lines"))
    assert orders == lines


def test_the_delay_of_a_short_interval_is_a_twentieth_of_it_at_most() -> None:
    every = Schedule(every=timedelta(seconds=15))
    assert all(
        previous_slot(SyncId(f"c{n}", "shop", "x"), every, NOON + timedelta(seconds=10)) - NOON
        < timedelta(seconds=0.75)
        for n in range(50)
    )


@pytest.mark.parametrize(
    ("history", "settings_", "state"),
    [
        (History(), {"enabled": False}, "disabled"),
        (History(paused=True), {}, "paused"),
        (History(), {"auto_start": False}, "waiting"),
        (History(paused=False), {"auto_start": False}, "due"),
        (History(NOON - timedelta(days=1)), {"auto_start": False}, "due"),
    ],
)
def test_pauses_and_auto_start_decide_whether_a_sync_is_due(
    history: History, settings_: dict[str, bool], state: str
) -> None:
    assert standing(SYNC, HOURLY, history, NOON, **settings_).state == state


def test_a_sync_without_a_schedule_is_never_due() -> None:
    assert standing(SYNC, None, History(), NOON) == Standing("unscheduled")


@pytest.mark.parametrize(
    ("zone", "day"), [("Europe/Berlin", "2025-03-30"), ("America/New_York", "2025-03-09")]
)
def test_a_daily_cron_in_the_hour_that_is_left_out_runs_right_after_it(zone: str, day: str) -> None:
    year = slots(cron("30 2 * * *", zone), at("2025-01-01", zone), at("2026-01-01", zone))
    local = [slot.astimezone(ZoneInfo(zone)) for slot in year]
    assert len({slot.date() for slot in local}) == len(local) == 365
    assert [f"{slot:%Y-%m-%d %H:%M}" for slot in local if (slot.hour, slot.minute) != (2, 30)] == [
        f"{day} 03:00"
    ]


@pytest.mark.parametrize(
    ("zone", "hour", "day"), [("Europe/Berlin", 2, "2025-10-26"), ("America/New_York", 1, "2025-11-02")]
)
def test_a_daily_cron_in_the_hour_that_comes_twice_runs_the_first_time(
    zone: str, hour: int, day: str
) -> None:
    year = slots(cron(f"30 {hour} * * *", zone), at("2025-01-01", zone), at("2026-01-01", zone))
    local = [slot.astimezone(ZoneInfo(zone)) for slot in year]
    assert len({slot.date() for slot in local}) == len(local) == 365
    [twice] = [slot for slot in local if f"{slot.date()}" == day]
    assert (twice.hour, twice.minute, twice.utcoffset()) == (hour, 30, local[200].utcoffset())


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
def test_a_cron_of_every_hour_runs_every_hour_of_a_year(zone: str) -> None:
    year = slots(cron("0 * * * *", zone), at("2025-01-01", zone) - minutes(1), at("2026-01-01", zone))
    assert len(year) == 365 * 24
    assert {later - earlier for earlier, later in pairwise(year)} == {timedelta(hours=1)}


def test_a_cron_of_weekdays_leaves_weekends_out() -> None:
    year = slots(cron("0 6 * * 1-5", "Europe/Berlin"), at("2025-01-01"), at("2026-01-01"))
    assert {slot.weekday() for slot in year} == {0, 1, 2, 3, 4}
    assert len(year) == 261


@settings(max_examples=150, deadline=None)
@given(
    zone=st.sampled_from(["Europe/Berlin", "America/New_York"]),
    text=st.sampled_from(["30 2 * * *", "*/20 1-3 * * *", "0 0 * * 0", "15,45 * * * *", "0 1,2,3 * * *"]),
    day=st.sampled_from(["2025-03-30", "2025-10-26", "2025-03-09", "2025-11-02", "2025-07-01"]),
    seconds=st.integers(0, 2 * 86400),
)
def test_a_moment_lies_between_its_slots(zone: str, text: str, day: str, seconds: int) -> None:
    schedule, now = cron(text, zone), at(day) + timedelta(seconds=seconds)
    before, after = previous_slot(SYNC, schedule, now), next_slot(SYNC, schedule, now)
    assert before <= now < after
    assert next_slot(SYNC, schedule, before) == after
    assert previous_slot(SYNC, schedule, after) == after
