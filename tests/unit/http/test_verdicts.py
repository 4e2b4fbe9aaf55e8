"""What the client makes of a connector's own rules about answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from syncrun.errors import RequestError
from syncrun.http.client import Client, Exchange
from syncrun.http.messages import Request, Response
from syncrun.http.redact import Redactor
from syncrun.http.retry import RetryPolicy
from syncrun.http.verdicts import Action, Verdict
from tests.api import Answer, Api, Received


class Rules:
    """Says *verdict* of every answer that *matches*; *asked* is what bodies say about the wait."""

    def __init__(self, then: Action, matches: Callable[[Response], bool], message: str = "") -> None:
        self.verdict, self.matches = Verdict(then, message, "errors[0]"), matches
        self.asked: Any = None

    def judge(self, response: Response) -> Verdict | None:
        return self.verdict if self.matches(response) else None

    def wait(self, response: Response) -> Any:
        return self.asked


def not_ok(response: Response) -> bool:
    return b"false" in response.content


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as server:
        yield server


@pytest.fixture
def log() -> list[Exchange]:
    return []


@pytest.fixture
def client(api: Api, log: list[Exchange]) -> Iterator[Callable[..., Client]]:
    opened: list[Client] = []

    def open_client(**options: Any) -> Client:
        settings = {"sleep": lambda _: None, "random": lambda: 1.0, "log": log.append, "timeout": 5.0}
        redactor = Redactor(["hunter22"])
        opened.append(Client(**{"base_url": api.url, "redactor": redactor, **settings, **options}))
        return opened[-1]

    yield open_client
    for each in opened:
        each.close()


Open = Callable[..., Client]


def error_of(client: Client, request: Request) -> RequestError:
    with pytest.raises(RequestError) as caught:
        client.send(request)
    return caught.value


def test_a_good_answer_may_be_an_error(api: Api, client: Open) -> None:
    api.on("GET /x", json={"ok": False, "error": "token hunter22 revoked"})

    error = error_of(client(judge=Rules("fail", not_ok)), Request("GET", f"{api.url}/x"))

    assert str(error) == (
        f'GET {api.url}/x: 200: {{"ok": false, "error": "token *** revoked"}}\n'
        "  hint: errors[0] takes this answer for an error"
    )
    assert (error.status, error.then, len(api.requests)) == (200, "fail", 1)


def test_a_message_is_told_in_place_of_the_body_without_secrets(api: Api, client: Open) -> None:
    api.on("GET /x", status=404, text="<html>")

    error = error_of(
        client(judge=Rules("skip", lambda _: True, "hunter22 is gone")), Request("GET", f"{api.url}/x")
    )

    assert (error.message, error.then) == (f"GET {api.url}/x: 404: *** is gone", "skip")


def test_r20_a_rule_retries_what_would_pass(api: Api, client: Open, log: list[Exchange]) -> None:
    api.on("GET /x", json={"ok": False}, times=2).on("GET /x", json={"ok": True})

    response = client(judge=Rules("retry", not_ok)).send(Request("GET", f"{api.url}/x"))

    assert (response.content, response.attempts) == (b'{"ok": true}', 3)
    assert [(each.status, each.wait, each.reason) for each in log] == [
        (200, 1.0, "errors[0]: retry"),
        (200, 2.0, "errors[0]: retry"),
        (200, 0.0, ""),
    ]


def test_r20_retries_of_a_rule_are_used_up_too(api: Api, client: Open) -> None:
    api.on("GET /x", status=400, json={"ok": False})
    rules, policy = Rules("retry", not_ok, "busy"), RetryPolicy(attempts=3)

    error = error_of(client(judge=rules, retry=policy), Request("GET", f"{api.url}/x"))

    assert str(error) == f"GET {api.url}/x: 400 after 3 attempts: busy"
    assert len(api.requests) == 3


def test_r20_a_request_that_writes_is_not_sent_twice_by_a_rule(api: Api, client: Open) -> None:
    api.on("POST /x", json={"ok": False}).on("POST /x", json={"ok": True})
    api.on("POST /busy", status=429, json={"ok": False}).on("POST /busy", json={})
    one = client(judge=Rules("retry", not_ok))

    error = error_of(one, Request("POST", f"{api.url}/x", json={}))
    one.send(Request("POST", f"{api.url}/x", json={}, retry_safe=True))
    one.send(Request("POST", f"{api.url}/busy", json={}))

    assert error.hint == "a request that writes is sent again only with retry_safe: true"
    assert [len(api.asked(path)) for path in ("/x", "/busy")] == [2, 2]


def test_a_rule_can_end_what_the_defaults_retry(api: Api, client: Open) -> None:
    api.on("GET /x", status=503, text="down for good")

    error = error_of(client(judge=Rules("fail", lambda _: True)), Request("GET", f"{api.url}/x"))

    assert str(error) == f"GET {api.url}/x: 503: down for good"
    assert len(api.requests) == 1


@pytest.mark.parametrize(
    ("headers", "asked", "wait"),
    [
        ({"X-Wait": "7"}, None, 7.0),
        ({"X-Wait": "7", "Retry-After": "3"}, 5, 7.0),
        ({"X-Wait": "1714564830", "Retry-After": "3"}, 5, 30.0),
        ({"X-Wait": "1714564812500"}, "10", 12.5),
        ({"Retry-After": "Wed, 01 May 2024 12:00:20 GMT"}, 1.5, 20.0),
        ({}, 2.5, 2.5),
        ({}, 1714564842.5, 42.5),
        ({}, 1714564842000, 42.0),
        ({}, "2 seconds", 1.0),
        ({}, True, 1.0),
        ({}, {"a": 1}, 1.0),
        ({}, 9999, 300.0),
    ],
)
def test_r20_the_longest_wait_that_the_answer_asks_for_counts(
    api: Api, client: Open, log: list[Exchange], *, headers: dict[str, str], asked: Any, wait: float
) -> None:
    api.on("GET /x", status=429, headers=headers).on("GET /x", json=[])
    rules = Rules("fail", lambda _: False)
    rules.asked = asked
    policy = RetryPolicy(wait_headers=("x-wait",))

    client(judge=rules, retry=policy, now=lambda: 1_714_564_800.0).send(Request("GET", f"{api.url}/x"))

    assert log[0].wait == pytest.approx(wait)


class Renewable(httpx.Auth):
    """A token that can be replaced by a newer one."""

    def __init__(self) -> None:
        self.version = 1

    def refresh(self) -> bool:
        self.version += 1
        return True

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:  # type: ignore[override]
        request.headers["Authorization"] = f"token {self.version}"
        yield request


def test_a_rule_gets_a_new_token_once(api: Api, client: Open) -> None:
    def answer(request: Received) -> Answer:
        return Answer(json={"ok": request.headers["authorization"] == "token 2"})

    api.on("POST /x", answer).on("GET /never", json={"ok": False})
    rules = Rules("refresh_auth", not_ok)

    response = client(judge=rules, auth=Renewable()).send(Request("POST", f"{api.url}/x", json={}))
    error = error_of(client(judge=rules, auth=Renewable()), Request("GET", f"{api.url}/never"))

    assert (response.content, response.attempts) == (b'{"ok": true}', 2)
    assert str(error) == (
        f'GET {api.url}/never: 200 after 2 attempts: {{"ok": false}}\n'
        "  hint: there is no newer credential to try"
    )


def test_without_anything_to_renew_the_answer_is_an_error(api: Api, client: Open) -> None:
    api.on("GET /x", json={"ok": False})

    error = error_of(client(judge=Rules("refresh_auth", not_ok)), Request("GET", f"{api.url}/x"))

    assert error.hint == "there is no newer credential to try"
    assert len(api.requests) == 1
