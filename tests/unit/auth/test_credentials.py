"""Issued credentials at rest: encrypted, replaced as a whole, changed by one process at a time."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from syncrun.auth.credentials import Credentials
from syncrun.auth.encryption import find_key
from syncrun.errors import LockedError, UsageError
from tests.api import Answer, Api, Received
from tests.project_folder import clean_environment

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
OTHER = "YWJjZGVmZ2hpamFiY2RlZmdoaWphYmNkZWZnaGlqYWI="
ENVIRON = {"SYNCRUN_SECRET_KEY": KEY}
VALUES = {"secret": "token-001", "refresh": "refresh-001"}


def files(folder: Path, suffix: str = "") -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.name.endswith(suffix))


def test_r24_what_is_saved_is_encrypted_and_its_owners_alone(tmp_path: Path) -> None:
    credentials = Credentials(tmp_path / "c", ENVIRON)
    with credentials.hold("acme/lab"):
        credentials.save("acme/lab", VALUES)

    assert Credentials(tmp_path / "c", ENVIRON).load("acme/lab") == VALUES
    assert stat.S_IMODE((tmp_path / "c").stat().st_mode) == 0o700
    for path in files(tmp_path / "c"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert b"001" not in path.read_bytes()
    assert [path.suffix for path in files(tmp_path / "c")] == [".lock", ".token"]


def test_without_a_key_nothing_is_written(tmp_path: Path) -> None:
    credentials = Credentials(tmp_path / "c", {})
    with credentials.hold("acme/lab"):
        credentials.save("acme/lab", VALUES)

    assert credentials.load("acme/lab") == VALUES
    assert not credentials.persistent
    assert files(tmp_path) == []
    assert credentials.forget("acme/lab")
    assert not credentials.forget("acme/lab")


def test_names_that_differ_only_in_case_are_kept_apart(tmp_path: Path) -> None:
    credentials = Credentials(tmp_path, ENVIRON)
    credentials.save("acme/lab", {"secret": "a"})
    credentials.save("Acme/lab", {"secret": "b"})

    assert credentials.load("acme/lab") == {"secret": "a"}
    assert len({path.name.lower() for path in files(tmp_path, ".token")}) == 2


def test_a_key_can_be_replaced(tmp_path: Path) -> None:
    Credentials(tmp_path, ENVIRON).save("acme/lab", VALUES)
    both = Credentials(tmp_path, {"SYNCRUN_SECRET_KEY": f"{OTHER},{KEY}"})
    assert both.load("acme/lab") == VALUES
    both.save("acme/lab", VALUES)

    assert Credentials(tmp_path, {"SYNCRUN_SECRET_KEY": OTHER}).load("acme/lab") == VALUES


def test_another_key_is_one_clear_message_and_loses_nothing(tmp_path: Path) -> None:
    Credentials(tmp_path, ENVIRON).save("acme/lab", VALUES)
    with pytest.raises(UsageError) as caught:
        Credentials(tmp_path, {"SYNCRUN_SECRET_KEY": OTHER}).load("acme/lab")

    (path,) = files(tmp_path, ".token")
    assert str(caught.value) == (
        "the stored credentials of acme/lab cannot be decrypted\n"
        "  hint: SYNCRUN_SECRET_KEY is not the key they were written with; "
        f"give that one, or remove {path} and sign in again"
    )
    assert Credentials(tmp_path, ENVIRON).load("acme/lab") == VALUES


def test_a_file_that_was_swapped_for_that_of_another_connection_is_not_used(tmp_path: Path) -> None:
    credentials = Credentials(tmp_path, ENVIRON)
    credentials.save("acme/lab", VALUES)
    (path,) = files(tmp_path, ".token")
    credentials.save("other/lab", {"secret": "x"})
    (other,) = set(files(tmp_path, ".token")) - {path}
    path.replace(other)

    assert credentials.load("other/lab") is None


@pytest.mark.parametrize("key", ["short", KEY + "AAAA", "ä" * 44, "-"])
def test_a_key_that_is_none_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(UsageError) as caught:
        find_key({"SYNCRUN_SECRET_KEY": key}, _no_keyring)

    assert caught.value.message == "SYNCRUN_SECRET_KEY is no key: it must be 32 bytes in Base64"
    assert "openssl rand -base64 32" in caught.value.hint


@pytest.mark.parametrize("key", [KEY, KEY.rstrip("="), f" {KEY}\n", "/+" * 21 + "8=", "_-" * 21 + "8="])
def test_every_spelling_of_base64_is_a_key(key: str) -> None:
    assert find_key({"SYNCRUN_SECRET_KEY": key}, _no_keyring) is not None


def _no_keyring() -> Any:
    raise ImportError


class Ring(ModuleType):
    def __init__(self, *, locked: bool = False) -> None:
        super().__init__("ring")
        self.kept: dict[tuple[str, str], str] = {}
        self.locked = locked
        self.errors = SimpleNamespace(KeyringError=KeyError)

    def get_password(self, *entry: str) -> str | None:
        if self.locked:
            raise KeyError
        return self.kept.get((entry[0], entry[1]))

    def set_password(self, service: str, name: str, value: str) -> None:
        self.kept[service, name] = value


def test_the_keyring_is_asked_when_there_is_no_variable() -> None:
    ring = Ring()
    first = find_key({}, lambda: ring)
    second = find_key({}, lambda: ring)

    assert first is not None
    assert second is not None
    assert second.decrypt(first.encrypt(b"x")) == b"x"
    assert find_key({}, lambda: Ring(locked=True)) is None
    assert find_key({}, _no_keyring) is None


def test_threads_take_turns(tmp_path: Path) -> None:
    def count(credentials: Credentials) -> None:
        with credentials.hold("acme/lab"):
            values = credentials.load("acme/lab") or {"n": 0}
            credentials.save("acme/lab", {"n": values["n"] + 1})

    shared = Credentials(tmp_path, ENVIRON)
    own = [Credentials(tmp_path, ENVIRON, sleep=lambda _seconds: os.sched_yield()) for _ in range(20)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count, [*own, *[shared] * 20]))

    assert shared.load("acme/lab") == {"n": 40}


def test_waiting_for_another_process_has_an_end(tmp_path: Path) -> None:
    time = iter(range(1000))
    patient = Credentials(
        tmp_path, ENVIRON, clock=lambda: float(next(time)), sleep=lambda _s: None, timeout=5
    )
    with (
        Credentials(tmp_path, ENVIRON).hold("acme/lab"),
        pytest.raises(LockedError) as caught,
        patient.hold("acme/lab"),
    ):
        pass

    assert caught.value.message == "another process is busy getting a token for acme/lab"


# ── real processes ────────────────────────────────────────────────────────────────────────────────────

CONNECTOR = """\
connector: lab
base_url: {url}
config: {{refresh: {{secret: true}}}}
auth:
  type: oauth2
  grant: refresh_token
  token_url: {url}/token
  refresh_token: ${{config.refresh}}
syncs:
"""


class Rotating:
    """An authorization server that ends an account when a refresh token is used a second time."""

    def __init__(self, api: Api) -> None:
        self._lock = threading.Lock()
        self.used: list[str] = []
        self.current = "refresh-000"
        self.number = 0
        self.revoked = False
        api.on("POST /token", self.issue)
        api.on("GET *", self.serve)

    def issue(self, request: Received) -> Answer:
        with self._lock:
            given = request.form["refresh_token"]
            self.used.append(given)
            if given != self.current or self.revoked:
                self.revoked = True
                return Answer(status=400, json={"error": "invalid_grant"})
            self.number += 1
            self.current = f"refresh-{self.number:03}"
            answer = {"access_token": f"token-{self.number:03}", "refresh_token": self.current}
            return Answer(json={**answer, "expires_in": 3600})

    def serve(self, request: Received) -> Answer:
        fresh = request.headers["authorization"] == f"Bearer token-{self.number:03}"
        return Answer(json=[{"id": 1}]) if fresh else Answer(status=401, json={})


def start(folder: Path, *args: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "syncrun", "run", *args, "--quiet"],
        cwd=folder,
        env={**clean_environment(), **ENVIRON},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.slow
def test_processes_that_refresh_the_same_rotating_token_do_not_lose_it(tmp_path: Path) -> None:
    with Api() as api:
        server = Rotating(api)
        (tmp_path / "connectors").mkdir()
        syncs = "".join(f"  s{n}: {{request: /s{n}, key: id}}\n" for n in range(2))
        text = CONNECTOR.format(url=api.url) + syncs
        (tmp_path / "connectors" / "lab.yaml").write_text(text)
        connections = "connections: {acme: {connector: lab, config: {refresh: refresh-000}}}\n"
        (tmp_path / "syncrun.yaml").write_text(f"database: data.duckdb\n{connections}")
        for _ in range(2):
            processes = [start(tmp_path, f"acme/s{n}") for n in range(2)]
            outputs = [process.communicate(timeout=60)[0] for process in processes]
            assert [process.returncode for process in processes] == [0] * 2, outputs
            server.number += 1  # every token that was issued so far is refused from now on

        assert not server.revoked
        assert len(server.used) == len(set(server.used)) == 2
        for path in files(tmp_path):
            assert path.is_dir() or b"refresh-00" not in path.read_bytes() or path.name == "syncrun.yaml"
