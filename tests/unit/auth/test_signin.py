"""Signing a person in: through a browser that comes back to this machine, or by a code typed elsewhere."""

from __future__ import annotations

import hashlib
import threading
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import pytest

from syncrun.auth.signin import sign_in, sign_out, stored_token
from syncrun.errors import CredentialError, UsageError
from tests.kinds.auth_bench import KEY, Bench, load

CONFIG = {"id": "client-1", "secret": "s3cret-s3cret"}
CODE: dict[str, Any] = {
    "type": "oauth2",
    "grant": "authorization_code",
    "authorize_url": "https://auth.test/authorize?tenant=7",
    "token_url": "https://auth.test/token",
    "client_id": "${config.id}",
    "scopes": ["read", "offline_access"],
    "authorize_params": {"prompt": "consent"},
    "revoke_url": "https://auth.test/revoke",
}
DEVICE: dict[str, Any] = {
    "type": "oauth2",
    "grant": "device_code",
    "device_url": "https://auth.test/device",
    "token_url": "https://auth.test/token",
    "client_id": "${config.id}",
}


class Place(Bench):
    """A bench with a key, and a clock that stands still for real waits."""

    def __init__(self, folder: Path, answer: Any) -> None:
        super().__init__(CONFIG, answer, folder, {"SYNCRUN_SECRET_KEY": KEY})
        self.moments = iter(range(100_000))

    def sign_in(self, sample: dict[str, Any], show: Any, timeout: float = 60.0) -> Any:
        return sign_in(
            load(sample), self.context(), show, clock=lambda: float(next(self.moments)), timeout=timeout
        )  # type: ignore[arg-type]


class Browser:
    """A person who opens the address and does as *act* says with the redirect's parameters."""

    def __init__(self, act: Any) -> None:
        self.act = act
        self.asked: dict[str, str] = {}
        self.answers: list[httpx.Response] = []

    def open(self, url: str, code: str) -> None:
        assert code == ""
        self.asked = dict(parse_qsl(urlsplit(url).query))
        self.thread = threading.Thread(target=self._go, daemon=True)
        self.thread.start()

    def finish(self) -> list[httpx.Response]:
        self.thread.join(10)
        return self.answers

    def _go(self) -> None:
        for target in self.act(self.asked):
            self.answers.append(httpx.get(target, trust_env=False))


def come_back(asked: dict[str, str], **values: str) -> str:
    return str(httpx.URL(asked["redirect_uri"], params={"state": asked["state"], **values}))


def issue(request: httpx.Request) -> httpx.Response:
    return httpx.Response(
        200,
        json={
            "access_token": "token-001",
            "refresh_token": "refresh-001",
            "expires_in": 3600,
            "scope": "read",
        },
    )


def test_a_code_with_pkce_becomes_a_token_that_rests_encrypted(tmp_path: Path) -> None:
    place = Place(tmp_path, issue)
    browser = Browser(lambda asked: [come_back(asked, code="code-001")])
    token = place.sign_in(CODE, browser.open)

    form = dict(parse_qsl(place.requests[0].content.decode()))
    challenge = (
        urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
    )
    assert {**browser.asked, "redirect_uri": "", "state": ""} == {
        "tenant": "7",
        "response_type": "code",
        "client_id": "client-1",
        "redirect_uri": "",
        "scope": "read offline_access",
        "state": "",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "prompt": "consent",
    }
    assert urlsplit(browser.asked["redirect_uri"])[:2][0] == "http"
    assert form == {
        "grant_type": "authorization_code",
        "code": "code-001",
        "redirect_uri": browser.asked["redirect_uri"],
        "code_verifier": form["code_verifier"],
        "client_id": "client-1",
    }
    assert stored_token(load(CODE), place.context()) == token  # type: ignore[arg-type]
    assert all(b"001" not in path.read_bytes() for path in tmp_path.iterdir())
    for secret in ("code-001", "token-001", "refresh-001", form["code_verifier"]):
        assert place.redactor.exposes(secret)
    assert "Signed in." in browser.finish()[0].text


def test_strangers_on_the_loopback_port_change_nothing(tmp_path: Path) -> None:
    def act(asked: dict[str, str]) -> list[str]:
        base = asked["redirect_uri"]
        forged = str(httpx.URL(base, params={"state": "forged", "code": "evil-code"}))
        return [f"{base}x", base, forged, come_back(asked, code="code-001")]

    place = Place(tmp_path, issue)
    browser = Browser(act)
    place.sign_in(CODE, browser.open)

    assert [answer.status_code for answer in browser.finish()] == [404, 400, 400, 200]
    assert parse_qs(place.requests[0].content.decode())["code"] == ["code-001"]


def test_a_refusal_is_told(tmp_path: Path) -> None:
    place = Place(tmp_path, issue)
    browser = Browser(
        lambda asked: [come_back(asked, error="access_denied", error_description="You said no")]
    )

    with pytest.raises(CredentialError, match="the sign-in of acme was refused: access_denied: You said no"):
        place.sign_in(CODE, browser.open)
    assert place.requests == []


def test_nobody_coming_back_ends_the_wait(tmp_path: Path) -> None:
    with pytest.raises(CredentialError) as caught:
        Place(tmp_path, issue).sign_in(CODE, lambda _url, _code: None, timeout=2)

    assert str(caught.value) == "nobody signed in within 2 s\n  hint: start again"


def test_a_registered_port_that_is_taken_is_told(tmp_path: Path) -> None:
    from tests.api import Api

    with Api() as api, pytest.raises(UsageError) as caught:
        Place(tmp_path, issue).sign_in(
            {**CODE, "redirect_uri": f"{api.url}/callback"}, lambda _url, _code: None
        )

    assert caught.value.message == "the port of redirect_uri cannot be listened on: Address already in use"


def test_r24_signing_in_needs_a_key(tmp_path: Path) -> None:
    place = Place(tmp_path, issue)
    place.credentials = Bench(folder=tmp_path).credentials

    with pytest.raises(UsageError, match="there is no key to encrypt them with"):
        place.sign_in(CODE, lambda _url, _code: None)


def test_a_device_code_is_polled_as_the_server_asks(tmp_path: Path) -> None:
    errors = iter(["authorization_pending", "slow_down", "authorization_pending"])
    shown = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/device":
            names = {
                "device_code": "device-001",
                "user_code": "WDJB-MJHT",
                "verification_uri": "https://auth.test/go",
            }
            return httpx.Response(200, json={**names, "expires_in": 900, "interval": 3})
        error = next(errors, None)
        return httpx.Response(400, json={"error": error}) if error else issue(request)

    place = Place(tmp_path, answer)
    token = place.sign_in(DEVICE, lambda url, code: shown.append((url, code)))

    assert shown == [("https://auth.test/go", "WDJB-MJHT")]
    assert place.slept == [3, 3, 8, 8]
    assert stored_token(load(DEVICE), place.context()) == token  # type: ignore[arg-type]
    assert dict(parse_qsl(place.requests[-1].content.decode())) == {
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
        "device_code": "device-001",
        "client_id": "client-1",
    }


@pytest.mark.parametrize(
    ("error", "message"),
    [
        ("expired_token", "nobody signed in acme in time\n  hint: start again"),
        ("authorization_pending", "nobody signed in acme in time\n  hint: start again"),
        (
            "access_denied",
            (
                "no token for acme: the API refuses: access_denied\n"
                "  hint: sign in with `syncrun auth login acme`"
            ),
        ),
    ],
)
def test_a_device_code_that_comes_to_nothing(tmp_path: Path, error: str, message: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/device":
            return httpx.Response(
                200, json={"device_code": "device-001", "verification_uri": "https://x.test"}
            )
        return httpx.Response(400, json={"error": error})

    with pytest.raises(CredentialError) as caught:
        Place(tmp_path, answer).sign_in(DEVICE, lambda _url, _code: None)
    assert str(caught.value) == message


def test_signing_out_revokes_and_removes(tmp_path: Path) -> None:
    place = Place(tmp_path, issue)
    place.sign_in(CODE, Browser(lambda asked: [come_back(asked, code="code-001")]).open)
    spec: Any = load(CODE)

    assert sign_out(spec, place.context()) == (True, "")
    assert dict(parse_qsl(place.requests[-1].content.decode())) == {
        "token": "refresh-001",
        "token_type_hint": "refresh_token",
        "client_id": "client-1",
    }
    assert sign_out(spec, place.context()) == (False, "")
    assert list(tmp_path.glob("*.token")) == []


def test_a_token_is_removed_even_when_the_api_cannot_be_told(tmp_path: Path) -> None:
    place = Place(tmp_path, issue)
    place.sign_in(CODE, Browser(lambda asked: [come_back(asked, code="code-001")]).open)
    place.answer = lambda _request: httpx.Response(400, json={"error": "refresh-001?"})

    known, failure = sign_out(load(CODE), place.context())  # type: ignore[arg-type]

    assert known
    assert failure == 'POST https://auth.test/revoke: 400: {"error":"***?"}'
    assert stored_token(load(CODE), place.context()) is None  # type: ignore[arg-type]
