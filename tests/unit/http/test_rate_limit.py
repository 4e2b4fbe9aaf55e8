"""The schedule that a rate limit makes, on a simulated clock; and that threads and processes share it."""

from __future__ import annotations

import multiprocessing
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncrun.http.client import Client
from syncrun.http.messages import Request
from syncrun.http.rate_limit import Limits, RateLimiter, is_alive, this_process
from syncrun.http.redact import Redactor
from tests.api import Api

START = 1_714_564_800.0


class Clock:
    """A time that moves only by sleeping."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.time += seconds


def limiter(path: Path, clock: Clock, **options: Any) -> RateLimiter:
    names = {"process", "alive"}
    own = {name: value for name, value in options.items() if name in names}
    limits = Limits(**{name: value for name, value in options.items() if name not in names})
    return RateLimiter(path, limits, now=clock.now, sleep=clock.sleep, **own)


def times(one: RateLimiter, clock: Clock, count: int) -> list[float]:
    found = []
    for _ in range(count):
        with one.turn():
            found.append(clock.time - START)
    return found


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_tokens_come_back_one_by_one(tmp_path: Path, clock: Clock) -> None:
    one = limiter(tmp_path / "a.rate", clock, requests=3, per=60)
    assert times(one, clock, 2) == [0, 0]
    clock.sleep(20)
    assert times(one, clock, 5) == [20, 60, 60, 80, 120]


@settings(max_examples=50)
@given(
    requests=st.integers(1, 7),
    per=st.floats(0.01, 3600),
    pauses=st.lists(st.floats(0, 5000), max_size=40),
)
def test_no_stretch_of_time_sees_more_than_the_limit(
    tmp_path_factory: pytest.TempPathFactory, requests: int, per: float, pauses: list[float]
) -> None:
    clock = Clock()
    one = limiter(tmp_path_factory.mktemp("rate") / "a.rate", clock, requests=requests, per=per)
    sent = []
    for pause in pauses:
        clock.time += pause
        sent += times(one, clock, 1)
    one.close()
    assert all(later - earlier >= per - 1e-6 for earlier, later in zip(sent, sent[requests:], strict=False))
    assert sent[:requests] == pytest.approx(
        [sum(pauses[: n + 1]) for n in range(len(sent[:requests]))], abs=1e-3
    )


def test_those_who_share_a_file_share_its_tokens(tmp_path: Path, clock: Clock) -> None:
    one, two = (limiter(tmp_path / "a.rate", clock, requests=2, per=10) for _ in range(2))
    other = limiter(tmp_path / "b.rate", clock, requests=2, per=10)
    assert times(one, clock, 1) + times(two, clock, 1) == [0, 0]
    assert times(other, clock, 1) == [0]
    assert times(one, clock, 1) + times(two, clock, 2) == [10, 10, 20]


def test_a_turn_tells_how_long_it_was_waited_for(tmp_path: Path, clock: Clock) -> None:
    one = limiter(tmp_path / "a.rate", clock, requests=1, per=10)
    with one.turn() as waited:
        assert waited == 0
    clock.sleep(4)
    with one.turn() as waited:
        assert waited == 6


@pytest.mark.parametrize(
    ("reset", "wait"),
    [
        ("90", 90),
        (str(int(START) + 90), 90),
        (str(int(START + 90) * 1000), 90),
        ("Wed, 01 May 2024 12:01:30 GMT", 90),
        ("0", 0),
        ("soon", 0),
        ("", 0),
        ("99999999", 86_400),
    ],
)
def test_when_none_are_left_all_wait_until_the_reset(
    tmp_path: Path, clock: Clock, reset: str, wait: float
) -> None:
    limits = {"remaining_header": "x-left", "reset_header": "x-reset"}
    one, two = (limiter(tmp_path / "a.rate", clock, **limits) for _ in range(2))
    one.learn({"x-left": "1", "x-reset": "500"})
    one.learn({"x-reset": "500"})
    assert times(two, clock, 1) == [0]
    one.learn({"x-left": "0", "x-reset": reset})
    assert times(two, clock, 2) == [wait, wait]


def test_who_is_told_to_wait_while_waiting_waits_on(tmp_path: Path, clock: Clock) -> None:
    one = limiter(
        tmp_path / "a.rate", clock, requests=1, per=10, remaining_header="left", reset_header="reset"
    )
    sleep, told = clock.sleep, []

    def sleep_and_be_told(seconds: float) -> None:
        sleep(seconds)
        if not told:
            told.append(one.learn({"left": "0", "reset": "30"}))

    one._sleep = sleep_and_be_told
    assert times(one, clock, 2) == [0, 40]


def test_a_file_of_other_limits_or_a_damaged_one_is_begun_anew(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "a.rate"
    assert times(limiter(path, clock, requests=1, per=10), clock, 1) == [0]
    assert times(limiter(path, clock, requests=2, per=10), clock, 2) == [0, 0]
    path.write_bytes(b"not a rate file" * 99)
    assert times(limiter(path, clock, requests=2, per=10), clock, 2) == [0, 0]


def test_a_clock_that_was_set_back_stops_nobody(tmp_path: Path, clock: Clock) -> None:
    one = limiter(tmp_path / "a.rate", clock, requests=1, per=10)
    times(one, clock, 1)
    clock.time -= 1_000_000
    assert times(one, clock, 1) == [-1_000_000]


def test_places_of_processes_that_ended_are_free(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "a.rate"
    crashed = limiter(path, clock, concurrency=1, process=(123, 4.0))
    held = crashed.turn()
    held.__enter__()
    alive = [True, True, False]
    other = limiter(path, clock, concurrency=1, process=(124, 5.0), alive=lambda _: alive.pop(0))
    assert times(other, clock, 1) == pytest.approx([0.1])


def test_this_process_is_alive_and_one_that_began_at_another_time_is_not() -> None:
    pid, began = this_process()
    assert is_alive((pid, began))
    assert not is_alive((pid, began - 1))
    assert not is_alive((2**22 + 1, began))


def test_concurrency_bounds_the_threads_of_several_limiters(tmp_path: Path) -> None:
    limiters = [RateLimiter(tmp_path / "a.rate", Limits(concurrency=2)) for _ in range(2)]
    under_way, most, lock = 0, 0, threading.Lock()

    def work(one: RateLimiter) -> None:
        nonlocal under_way, most
        for _ in range(5):
            with one.turn():
                with lock:
                    under_way += 1
                    most = max(most, under_way)
                time.sleep(0.001)
                with lock:
                    under_way -= 1

    threads = [threading.Thread(target=work, args=(limiters[n % 2],)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 2


def _count(path: Path, results: Any) -> None:
    one = RateLimiter(path, Limits(requests=4, per=3600.0), sleep=_give_up)
    sent = 0
    try:
        for _ in range(4):
            with one.turn():
                sent += 1
    except TimeoutError:
        pass
    results.put(sent)


def _give_up(_seconds: float) -> None:
    raise TimeoutError


def test_processes_share_the_tokens(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    results = spawn.Queue()
    workers = [spawn.Process(target=_count, args=(tmp_path / "a.rate", results)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert results.get() + results.get() == 4


def test_the_client_keeps_the_limits_in_retries_and_redirects_too(tmp_path: Path, clock: Clock) -> None:
    log: list[Any] = []
    one = limiter(tmp_path / "a.rate", clock, requests=1, per=10)
    with (
        Api() as api,
        Client(
            base_url=api.url,
            redactor=Redactor(),
            limits=[one],
            now=clock.now,
            sleep=clock.sleep,
            random=lambda: 1.0,
            log=log.append,
        ) as client,
    ):
        api.on("GET /x", status=503).on("GET /x", redirect="/y").on("GET /y", json=[])
        client.send(Request("GET", f"{api.url}/x"))
    assert [(each.status, each.wait, each.queued) for each in log] == [
        (503, 1.0, 0.0),
        (302, 0.0, 9.0),
        (200, 0.0, 10.0),
    ]
    assert clock.time == START + 20
