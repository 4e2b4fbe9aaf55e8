"""Every auth kind, without `secret: true`, against every place where its credentials could show (R19, R23)."""

from __future__ import annotations

import hashlib
import json
import logging
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from syncrun.engine.explain import explain
from syncrun.engine.job import Options
from tests.lab import Lab

USER = "Mallory.Q@mail.example"
KEY = "Zk9-Quüx_71&Plover=Xyzzy"
PLAIN_KEY = "Zk9-Quux_71.Plover~Xyzzy"
TOKEN = "tok_8Fz41LmQpR77vW"
REFRESH = "ref_77GhT5sQwZz01x"


@dataclass(frozen=True)
class Kind:
    """An `auth` in YAML; *secrets* must show nowhere, *config* is the connection's."""

    yaml: str
    config: dict[str, str]
    secrets: tuple[str, ...]
    hook: str = ""
    rest: str = ""


HOOK = """
import hashlib, hmac

def authenticate(request, context):
    key = context["config"]["key"]
    request.headers["X-Sign"] = hmac.new(key.encode(), b"fixed", hashlib.sha256).hexdigest()
    request.headers["X-Hook-Token"] = key
"""
LOGIN = "request: {path: /login, json: {user: '${config.user}', password: '${config.key}'}}"
OAUTH = "type: oauth2, token_url: 'https://api.test/token', client_id: '${config.user}', client_secret: '${config.key}'"

KINDS: dict[str, Kind] = {
    "bearer": Kind("{type: bearer, token: '${config.key}'}", {"key": PLAIN_KEY}, (PLAIN_KEY,)),
    "bearer_derived": Kind(
        "{type: bearer, token: '${upper(sha256(config.key))}'}",
        {"key": PLAIN_KEY},
        (PLAIN_KEY, hashlib.sha256(PLAIN_KEY.encode()).hexdigest()),
    ),
    "basic": Kind(
        "{type: basic, username: '${config.user}', password: '${config.key}'}",
        {"user": USER, "key": KEY},
        (USER, KEY, b64encode(f"{USER}:{KEY}".encode()).decode()),
    ),
    "api_key": Kind("{type: api_key, name: X-Own, key: '${config.key}'}", {"key": PLAIN_KEY}, (PLAIN_KEY,)),
    "api_key_in_query": Kind(
        "{type: api_key, in: query, name: q, key: '${config.key}'}", {"key": KEY}, (KEY,)
    ),
    "api_key_in_cookie": Kind(
        "{type: api_key, in: cookie, name: sid, key: '${config.key}'}", {"key": PLAIN_KEY}, (PLAIN_KEY,)
    ),
    "session": Kind(
        f"{{type: session, {LOGIN}, token: token}}", {"user": USER, "key": KEY}, (USER, KEY, TOKEN)
    ),
    "session_cookie": Kind(
        f"{{type: session, {LOGIN}, cookie: sid}}", {"user": USER, "key": KEY}, (USER, KEY, TOKEN)
    ),
    "oauth2_client_credentials": Kind(
        f"{{{OAUTH}, grant: client_credentials}}", {"user": USER, "key": KEY}, (USER, KEY, TOKEN, REFRESH)
    ),
    "oauth2_in_the_body": Kind(
        f"{{{OAUTH}, grant: client_credentials, client_auth: body}}",
        {"user": USER, "key": KEY},
        (USER, KEY, TOKEN, REFRESH),
    ),
    "oauth2_password": Kind(
        f"{{{OAUTH}, grant: password, username: '${{config.user}}', password: '${{config.key}}'}}",
        {"user": USER, "key": KEY},
        (USER, KEY, TOKEN, REFRESH),
    ),
    "oauth2_refresh_token": Kind(
        f"{{{OAUTH}, grant: refresh_token, refresh_token: '${{config.renew}}'}}",
        {"user": USER, "key": KEY, "renew": "first-ref-9917Qz"},
        (USER, KEY, TOKEN, REFRESH, "first-ref-9917Qz"),
    ),
    "oauth2_jwt_bearer": Kind(
        "{type: oauth2, token_url: 'https://api.test/token', grant: jwt_bearer,"
        " assertion: {algorithm: HS256, key: '${config.key}', claims: {iss: '${config.user}'}}}",
        {"user": USER, "key": KEY},
        (USER, KEY, TOKEN),
    ),
    "jwt": Kind(
        "{type: jwt, algorithm: HS256, key: '${config.key}', claims: {iss: '${config.user}'}}",
        {"user": USER, "key": KEY},
        (USER, KEY),
    ),
    "aws_sigv4": Kind(
        "{type: aws_sigv4, service: s3, region: eu-west-9, access_key_id: '${config.id}',"
        " secret_access_key: '${config.key}'}",
        {"id": "AKIA77QQWZ01", "key": KEY},
        ("AKIA77QQWZ01", KEY),
    ),
    "digest": Kind(
        "{type: digest, username: '${config.user}', password: '${config.key}'}",
        {"user": USER, "key": KEY},
        (USER, KEY),
    ),
    "hook": Kind("{type: hook}", {"key": PLAIN_KEY}, (PLAIN_KEY,), hook=HOOK),
    "headers": Kind(
        "{type: none}",
        {"key": PLAIN_KEY, "account": "acct-93817465"},
        (PLAIN_KEY, "acct-93817465"),
        rest="headers: {X-Own: '${config.key}', X-Account: 'is ${config.account}'}",
    ),
    "setup": Kind(
        "{type: none}",
        {"key": PLAIN_KEY},
        (PLAIN_KEY, TOKEN),
        rest="setup: {pass: {request: {path: /token, headers: {X-Own: '${config.key}'}}, value: access_token}}\n"
        "headers: {X-Pass: '${vars.pass}'}",
    ),
}


def spelled(secret: str) -> set[str]:
    """Return what anyone could read *secret* from, found in other ways than syncrun finds it."""
    raw = secret.encode()
    texts = {secret, secret.lower(), secret.upper(), quote(secret, safe=""), quote(secret)}
    texts |= {json.dumps(secret)[1:-1], raw.hex(), b64encode(raw).decode().rstrip("=")}
    texts |= {hashlib.sha256(raw).hexdigest(), hashlib.md5(raw, usedforsecurity=False).hexdigest()}
    return texts | {secret[:12], secret[-12:]}


def told_by(request: httpx.Request) -> str:
    """Return all that *request* says, as an API that echoes does: credentials decoded and encoded once more."""
    texts = [str(request.url), request.content.decode("latin-1"), request.content.decode("utf-8", "replace")]
    for name, value in request.headers.items():
        if name.lower() in (
            "host",
            "accept",
            "accept-encoding",
            "connection",
            "user-agent",
            "content-length",
        ):
            continue
        texts += [value, b64encode(value.encode()).decode(), value.upper()]
        if value.startswith("Basic "):
            texts.append(b64decode(value[6:]).decode())
    return " ".join(texts)


@dataclass
class Echo:
    """An API that issues what it is asked for, and repeats in *form* what every other request told it."""

    form: Callable[[str], httpx.Response]
    asked: list[str] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path in ("/token", "/login"):
            answer = {"access_token": TOKEN, "token": TOKEN, "refresh_token": REFRESH, "expires_in": 3600}
            self.asked.append(told_by(request))
            return httpx.Response(200, json=answer, headers={"Set-Cookie": f"sid={TOKEN}; Path=/"})
        digest = request.headers.get("Authorization", "").startswith("Digest")
        if self.form is challenged and not digest:
            self.asked.append(told_by(request))
            return challenged("")
        self.asked.append(told_by(request))
        return self.form(" ".join(self.asked))


def refused(text: str) -> httpx.Response:
    return httpx.Response(403, text=text)


def cut(text: str) -> httpx.Response:
    return httpx.Response(403, text="x" * 190 + text)


def in_utf_16(text: str) -> httpx.Response:
    return httpx.Response(403, content=text.encode("utf-16"), headers={"Content-Type": "text/plain"})


def in_utf_16_unmarked(text: str) -> httpx.Response:
    return httpx.Response(403, content=text.encode("utf-16-le"))


def in_latin_1(text: str) -> httpx.Response:
    return httpx.Response(403, content=text.encode("latin-1", "replace"))


def rejected(text: str) -> httpx.Response:
    return httpx.Response(200, json=[{"id": 1, "n": "y" * 50 + text}, {"id": text, "n": text}])


def next_elsewhere(text: str) -> httpx.Response:
    return httpx.Response(200, json={"rows": [{"id": 1}], "next": f"ftp://{'z' * 80}?q={text}"})


def redirected(text: str) -> httpx.Response:
    return httpx.Response(307, headers={"Location": f"https://elsewhere.test/?q={quote(text)}"})


def no_json(text: str) -> httpx.Response:
    return httpx.Response(200, text="<html>" + " " * 300 + text)


def challenged(text: str) -> httpx.Response:
    return httpx.Response(
        401, text=text, headers={"WWW-Authenticate": 'Digest realm="r", nonce="n", qop="auth"'}
    )


FORMS = (
    refused,
    cut,
    in_utf_16,
    in_utf_16_unmarked,
    in_latin_1,
    rejected,
    next_elsewhere,
    redirected,
    no_json,
    challenged,
)
SYNCS = """
syncs:
  items:
    request: /items
    key: id
    fields: {id: {path: id, type: integer}, n: {path: n, type: integer}}
    retry: {attempts: 2}
"""


def connector(kind: Kind, folder: Path) -> str:
    if kind.hook:
        (folder / "hooks").mkdir(exist_ok=True)
        (folder / "hooks" / "sign.py").write_text(kind.hook)
    hooks = "hooks: hooks/sign.py\n" if kind.hook else ""
    config = "".join(f"{name}: {{}}, " for name in kind.config).rstrip(", ")
    return (
        "connector: lab\nversion: 1.0.0\nbase_url: https://api.test\n"
        f"config: {{{config}}}\n{hooks}{kind.rest}\nauth: {kind.yaml}\n{SYNCS}"
    )


def shown(lab: Lab, config: dict[str, str], log: pytest.LogCaptureFixture) -> Iterator[tuple[str, str]]:
    """Yield all that a run, a recording and `explain` show, by place."""
    with log.at_level(logging.DEBUG):
        report = lab.run(config=config)
    yield "report", json.dumps(report.to_json(), ensure_ascii=False, default=str)
    yield (
        "events",
        " ".join(json.dumps(event.to_json(), ensure_ascii=False, default=str) for event in lab.events),
    )
    yield "logging", "\n".join(record.getMessage() for record in log.records)
    for table in ("requests", "logs", "runs", "checkpoints"):
        yield table, json.dumps(lab.rows(f"SELECT * FROM syncrun.{table}"), default=str, ensure_ascii=False)
    yield "quarantine", str(lab.rows("SELECT reason, path FROM syncrun.quarantine"))
    dry = lab.dry_run(config=config, record=True)
    assert dry.recording is not None
    yield "recording", json.dumps(dry.recording.exchanges, ensure_ascii=False)
    yield "preview", str(dry.preview) + str(dry.report)
    yield "explain", str(explain(lab._job(None, "acme", config), Options(), lab._runtime()))


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_r23_what_authenticates_shows_nowhere(
    name: str, form: Callable[[str], httpx.Response], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kind, echo = KINDS[name], Echo(form)
    lab = Lab(tmp_path, connector(kind, tmp_path), echo)
    lab.keep_secrets()
    readable = [
        (place, text[max(0, at - 40) : at + 60])
        for place, text in shown(lab, kind.config, caplog)
        for secret in kind.secrets
        for spelling in spelled(secret)
        if (at := text.find(spelling)) >= 0
    ]
    assert echo.asked, "the API was asked"
    assert readable == []
