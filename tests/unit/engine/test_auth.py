"""Auth in whole runs: chosen by config, renewed in the middle, and the end of a run when there is none."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.lab import Lab

OAUTH2 = """
config:
  token: {secret: true, optional: true}
  secret: {secret: true, optional: true}
auth:
  - {when: config.token, type: bearer, token: "${config.token}"}
  - when: config.secret
    type: oauth2
    grant: client_credentials
    token_url: https://auth.test/token
    client_id: me
    client_secret: ${config.secret}
syncs:
  items: {request: /items, key: id, fields: [id], records: items, pagination: {type: next_url, url: next}}
"""
CHILDREN = (
    OAUTH2
    + """
  children: {for_each: {sync: items, as: item}, request: "/items/${item.id}", key: id, fields: [id]}
"""
)


class Server:
    """Gives tokens that live for ten minutes, and one page a token when told so."""

    def __init__(self, lab: Lab, refusal: httpx.Response | None = None, *, one_page: bool = False) -> None:
        self.lab, self.refusal, self.one_page = lab, refusal, one_page
        self.tokens = 0
        self.used: list[str] = []
        lab.api = self

    def __call__(self, request: httpx.Request) -> Any:
        if request.url.host == "auth.test":
            self.tokens += 1
            token = {"access_token": f"token-{self.tokens:03}", "expires_in": 600}
            return self.refusal or httpx.Response(200, json=token)
        self.used.append(request.headers.get("authorization", ""))
        if self.used[-1] != f"Bearer token-{self.tokens:03}" and not self.used[-1].endswith("own-token"):
            return httpx.Response(401, json={})
        page = int(request.url.params.get("page", "1"))
        if self.one_page and page == 1:
            self.tokens += 1  # it is over in the middle of the list
        following = "/items?page=2" if page == 1 else None
        return (
            {"items": [{"id": page}], "next": following} if request.url.path == "/items" else [{"id": page}]
        )


def test_the_first_auth_whose_condition_holds_is_used(lab: Lab) -> None:
    lab.write(OAUTH2)
    server = Server(lab)
    assert lab.run(config={"token": "own-token", "secret": "s3cret-1"}).status == "ok"
    assert lab.run(config={"secret": "s3cret-1"}).status == "ok"

    assert server.used == ["Bearer own-token"] * 2 + ["Bearer token-001"] * 2


def test_a_config_that_no_auth_is_meant_for_is_told(lab: Lab) -> None:
    lab.write(OAUTH2)
    Server(lab)
    report = lab.run(config={})

    assert (report.status, report.message) == (
        "failed",
        "no entry of auth fits the config of the connection acme",
    )
    assert lab.requests == []


def test_r20_a_token_that_ends_in_mid_pagination_goes_unseen(lab: Lab) -> None:
    lab.write(OAUTH2)
    server = Server(lab, one_page=True)
    report = lab.run(config={"secret": "s3cret-1"})

    assert (report.status, report.changes.added) == ("ok", 2)
    assert server.used == ["Bearer token-001", "Bearer token-001", "Bearer token-003"]


@pytest.mark.parametrize("then", ["fail", "skip", "empty", "retry", "refresh_auth"])
def test_r20_a_token_that_ends_is_renewed_before_any_rule_is_asked(lab: Lab, then: str) -> None:
    lab.write(f"{OAUTH2}errors: [{{status: 401, then: {then}, message: refused}}]\n")
    server = Server(lab, one_page=True)
    report = lab.run(config={"secret": "s3cret"})
    assert (report.status, report.changes.added, server.tokens) == ("ok", 2, 3)


def test_r07_without_a_token_no_partition_is_taken_for_gone(lab: Lab) -> None:
    """A token endpoint that answers 404 says nothing about the parents, and one try is enough."""
    lab.write(CHILDREN)
    server = Server(lab)
    config = {"secret": "s3cret-1"}
    lab.run("items", config=config)
    lab.run("children", config=config)
    assert len(lab.live("children")) == 1
    server.refusal = httpx.Response(404, text="gone with s3cret-1")
    lab.requests.clear()
    report = lab.run("children", config=config)

    assert (report.status, report.message) == (
        "failed",
        "no token for acme: POST https://auth.test/token: 404: gone with ***",
    )
    assert lab.requests == ["POST /token"]
    assert len(lab.live("children")) == 1


def test_runs_of_one_command_share_their_token(lab: Lab) -> None:
    from syncrun.engine.batch import run_all
    from syncrun.engine.job import Job, Options, Runtime
    from syncrun.stores.values.ids import SyncId

    lab.write(CHILDREN)
    server = Server(lab)
    jobs = [
        Job(SyncId("acme", "lab", sync), lab.connector, {"secret": "s3cret-1"})
        for sync in ("items", "children")
    ]
    transport = httpx.MockTransport(lab._answer)
    runtime = Runtime(lab.store, lab.database, now=lab.clock.now, transport=transport, environ={})
    reports = run_all(jobs, Options(), runtime)

    assert [report.status for report in reports] == ["ok", "ok"]
    assert server.tokens == 1


def asked(lab: Lab) -> list[tuple[Any, ...]]:
    """Return what the request log tells: method, URL and status of each request."""
    return lab.rows("SELECT method, url, status FROM syncrun.requests ORDER BY seq")


def test_r20_log_ins_and_a_refused_token_are_in_the_request_log_without_secrets(lab: Lab) -> None:
    lab.write(OAUTH2.replace("https://auth.test/token", "https://auth.test/token?key=${config.secret}"))
    Server(lab, one_page=True)
    assert lab.run(config={"secret": "shh-secret"}).status == "ok"
    assert asked(lab) == [
        ("POST", "https://auth.test/token?key=***", 200),
        ("GET", "https://api.test/items", 200),
        ("GET", "https://api.test/items?page=2", 401),
        ("POST", "https://auth.test/token?key=***", 200),
        ("GET", "https://api.test/items?page=2", 200),
    ]


def test_r20_the_challenge_of_a_digest_is_in_the_request_log(lab: Lab) -> None:
    lab.write("""
        auth: {type: digest, username: me, password: a-password}
        syncs: {items: {request: /items, pagination: none, key: id, fields: [id]}}
    """)
    challenge = {"WWW-Authenticate": 'Digest realm="lab", nonce="n", qop="auth", algorithm=MD5'}
    lab.api = lambda request: (
        [] if "authorization" in request.headers else httpx.Response(401, headers=challenge)
    )
    assert lab.run().status == "ok"
    assert [status for _, _, status in asked(lab)] == [401, 200]


def test_r20_log_ins_keep_to_the_rate_limit_and_never_wait_for_their_own_request(lab: Lab) -> None:
    lab.write(f"rate_limit: {{requests: 2, per: 1m, concurrency: 1}}\n{OAUTH2}")
    Server(lab, one_page=True)
    assert lab.run(config={"secret": "shh-secret"}).status == "ok"
    sent = [at for (at,) in lab.rows("SELECT epoch(sent_at) FROM syncrun.requests ORDER BY seq")]
    assert len(sent) == 5
    assert all(later - earlier >= 60 for earlier, later in zip(sent, sent[2:], strict=False))


STEPS = """
config: {password: {secret: true}}
auth:
  type: session
  steps:
    - {request: {method: GET, path: /form}, keep: {csrf: body.token}}
    - {request: {path: /first, form: {csrf: "${vars.csrf}"}}, keep: {ticket: 'headers."x-ticket"'}}
  request: {path: /login, json: {password: "${config.password}", ticket: "${vars.ticket}"}}
  cookie: session
syncs: {items: {request: /items, pagination: none, key: id, fields: [id]}}
"""


def test_a_log_in_of_several_steps_carries_values_and_cookies_on(lab: Lab) -> None:
    seen: list[tuple[str, str, str]] = []

    def api(request: httpx.Request) -> Any:
        path = request.url.path
        seen.append((path, request.headers.get("cookie", ""), request.content.decode()))
        if path == "/form":
            return httpx.Response(
                200, json={"token": "csrf-12345"}, headers={"Set-Cookie": "pre=cookie-1; Path=/"}
            )
        if path == "/first":
            headers = [("X-Ticket", "ticket-12345"), ("Set-Cookie", "second=cookie-2")]
            return httpx.Response(302, headers=[*headers, ("Location", "/elsewhere")])
        if path == "/login":
            return httpx.Response(200, headers={"Set-Cookie": "session=issued-session; HttpOnly"})
        return []

    lab.write(STEPS)
    lab.api = api
    report = lab.run(config={"password": "a-password"})
    assert report.status == "ok", report.message
    assert seen == [
        ("/form", "", ""),
        ("/first", "pre=cookie-1", "csrf=csrf-12345"),
        ("/login", "pre=cookie-1; second=cookie-2", '{"password":"a-password","ticket":"ticket-12345"}'),
        ("/items", "session=issued-session", ""),
    ]
    assert [status for _, _, status in asked(lab)] == [200, 302, 200, 200]


def test_a_step_that_keeps_nothing_is_named_without_what_was_issued(lab: Lab) -> None:
    lab.write(STEPS)
    lab.api = lambda request: {"other": "token"} if request.url.path == "/form" else []
    report = lab.run(config={"password": "a-password"})
    assert (report.status, report.message, report.hint) == (
        "failed",
        "no session for acme: the answer of GET https://api.test/form has no body.token",
        "check auth.steps[0].keep.csrf",
    )


@pytest.mark.parametrize(
    ("expires", "unit"),
    [(600_000, "ms"), ("10", "min"), (600, "s"), (1717243800, "epoch"), ("2024-06-01T12:10:00Z", "iso")],
)
def test_a_token_answer_may_have_names_and_units_of_its_own(lab: Lab, expires: Any, unit: str) -> None:
    lab.keep_secrets()
    lab.write(f"""
        config: {{first: {{secret: true}}}}
        auth:
          type: oauth2
          grant: refresh_token
          token_url: https://auth.test/token
          refresh_token: ${{config.first}}
          token: data.token
          answer: {{refresh_token: data.refresh, expires_in: data.expires, unit: {unit}}}
        syncs: {{items: {{request: /items, pagination: none, key: id, fields: [id]}}}}
    """)
    given: list[str] = []

    def api(request: httpx.Request) -> Any:
        if request.url.host != "auth.test":
            return []
        given.append(request.content.decode())
        number = len(given)
        return {"data": {"token": f"token-{number}-x", "refresh": f"rotated-{number}", "expires": expires}}

    lab.api = api
    for _ in range(2):
        assert lab.run(config={"first": "first-token"}).status == "ok"
    lab.clock.advance(minutes=10)
    assert lab.run(config={"first": "first-token"}).status == "ok"
    sent = [text.rpartition("refresh_token=")[2] for text in given]
    assert sent[:2] == ["first-token", "rotated-1"]
    assert len(sent) == 2 or unit in {"epoch", "iso"}  # these end at the same moment, however often renewed
