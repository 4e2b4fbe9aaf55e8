"""OAuth 2.0: how each grant comes by tokens, keeps them, and renews them unseen."""

from __future__ import annotations

import base64
import json
import threading
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from pydantic import ValidationError

from syncrun.errors import CredentialError, UsageError
from syncrun.http.client import Client
from syncrun.http.messages import Request
from tests.kinds.auth_bench import KEY, Bench, load

ITEMS = Request("GET", "https://api.test/items")
CONFIG = {
    "id": "client-1",
    "secret": "s3cret-s3cret",
    "refresh": "refresh-000",
    "user": "me",
    "pw": "pass-word-1",
}
COMMON = {"type": "oauth2", "token_url": "https://auth.test/token"}
CLIENT = {"client_id": "${config.id}", "client_secret": "${config.secret}"}
CLIENT_CREDENTIALS = {**COMMON, **CLIENT, "grant": "client_credentials"}
REFRESH = {**COMMON, **CLIENT, "grant": "refresh_token", "refresh_token": "${config.refresh}"}
PASSWORD = {**COMMON, "grant": "password", "username": "${config.user}", "password": "${config.pw}"}


class Server:
    """An authorization server at auth.test and an API at api.test that takes its tokens."""

    def __init__(self, lifetime: Any = 3600, *, rotates: bool = False) -> None:
        self.lifetime, self.rotates = lifetime, rotates
        self.number = 0
        self.valid: set[str] = set()
        self.refresh = "refresh-000"
        self.forms: list[dict[str, str]] = []
        self.refuse: httpx.Response | None = None
        self.seen: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        return self.issue(request) if request.url.host == "auth.test" else self.serve(request)

    def issue(self, request: httpx.Request) -> httpx.Response:
        form = dict(parse_qsl(request.content.decode()))
        self.forms.append(form)
        if self.refuse is not None:
            return self.refuse
        if form["grant_type"] == "refresh_token" and form["refresh_token"] != self.refresh:
            return httpx.Response(400, json={"error": "invalid_grant", "error_description": "used before"})
        self.number += 1
        token = f"token-{self.number:03}"
        self.valid = {token}
        answer: dict[str, Any] = {"access_token": token, "token_type": "Bearer"}
        if self.lifetime is not None:
            answer["expires_in"] = self.lifetime
        if self.rotates:
            self.refresh = answer["refresh_token"] = f"refresh-{self.number:03}"
        return httpx.Response(200, json=answer)

    def serve(self, request: httpx.Request) -> httpx.Response:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        self.seen.append(token)
        return (
            httpx.Response(200, json=[1]) if token in self.valid else httpx.Response(401, json={"no": token})
        )


def bench(server: Server, folder: Path | None = None) -> Bench:
    return Bench(CONFIG, server, folder, {"SYNCRUN_SECRET_KEY": KEY} if folder else {})


def failure(client: Client) -> str:
    with pytest.raises(CredentialError) as caught:
        client.send(ITEMS)
    return str(caught.value)


def test_client_credentials_are_exchanged_once_for_many_requests() -> None:
    server = Server()
    client = bench(server).client({**CLIENT_CREDENTIALS, "scopes": ["read", "write"]})

    for _ in range(3):
        client.send(ITEMS)

    assert server.forms == [{"grant_type": "client_credentials", "scope": "read write"}]
    assert server.seen == ["token-001"] * 3


def test_client_id_and_secret_go_in_a_header_or_in_the_body_as_declared() -> None:
    server, requests = Server(), []
    place = bench(server)
    place.config |= {"id": "a b", "secret": "p+/:ü"}
    place.client(CLIENT_CREDENTIALS).send(ITEMS)
    requests.append(place.requests[0])
    place = bench(server)
    place.client({**CLIENT_CREDENTIALS, "client_auth": "body", "token_params": {"audience": "x"}}).send(ITEMS)

    header = requests[0].headers["authorization"].removeprefix("Basic ")
    assert base64.b64decode(header) == b"a+b:p%2B%2F%3A%C3%BC"
    assert "authorization" not in place.requests[0].headers
    assert server.forms[-1] == {
        "grant_type": "client_credentials",
        "audience": "x",
        "client_id": CONFIG["id"],
        "client_secret": CONFIG["secret"],
    }


def test_token_requests_can_be_json_with_headers_of_their_own() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "api.test":
            return httpx.Response(200, json=request.headers["x-token"])
        body = json.loads(request.content)
        assert body == {"grant_type": "client_credentials"}
        assert request.headers["x-version"] == "7"
        return httpx.Response(200, json={"data": {"token": "abcdef"}})

    sample = {
        **CLIENT_CREDENTIALS,
        "token_body": "json",
        "token_headers": {"X-Version": "7"},
        "token": "data.token",
        "header": "X-Token",
        "prefix": "",
    }

    assert Bench(CONFIG, answer).client(sample).send(ITEMS).content == b'"abcdef"'


@pytest.mark.parametrize("lifetime", [3600, "3600", 3600.0])
def test_r20_a_token_is_renewed_before_it_expires(lifetime: Any) -> None:
    server = Server(lifetime)
    place = bench(server)
    client = place.client(CLIENT_CREDENTIALS)

    for moment in (0, 3539, 3541):
        place.time = 1_700_000_000.0 + moment
        client.send(ITEMS)

    assert server.seen == ["token-001", "token-001", "token-002"]


def test_a_short_lived_token_is_used_for_most_of_its_life() -> None:
    server = Server(10)
    place = bench(server)
    client = place.client(CLIENT_CREDENTIALS)

    for moment in (0, 7, 9):
        place.time = 1_700_000_000.0 + moment
        client.send(ITEMS)

    assert server.seen == ["token-001", "token-001", "token-002"]


@pytest.mark.parametrize("lifetime", [None, 0, -1, "soon", "NaN"])
def test_a_token_without_a_lifetime_is_used_until_it_is_refused(lifetime: Any) -> None:
    server = Server(lifetime)
    place = bench(server)
    client = place.client(CLIENT_CREDENTIALS)
    client.send(ITEMS)
    place.time += 10_000_000
    client.send(ITEMS)
    server.valid.clear()
    client.send(ITEMS)

    assert server.seen == ["token-001", "token-001", "token-001", "token-002"]


def test_the_connector_can_tell_the_lifetime() -> None:
    server = Server(None)
    place = bench(server)
    client = place.client({**CLIENT_CREDENTIALS, "lifetime": "100s"})
    client.send(ITEMS)
    place.time += 90
    client.send(ITEMS)

    assert server.seen == ["token-001", "token-002"]


def test_r20_a_401_renews_once_and_then_stands() -> None:
    server = Server()
    place = bench(server)
    client = place.client(CLIENT_CREDENTIALS)
    place.answer = lambda request: (
        server.issue(request) if request.url.host == "auth.test" else httpx.Response(401)
    )

    with pytest.raises(Exception, match=r"GET https://api\.test/items: 401") as caught:
        client.send(ITEMS)

    assert type(caught.value).__name__ == "RequestError"
    assert place.asked == ["POST auth.test/token", "GET api.test/items"] * 2


def test_a_large_answer_to_a_refused_token_is_not_read_whole() -> None:
    server = Server()
    place = bench(server)
    sent = []

    class Endless(httpx.SyncByteStream):
        def __iter__(self) -> Any:
            while True:
                sent.append(1)
                yield b"x" * 65536

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "auth.test" or server.number == 2:
            return server(request)
        return httpx.Response(401, stream=Endless(), headers={"Content-Encoding": "gzip"})

    place.answer = answer
    place.client(CLIENT_CREDENTIALS).send(ITEMS)

    assert len(sent) == 2


def test_many_threads_renew_once() -> None:
    server = Server()
    place = bench(server)
    client = place.client(CLIENT_CREDENTIALS)
    client.send(ITEMS)
    server.valid.clear()
    barrier = threading.Barrier(8)

    def serve(request: httpx.Request) -> httpx.Response:
        response = server(request)
        if request.url.host == "api.test" and response.status_code == 401:
            barrier.wait(5)  # all have been refused before anyone renews
        return response

    place.answer = serve
    threads = [threading.Thread(target=client.send, args=(ITEMS,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert len(server.forms) == 2
    assert server.seen.count("token-002") == 8


def test_a_rotated_refresh_token_is_kept_and_used(tmp_path: Path) -> None:
    server = Server(rotates=True)
    for _ in range(3):
        place = bench(server, tmp_path)
        place.time += 10_000 * (server.number + 1)
        place.client(REFRESH).send(ITEMS)

    assert [form["refresh_token"] for form in server.forms] == ["refresh-000", "refresh-001", "refresh-002"]


def test_a_rotated_refresh_token_is_safe_before_the_new_token_is_used(tmp_path: Path) -> None:
    server = Server(rotates=True)
    place = bench(server, tmp_path)
    kept = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "api.test":
            values = bench(server, tmp_path).credentials.load("acme/lab")
            kept.append(values and values["refresh"])
        return server(request)

    place.answer = answer
    place.client(REFRESH).send(ITEMS)

    assert kept == ["refresh-001"]


def test_a_refresh_token_that_does_not_rotate_stays(tmp_path: Path) -> None:
    server = Server()
    place = bench(server, tmp_path)
    client = place.client(REFRESH)
    client.send(ITEMS)
    place.time += 10_000
    client.send(ITEMS)

    assert [form["refresh_token"] for form in server.forms] == ["refresh-000", "refresh-000"]


def test_a_new_refresh_token_in_the_config_replaces_the_stored_one(tmp_path: Path) -> None:
    server = Server(rotates=True)
    bench(server, tmp_path).client(REFRESH).send(ITEMS)
    server.refresh = "refresh-new"
    place = bench(server, tmp_path)
    place.config["refresh"] = "refresh-new"
    place.client(REFRESH).send(ITEMS)

    assert server.forms[-1]["refresh_token"] == "refresh-new"


def test_r24_a_grant_that_lives_on_its_refresh_token_needs_a_key() -> None:
    with pytest.raises(UsageError) as caught:
        bench(Server()).client(REFRESH)

    assert str(caught.value) == (
        "the tokens of acme must outlive a run, and there is no key to encrypt them with\n"
        "  hint: make one with `openssl rand -base64 32` and set SYNCRUN_SECRET_KEY to it, in .env or the "
        "environment, or `pip install 'syncrun[keyring]'` to use the system's keyring"
    )


def test_a_password_is_exchanged_and_its_refresh_token_preferred() -> None:
    server = Server(rotates=True)
    place = bench(server)
    client = place.client(PASSWORD)
    client.send(ITEMS)
    place.time += 10_000
    client.send(ITEMS)
    server.refresh = "refresh-lost"
    place.time += 10_000
    client.send(ITEMS)

    assert [form["grant_type"] for form in server.forms] == [
        "password",
        "refresh_token",
        "refresh_token",
        "password",
    ]
    assert server.forms[0] == {"grant_type": "password", "username": "me", "password": "pass-word-1"}


def test_jwt_bearer_shows_a_signed_assertion() -> None:
    from joserfc import jwt
    from joserfc.jwk import RSAKey

    key = RSAKey.generate_key(2048)
    server = Server()
    place = bench(server)
    place.config |= {"pem": key.as_pem(private=True).decode(), "email": "bot@test"}
    assertion = {"key": "${config.pem}", "key_id": "k1", "claims": {"iss": "${config.email}", "scope": "cal"}}
    place.client({**COMMON, "grant": "jwt_bearer", "assertion": assertion}).send(ITEMS)

    (form,) = server.forms
    found = jwt.decode(form["assertion"], key)
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    assert found.header == {"alg": "RS256", "typ": "JWT", "kid": "k1"}
    assert {**found.claims, "jti": ""} == {
        "iat": 1_700_000_000,
        "exp": 1_700_000_300,
        "aud": "https://auth.test/token",
        "jti": "",
        "iss": "bot@test",
        "scope": "cal",
    }
    assert place.redactor.exposes(form["assertion"])


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (
            httpx.Response(
                400, json={"error": "invalid_client", "error_description": "unknown s3cret-s3cret"}
            ),
            (
                "no token for acme: the API refuses: invalid_client: unknown ***\n"
                "  hint: check the credentials of this connection"
            ),
        ),
        (
            httpx.Response(200, json={"error": {"code": 7}}),
            (
                'no token for acme: the API refuses: {"code": 7}\n'
                "  hint: check the credentials of this connection"
            ),
        ),
        (
            httpx.Response(200, json={"token": "elsewhere"}),
            "no token for acme: the answer of POST https://auth.test/token has no access_token; it has token",
        ),
        (
            httpx.Response(200, html="<h1>Sign in</h1>"),
            (
                "no token for acme: POST https://auth.test/token answers no JSON object: "
                "200: <h1>Sign in</h1>\n"
                "  hint: check the token_url"
            ),
        ),
        (
            httpx.Response(403, text="blocked"),
            "no token for acme: POST https://auth.test/token: 403: blocked",
        ),
        (
            httpx.Response(404, text="nothing here"),
            (
                "no token for acme: POST https://auth.test/token: 404: nothing here\n"
                "  hint: check the path and the ids in it"
            ),
        ),
        (
            httpx.Response(500),
            "no token for acme: POST https://auth.test/token: 500 after 3 attempts",
        ),
    ],
    ids=["refused", "odd refusal", "elsewhere", "html", "403", "404", "500"],
)
def test_a_refused_token_is_one_clear_message(response: httpx.Response, message: str) -> None:
    server = Server()
    server.refuse = response

    assert failure(bench(server).client(CLIENT_CREDENTIALS)) == message


def test_a_form_encoded_answer_is_understood() -> None:
    server = Server()
    server.refuse = httpx.Response(
        200,
        content=b"access_token=abcdef&expires_in=60",
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    server.valid = {"abcdef"}
    bench(server).client(CLIENT_CREDENTIALS).send(ITEMS)

    assert server.seen == ["abcdef"]


def test_r23_an_issued_token_is_a_secret_from_then_on() -> None:
    place = bench(Server(rotates=True))
    place.client(PASSWORD).send(ITEMS)

    for secret in ("token-001", "refresh-001"):
        assert place.redactor.text(f"got {secret} and {base64.b64encode(secret.encode()).decode()}") == (
            "got *** and ***"
        )


def test_r19_a_token_endpoint_that_redirects_elsewhere_gets_no_secrets_there() -> None:
    hosts = []

    def answer(request: httpx.Request) -> httpx.Response:
        hosts.append(request.url.host)
        return httpx.Response(307, headers={"Location": "https://evil.test/token"})

    sample = {**CLIENT_CREDENTIALS, "client_auth": "body"}
    message = failure(Bench(CONFIG, answer).client(sample))

    assert hosts == ["auth.test"]
    assert message.startswith(
        "no token for acme: POST https://evil.test/token: not followed to https://evil.test,"
    )


def test_r25_a_token_endpoint_in_plain_http_gets_no_secrets() -> None:
    sample = {**CLIENT_CREDENTIALS, "token_url": "http://auth.test/token"}
    place = bench(Server())

    assert failure(place.client(sample)) == (
        "no token for acme: POST http://auth.test/token: credentials are not sent over plain http\n"
        "  hint: use https://, or set allow_http: true in the connector"
    )
    assert place.requests == []


def test_somebody_who_never_signed_in_is_told_how(tmp_path: Path) -> None:
    sample = {
        **COMMON,
        "grant": "authorization_code",
        "authorize_url": "https://auth.test/a",
        "client_id": "x",
    }

    assert failure(bench(Server(), tmp_path).client(sample)) == (
        "acme is not signed in\n  hint: sign in with `syncrun auth login acme`"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"client_secret": ""}, "the grant client_credentials needs client_secret"),
        ({"refresh_token": "x"}, "the grant client_credentials has no use for refresh_token"),
        ({"grant": "device_code"}, "the grant device_code needs device_url"),
        ({"redirect_uri": "https://app.test/cb"}, "redirect_uri must lead to this machine"),
        ({"redirect_uri": "http://127.0.0.1:x/"}, "redirect_uri is no URL"),
    ],
)
def test_keys_must_fit_the_grant(change: dict[str, str], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        load({**CLIENT_CREDENTIALS, **change})
