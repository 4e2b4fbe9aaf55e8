"""When a request is sent again, and after how long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncrun.http.failures import Failure
from syncrun.http.messages import Request
from syncrun.http.retry import RetryPolicy, should_retry, wait_before

NOW = 1_714_564_800.0  # 2024-05-01T12:00:00Z
POLICY = RetryPolicy()

read = Request("GET", "https://api.example.com/items")
write = Request("POST", "https://api.example.com/items", json={})
search = Request("POST", "https://api.example.com/search", json={}, retry_safe=True)


def wait(header: str | None, attempt: int = 2, *, random: float = 0.5, policy: RetryPolicy = POLICY) -> float:
    headers = {} if header is None else {"retry-after": header}
    return wait_before(attempt, headers, NOW, policy, lambda: random)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.5),  # the back-off goes on
        ("0.2", 0.5),
        (" 2.5 ", 2.5),
        ("Wed, 01 May 2024 12:00:30 GMT", 30.0),
        ("Wednesday, 01-May-24 12:00:30 GMT", 30.0),
        ("Wed, 01 May 2024 11:00:00 GMT", 0.5),  # already over
        ("Wed, 01 May 2024 14:00:10 +0200", 10.0),
        ("1714564842", 42.0),  # epoch seconds
        ("1714564842500", 42.5),  # epoch milliseconds
        ("86400", 300.0),  # no longer than max_wait
    ],
)
def test_r20_waits_as_long_as_retry_after_says(header: str, seconds: float) -> None:
    assert wait(header) == pytest.approx(seconds)


def test_r20_retry_after_0_never_switches_the_back_off_off() -> None:
    assert [wait("0", attempt) for attempt in (2, 3, 4, 5, 6)] == [0.5, 1.0, 2.0, 4.0, 8.0]
    assert [wait("3", attempt) for attempt in (2, 3, 4, 5, 6)] == [3.0, 3.0, 3.0, 4.0, 8.0]


@pytest.mark.parametrize("header", [None, "", "soon", "-5", "nan", "inf", "1_0", "99 bottles", "Wed, 99 May"])
def test_r20_without_a_usable_header_the_wait_is_half_of_the_exponential_at_half_luck(
    header: str | None,
) -> None:
    assert [wait(header, attempt) for attempt in (2, 3, 4, 5, 6)] == [0.5, 1.0, 2.0, 4.0, 8.0]


@given(
    attempt=st.integers(1, 10_000),
    header=st.none() | st.text(max_size=20) | st.integers().map(str) | st.floats().map(str),
    luck=st.floats(0, 1),
    base=st.floats(0, 1e6),
    max_wait=st.floats(0, 1e6),
)
def test_r20_every_wait_is_between_zero_and_the_maximum(
    attempt: int, header: str | None, luck: float, base: float, max_wait: float
) -> None:
    policy = RetryPolicy(base=base, max_wait=max_wait)

    assert 0 <= wait(header, attempt, random=luck, policy=policy) <= max_wait


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_reading_requests_are_retried_after_a_passing_problem(status: int) -> None:
    assert should_retry(status, read)
    assert should_retry(status, search)


@pytest.mark.parametrize("status", [200, 304, 400, 401, 403, 404, 409, 410, 422, 501, 505])
def test_other_statuses_are_final(status: int) -> None:
    assert not should_retry(status, read)


@pytest.mark.parametrize("status", [408, 425, 500, 502, 503, 504])
def test_a_request_that_writes_is_not_sent_twice(status: int) -> None:
    assert not should_retry(status, write)


def test_too_many_requests_means_nothing_was_done_so_even_a_write_is_sent_again() -> None:
    assert should_retry(429, write)


def test_a_write_is_sent_again_only_when_it_never_reached_the_server() -> None:
    assert should_retry(Failure("connection refused", sent=False), write)
    assert not should_retry(Failure("connection reset"), write)
    assert should_retry(Failure("connection reset"), read)
    assert not should_retry(Failure("bad certificate", temporary=False, sent=False), read)
