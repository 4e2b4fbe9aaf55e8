"""Session auth: a login request whose answer gives what later requests carry."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from pydantic import ValidationError

from syncrun.errors import CredentialError
from syncrun.http.messages import Request
from tests.kinds.auth_bench import Bench, load

ITEMS = Request("GET", "https://api.test/items")
CONFIG = {"user": "me", "password": "pass-word-1"}
LOGIN = {"path": "/login", "json": {"user": "${config.user}", "password": "${config.password}"}}
TOKEN = {"type": "session", "request": LOGIN, "token": "data.token"}
COOKIE = {"type": "session", "request": {"path": "login", "form": LOGIN["json"]}, "cookie": "sid"}
HEADER = {"type": "session", "request": LOGIN, "token_header": "X-Auth-Token", "name": "X-Auth-Token"}


class Server:
    """Hands out numbered sessions and takes only the last one."""

    def __init__(self, login: httpx.Response | None = None) -> None:
        self.number = 0
        self.login = login
        self.seen: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/login":
            return self.login or self.log_in(request)
        found = request.headers.get("x-auth-token") or request.headers.get("cookie", "").removeprefix("sid=")
        found = found or request.headers.get("authorization", "").removeprefix("Bearer ")
        self.seen.append(found)
        return httpx.Response(200 if found == f"session-{self.number}" else 401, json=[])

    def log_in(self, request: httpx.Request) -> httpx.Response:
        form = "form" in request.headers["content-type"]
        given = dict(parse_qsl(request.content.decode())) if form else json.loads(request.content)
        assert given == {"user": "me", "password": "pass-word-1"}
        self.number += 1
        session = f"session-{self.number}"
        cookies = [
            ("Set-Cookie", "lang=de; Expires=Wed, 21 Oct 2026 07:28:00 GMT"),
            ("Set-Cookie", f"sid={session}; Path=/"),
        ]
        headers = [("X-Auth-Token", session), *cookies, ("Location", "/home")]
        return httpx.Response(302 if form else 200, headers=headers, json={"data": {"token": session}})


@pytest.mark.parametrize("sample", [TOKEN, COOKIE, HEADER], ids=["token", "cookie", "header"])
def test_one_login_serves_until_a_401_and_then_another(sample: dict[str, Any]) -> None:
    server = Server()
    place = Bench(CONFIG, server)
    client = place.client(sample)
    client.send(ITEMS)
    client.send(ITEMS)
    server.number += 1  # the server forgets its sessions
    client.send(ITEMS)

    assert server.seen == ["session-1", "session-1", "session-1", "session-3"]
    assert place.asked.count("POST api.test/login") == 2
    assert place.redactor.exposes("session-3")


def test_a_known_lifetime_renews_the_session_in_time() -> None:
    server = Server()
    place = Bench(CONFIG, server)
    client = place.client({**TOKEN, "lifetime": "30m"})
    client.send(ITEMS)
    place.time += 1790
    client.send(ITEMS)

    assert server.seen == ["session-1", "session-2"]


def test_a_session_goes_where_it_belongs() -> None:
    place = Bench(CONFIG, Server())
    with pytest.raises(Exception, match="401"):
        place.client({**TOKEN, "in": "query", "name": "sid"}).send(ITEMS)

    assert place.requests[1].url.query == b"sid=session-2"


@pytest.mark.parametrize(
    ("sample", "login", "message"),
    [
        (
            TOKEN,
            httpx.Response(401, json={"error": "bad pass-word-1"}),
            (
                'no session for acme: POST https://api.test/login: 401: {"error":"bad ***"}\n'
                "  hint: check the credentials of this connection"
            ),
        ),
        (
            TOKEN,
            httpx.Response(200, json={"data": None}),
            "no session for acme: the answer of POST https://api.test/login has no data.token",
        ),
        (
            TOKEN,
            httpx.Response(200, html="<h1>Hi</h1>"),
            "no session for acme: the answer of POST https://api.test/login has no data.token",
        ),
        (
            COOKIE,
            httpx.Response(200),
            "no session for acme: the answer of POST https://api.test/login has no cookie sid",
        ),
        (
            HEADER,
            httpx.Response(200),
            "no session for acme: the answer of POST https://api.test/login has no header X-Auth-Token",
        ),
    ],
)
def test_a_refused_login_is_one_clear_message(
    sample: dict[str, Any], login: httpx.Response, message: str
) -> None:
    with pytest.raises(CredentialError) as caught:
        Bench(CONFIG, Server(login)).client(sample).send(ITEMS)

    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        ({"type": "session", "request": LOGIN}, "give one of token, token_header and cookie"),
        ({**TOKEN, "cookie": "sid"}, "give one of token, token_header and cookie"),
        ({**COOKIE, "name": "X"}, "a cookie is sent as it was set"),
        ({**TOKEN, "request": {"json": {}}}, "give path or url"),
        ({**TOKEN, "request": {"path": "/a", "url": "https://x.test"}}, "give path or url, not both"),
        ({**TOKEN, "request": {"path": "/a", "json": {}, "text": "x"}}, "give one of json, form and text"),
    ],
)
def test_keys_must_fit_together(sample: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        load(sample)
