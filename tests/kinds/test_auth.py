"""What every auth kind promises, and what each of them sends."""

from __future__ import annotations

import re
from base64 import b64decode
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent
from typing import Any, get_args

import httpx
import pytest
import yaml
from pydantic import ValidationError

from syncrun.auth import KINDS
from syncrun.auth.credentials import Credentials
from syncrun.auth.grants import fingerprint
from syncrun.auth.oauth2 import OAuth2
from syncrun.auth.tokens import Token, write_token
from syncrun.errors import UsageError
from tests.kinds.auth_bench import KEY, Bench, load

SECRET = "hunter22-hunter22"
CONFIG = {"token": SECRET, "user": "me", "empty": "", "number": 4217, "object": {"a": 1}, "null": None}

# Every kind as YAML gives it; the conformance tests run over all of them.
SAMPLES: dict[str, dict[str, Any]] = {
    "none": {"type": "none"},
    "bearer": {"type": "bearer", "token": "${config.token}"},
    "basic": {"type": "basic", "username": "${config.user}", "password": "${config.token}"},
    "api_key in a header": {"type": "api_key", "name": "X-Api-Key", "key": "${config.token}"},
    "api_key in the query": {"type": "api_key", "in": "query", "name": "apikey", "key": "${config.token}"},
    "api_key in a cookie": {"type": "api_key", "in": "cookie", "name": "sid", "key": "${config.token}"},
    "oauth2 client_credentials": {
        "type": "oauth2",
        "grant": "client_credentials",
        "token_url": "https://auth.test/token",
        "client_id": "${config.user}",
        "client_secret": "${config.token}",
        "scopes": ["read", "write"],
    },
    "oauth2 refresh_token": {
        "type": "oauth2",
        "grant": "refresh_token",
        "token_url": "https://auth.test/token",
        "refresh_token": "${config.token}",
    },
    "oauth2 password": {
        "type": "oauth2",
        "grant": "password",
        "token_url": "https://auth.test/token",
        "username": "${config.user}",
        "password": "${config.token}",
    },
    "oauth2 jwt_bearer": {
        "type": "oauth2",
        "grant": "jwt_bearer",
        "token_url": "https://auth.test/token",
        "assertion": {"algorithm": "HS256", "key": "${config.token}"},
    },
    "oauth2 authorization_code": {
        "type": "oauth2",
        "grant": "authorization_code",
        "authorize_url": "https://auth.test/authorize",
        "token_url": "https://auth.test/token",
        "client_id": "${config.user}",
    },
    "oauth2 device_code": {
        "type": "oauth2",
        "grant": "device_code",
        "device_url": "https://auth.test/device",
        "token_url": "https://auth.test/token",
        "client_id": "${config.user}",
    },
    "jwt": {
        "type": "jwt",
        "algorithm": "HS256",
        "key": "${config.token}",
        "claims": {"iss": "${config.user}"},
    },
    "session": {
        "type": "session",
        "request": {"path": "/login", "json": {"user": "${config.user}", "pass": "${config.token}"}},
        "token": "data.token",
    },
    "aws_sigv4": {
        "type": "aws_sigv4",
        "service": "execute-api",
        "region": "us-east-1",
        "access_key_id": "AKIDEXAMPLE",
        "secret_access_key": "${config.token}",
    },
    "digest": {"type": "digest", "username": "${config.user}", "password": "${config.token}"},
    "hook": {"type": "hook"},
}
CREDENTIALS = {
    "token",
    "username",
    "password",
    "key",
    "client_id",
    "client_secret",
    "refresh_token",
    "access_key_id",
    "secret_access_key",
}
# `token` is a path into an answer there, not a credential
PATHS = {"oauth2", "session"}
every_kind = pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)


def credentials_of(sample: dict[str, Any]) -> set[str]:
    names = CREDENTIALS & set(sample)
    return names - {"token"} if sample["type"] in PATHS else names


def answer(request: httpx.Request) -> httpx.Response:
    """Play the servers that issue tokens."""
    if request.url.path == "/login":
        return httpx.Response(200, json={"data": {"token": "issued-session"}})
    return httpx.Response(200, json={"access_token": "issued-token", "expires_in": 3600})


def bench() -> Bench:
    return Bench(CONFIG, answer, environ={}, folder=None)


def signed(
    sample: dict[str, Any], url: str = "https://api.example.com/items?page=2&q=a%2Bb"
) -> httpx.Request:
    request = httpx.Request("GET", url, headers={"Cookie": "a=1"})
    place = bench()
    with TemporaryDirectory() as folder:
        place.credentials = Credentials(Path(folder), {"SYNCRUN_SECRET_KEY": KEY})
        if sample.get("grant") in ("authorization_code", "device_code"):
            sign_in_before(load(sample), place)
        flow = load(sample).authenticator(place.context())
        return next(flow.sync_auth_flow(request)) if flow else request


def sign_in_before(spec: Any, place: Bench) -> None:
    token = Token("issued-token", place.now(), place.now() + 3600)
    mark = fingerprint(spec, place.context())
    place.credentials.save("acme/lab", write_token(token, mark))


def refusal(sample: dict[str, Any]) -> str:
    with pytest.raises(UsageError) as caught:
        load(sample).authenticator(bench().context())
    return str(caught.value)


def test_every_registered_kind_has_a_sample() -> None:
    assert {sample["type"] for sample in SAMPLES.values()} == set(KINDS.names)


def test_every_kind_is_registered_by_its_type() -> None:
    types = [get_args(KINDS.model(name).model_fields["type"].annotation)[0] for name in KINDS.names]

    assert types == list(KINDS.names)


@every_kind
def test_unknown_keys_are_errors(sample: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        load({**sample, "tokn": "x"})


@every_kind
def test_a_kind_never_changes_after_validation(sample: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load(sample).type = "other"  # type: ignore[attr-defined]


@every_kind
def test_the_json_schema_describes_every_key(sample: dict[str, Any]) -> None:
    schema = type(load(sample)).model_json_schema()

    assert set(sample) <= set(schema["properties"])
    assert [
        name for name, entry in schema["properties"].items() if name != "type" and "description" not in entry
    ] == []


@every_kind
def test_signing_leaves_the_rest_of_the_request_alone(sample: dict[str, Any]) -> None:
    first, second = signed(sample), signed(sample)

    if sample["type"] != "oauth2" or sample["grant"] != "jwt_bearer":
        assert (first.url, first.headers) == (second.url, second.headers)
    assert first.url.host == "api.example.com"
    assert first.url.query.startswith(b"page=2&q=a%2Bb")
    assert first.headers["cookie"].startswith("a=1")


@every_kind
@pytest.mark.parametrize("empty", ["${config.empty}", "${config.null}"])
def test_r23_a_missing_credential_names_its_config_value(sample: dict[str, Any], empty: str) -> None:
    for name in credentials_of(sample):
        message = refusal({**sample, name: empty})

        config_name = empty[len("${config.") : -1]
        assert message == (
            f"the {name} of {sample['type']} auth is empty\n"
            f"  hint: it comes from the config value {config_name} of the connection"
        )


@every_kind
@pytest.mark.parametrize("broken", [f"{SECRET}\r\nX-Evil: 1", f"{SECRET}\0", {"a": SECRET}, [SECRET], True])
def test_r23_a_credential_that_cannot_be_sent_is_refused_without_showing_it(
    sample: dict[str, Any], broken: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in credentials_of(sample):
        monkeypatch.setitem(CONFIG, "broken", broken)
        message = refusal({**sample, name: "${config.broken}"})

        assert message.startswith(f"the {name} of {sample['type']} auth ")
        assert SECRET not in message


@every_kind
def test_whitespace_around_a_pasted_credential_is_dropped(
    sample: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    clean = signed(sample)
    monkeypatch.setitem(CONFIG, "token", f" {SECRET}\n")

    assert (signed(sample).url, signed(sample).headers) == (clean.url, clean.headers)


def test_none_sends_nothing() -> None:
    assert load({"type": "none"}).authenticator(bench().context()) is None


def test_bearer_sends_the_token() -> None:
    assert signed(SAMPLES["bearer"]).headers["authorization"] == f"Bearer {SECRET}"


def test_a_number_is_a_credential_too() -> None:
    assert signed({"type": "bearer", "token": "${config.number}"}).headers["authorization"] == "Bearer 4217"


def test_basic_sends_user_name_and_password_in_utf_8() -> None:
    header = signed({"type": "basic", "username": "jörg", "password": "${config.token}"}).headers[
        "authorization"
    ]

    assert b64decode(header.removeprefix("Basic ")).decode() == f"jörg:{SECRET}"


@pytest.mark.parametrize(
    ("sample", "pair"),
    [
        ({"username": "${config.token}"}, f"{SECRET}:"),
        ({"username": "${config.token}", "password": ""}, f"{SECRET}:"),
        ({"username": "", "password": "${config.token}"}, f":{SECRET}"),
    ],
)
def test_basic_may_leave_one_half_out(sample: dict[str, str], pair: str) -> None:
    header = signed({"type": "basic", **sample}).headers["authorization"]

    assert b64decode(header.removeprefix("Basic ")).decode() == pair


def test_basic_needs_something_and_no_colon_in_the_user_name() -> None:
    assert refusal({"type": "basic"}) == "basic auth has neither username nor password"
    assert refusal({"type": "basic", "username": "a:b"}) == (
        "the username of basic auth holds a colon, which separates it from the password"
    )


def test_api_key_goes_where_it_belongs() -> None:
    header = {"type": "api_key", "name": "Authorization", "prefix": "Token ", "key": "${config.token}"}

    assert signed(header).headers["authorization"] == f"Token {SECRET}"
    assert signed(SAMPLES["api_key in a cookie"]).headers["cookie"] == f"a=1; sid={SECRET}"
    assert signed(SAMPLES["api_key in the query"]).url.query == f"page=2&q=a%2Bb&apikey={SECRET}".encode()


def test_r19_a_key_that_a_next_link_repeats_is_sent_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CONFIG, "token", "a/b+c")

    request = signed(SAMPLES["api_key in the query"], "https://api.example.com/?apikey=old&c=a%2Bb&flag&e=")

    assert request.url.query == b"c=a%2Bb&flag&e=&apikey=a%2Fb%2Bc"


@pytest.mark.parametrize("name", ["", "X Key", "X:Key", "X\r\nKey", "Schlüssel"])
def test_a_name_that_no_header_can_have_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="String should match pattern"):
        load({"type": "api_key", "name": name, "key": "x"})


def test_r23_a_character_outside_ascii_is_refused_where_it_cannot_be_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(CONFIG, "token", "“quoted”")

    assert refusal(SAMPLES["bearer"]) == (
        "the token of bearer auth holds a character outside ASCII\n"
        "  hint: it comes from the config value token of the connection; "
        "pasting brings curly quotes and invisible characters"
    )


def test_a_credential_in_clear_text_is_never_quoted() -> None:
    message = refusal({"type": "bearer", "token": f"{SECRET}\u2019"})

    assert SECRET not in message
    assert "it is written in the connector file, under auth" in message


def examples_of(kind: str) -> list[dict[str, Any]]:
    """Return what the module of a kind shows in its docstring."""
    doc = dedent((import_module(f"syncrun.auth.{kind}").__doc__ or "").partition("\n")[2])
    blocks = re.findall(r"^ *auth:.*(?:\n .*)*", doc, re.MULTILINE)
    return [yaml.safe_load(dedent(block))["auth"] for block in blocks]


@pytest.mark.parametrize("kind", sorted({sample["type"] for sample in SAMPLES.values()}))
def test_the_examples_of_a_kind_are_valid(kind: str) -> None:
    examples = examples_of(kind)

    assert examples
    for example in examples:
        assert load(example).type == kind  # type: ignore[attr-defined]


def test_every_grant_has_an_example() -> None:
    grants = get_args(OAuth2.model_fields["grant"].annotation)

    assert sorted(example["grant"] for example in examples_of("oauth2")) == sorted(grants)
