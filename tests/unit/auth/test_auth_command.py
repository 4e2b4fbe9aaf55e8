"""`syncrun auth`, and runs with issued tokens: a project, an API and its authorization server on loopback."""

from __future__ import annotations

import subprocess
import sys
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlsplit

import httpx
import pytest

from tests.api import Answer, Api, Received
from tests.project_folder import ProjectFolder, clean_environment

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
CONNECTOR = """\
connector: lab
base_url: {url}
config: {{client_secret: {{secret: true}}, token: {{secret: true, optional: true}}}}
auth:
  - {{when: config.token, type: bearer, token: "${{config.token}}"}}
  - type: oauth2
    grant: authorization_code
    authorize_url: {url}/authorize
    token_url: {url}/token
    revoke_url: {url}/revoke
    client_id: client-1
    client_secret: ${{config.client_secret}}
    scopes: [read]
syncs:
  items: {{request: /items, key: id, pagination: {{type: next_url, url: next}}, records: items, fields: [id]}}
"""
SECRETS = ["s3cret/s3cret+1", "issued/access+1", "issued/access+2", "issued/refresh+1", "issued/refresh+2"]


class Server:
    """Signs everybody in, and lets each token live for one page."""

    def __init__(self, api: Api) -> None:
        self.api, self.number, self.fail = api, 0, ""
        api.on("GET /authorize", self.authorize)
        api.on("POST /token", self.issue)
        api.on("POST /revoke", json={})
        api.on("GET /items", self.items)

    def authorize(self, request: Received) -> Answer:
        return Answer(
            redirect=f"{request.params['redirect_uri']}?code=code-001&state={request.params['state']}"
        )

    def issue(self, request: Received) -> Answer:
        self.number += 1
        if self.fail == request.form["grant_type"]:
            return Answer(
                status=400, json={"error": "invalid_grant", "error_description": f"bad {request.body!r}"}
            )
        tokens = {
            "access_token": f"issued/access+{self.number}",
            "refresh_token": f"issued/refresh+{self.number}",
        }
        return Answer(json={**tokens, "expires_in": 3600, "scope": "read"})

    def items(self, request: Received) -> Answer:
        if request.headers.get("authorization") != f"Bearer issued/access+{self.number}":
            return Answer(status=401, json={"error": request.headers.get("authorization")})
        page = int(request.params.get("page", "1"))
        if self.fail == "page":
            given = request.headers["authorization"]
            return Answer(
                status=403, text=f"no {given} {quote(given, safe='')} {b64encode(given.encode()).decode()}"
            )
        if page == 1:
            self.number += 1  # the token ends between two pages, and so does its refresh token not
            return Answer(json={"items": [{"id": 1}], "next": "/items?page=2"})
        return Answer(json={"items": [{"id": 2}], "next": None})


@pytest.fixture
def project(tmp_path: Path) -> Iterator[tuple[ProjectFolder, Server]]:
    with Api() as api:
        folder = ProjectFolder(tmp_path, env={"SYNCRUN_SECRET_KEY": KEY})
        folder.write("connectors/lab.yaml", CONNECTOR.format(url=api.url))
        folder.write_project(acme={"connector": "lab", "config": {"client_secret": SECRETS[0]}})
        yield folder, Server(api)


def log_in(project: ProjectFolder) -> str:
    """Run `auth login` as a process, and be its browser; return what it wrote."""
    lines = []
    with subprocess.Popen(
        [sys.executable, "-m", "syncrun", "auth", "login", "acme"],
        cwd=project.folder,
        env={**clean_environment(), "SYNCRUN_SECRET_KEY": KEY},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        for line in process.stderr or ():
            lines.append(line)
            if line.strip().startswith("http://"):
                answer = httpx.get(line.strip(), follow_redirects=True, trust_env=False)
                assert "Signed in." in answer.text
    assert process.returncode == 0, lines
    return "".join(lines)


def spellings(secret: str) -> list[bytes]:
    raw = secret.encode()
    return [
        raw,
        quote(secret, safe="").encode(),
        b64encode(raw).rstrip(b"="),
        urlsafe_b64encode(raw).rstrip(b"="),
    ]


def exposed(folder: Path, *texts: str) -> list[tuple[str, str]]:
    """Return every place outside of the project's own file where a secret can be read."""
    places = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    places.pop("syncrun.yaml")
    places |= {f"output {number}": text.encode() for number, text in enumerate(texts)}
    return [
        (place, s) for place, content in places.items() for s in SECRETS for t in spellings(s) if t in content
    ]


def test_r20_a_person_signs_in_and_runs_renew_the_token_unseen(project: tuple[ProjectFolder, Server]) -> None:
    folder, server = project
    before = folder.syncrun("run", "acme")
    assert before.exit_code == 1
    assert "acme is not signed in" in before.stderr
    assert "hint: sign in with `syncrun auth login acme`" in before.stderr

    shown = log_in(folder)
    url = next(line.strip() for line in shown.splitlines() if line.strip().startswith("http://"))
    assert dict(parse_qsl(urlsplit(url).query))["client_id"] == "client-1"
    assert shown.splitlines()[-1].startswith("acme: signed in; the token ends 20")

    outcome = folder.run("acme")
    assert outcome.counts("items") == (2, 0, 0, 0)
    assert server.number == 3
    assert exposed(folder.folder, shown, before.stderr, outcome.stdout, outcome.stderr) == []


def test_status_tells_how_connections_stand_without_secrets(project: tuple[ProjectFolder, Server]) -> None:
    folder, _ = project
    secrets = {"client_secret": SECRETS[0]}
    folder.write_project(
        acme={"connector": "lab", "config": secrets},
        other={"connector": "lab", "config": {**secrets, "token": "own-token-1"}},
    )
    assert [line.split(maxsplit=1) for line in folder.syncrun("auth", "status").stdout.splitlines()] == [
        ["acme", "oauth2 authorization_code  not signed in"],
        ["other", "bearer                     its credentials are in the config"],
    ]
    log_in(folder)
    status = folder.syncrun("auth", "status", "acme", "--json")

    (event,) = status.events
    assert {name: event[name] for name in ("state", "scopes", "renews")} == {
        "state": "signed in",
        "scopes": "read",
        "renews": True,
    }
    assert exposed(folder.folder, status.stdout) == []


def test_logout_revokes_and_forgets(project: tuple[ProjectFolder, Server]) -> None:
    folder, server = project
    log_in(folder)
    first, second = folder.syncrun("auth", "logout", "acme"), folder.syncrun("auth", "logout", "acme")

    assert (first.exit_code, first.stderr) == (0, "acme: signed out\n")
    assert (second.exit_code, second.stderr) == (0, "acme: was not signed in\n")
    (revoked,) = server.api.asked("/revoke")
    assert revoked.form["token"] == "issued/refresh+1"
    assert folder.syncrun("run", "acme").exit_code == 1


def test_a_connection_with_credentials_in_its_config_has_nothing_to_sign_in_to(
    project: tuple[ProjectFolder, Server],
) -> None:
    folder, _ = project
    config = {"client_secret": "x-secret-x", "token": "own-token-1"}
    folder.write_project(acme={"connector": "lab", "config": config})
    outcome = folder.syncrun("auth", "login", "acme")

    assert (outcome.exit_code, outcome.stderr) == (
        2,
        (
            "error: acme has nothing to sign in to: its auth is bearer\n"
            "  hint: only oauth2 with the grant authorization_code or device_code asks a person\n"
        ),
    )


@pytest.mark.parametrize("step", ["refresh_token", "page"])
def test_r23_a_run_that_fails_at_any_step_of_auth_shows_no_secret(
    project: tuple[ProjectFolder, Server], step: str
) -> None:
    folder, server = project
    log_in(folder)
    server.number += step == "refresh_token"
    server.fail = step
    outcomes = [folder.syncrun("run", "acme"), folder.syncrun("run", "acme", "--json")]

    assert [outcome.exit_code for outcome in outcomes] == [1, 1]
    assert "***" in outcomes[0].stderr
    assert exposed(folder.folder, *(text for o in outcomes for text in (o.stdout, o.stderr))) == []
    assert folder.query("SELECT count(*) FROM syncrun.runs WHERE status = 'failed'") == [(2,)]


def test_r24_a_key_in_the_projects_env_file_is_used(
    tmp_path: Path, project: tuple[ProjectFolder, Server]
) -> None:
    folder, _ = project
    log_in(folder)
    plain = ProjectFolder(tmp_path)
    assert "there is no key" in plain.syncrun("run", "acme").stderr
    plain.write(".env", f"SYNCRUN_SECRET_KEY={KEY}\n")

    plain.run("acme")
