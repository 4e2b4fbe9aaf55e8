"""OAuth against a certified server, whose reading of the RFCs is not ours."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest

from syncrun.engine.job import Job, Options, Runtime, utc_now
from syncrun.engine.report import RunReport
from syncrun.engine.run import run_sync
from syncrun.engine.selection import Workspace, open_workspace
from syncrun.engine.signin import sign_in, sign_out, status
from tests.api import Answer, Api, Received
from tests.integration.servers import serve
from tests.project_folder import ProjectFolder

HERE = Path(__file__).parent
CACHE = Path.home() / ".cache" / "syncrun-tests" / "oidc-provider-9"
KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
SECRET = "s3cret/+ of web"
CONNECTOR = """\
connector: lab
base_url: {api}
config: {{client_secret: {{secret: true}}}}
auth:
  type: oauth2
  token_url: {issuer}/token
  revoke_url: {issuer}/token/revocation
  scopes: [openid, offline_access]
{auth}
syncs:
  items: {{request: /items, key: id}}
"""
WEB = "  client_id: web\n  client_secret: ${{config.client_secret}}\n"
GRANTS = {
    "authorization_code": WEB
    + "  grant: authorization_code\n  authorize_url: {issuer}/auth\n"
    + "  authorize_params: {{prompt: consent}}\n",
    "device_code": "  client_id: tv\n  grant: device_code\n  device_url: {issuer}/device/auth\n",
    "client_credentials": WEB + "  grant: client_credentials\n",
}


@pytest.fixture(scope="session")
def issuer() -> Iterator[str]:
    """The URL of an oidc-provider; npm installs it once into a cache."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    if not (CACHE / "node_modules" / "oidc-provider").is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(CACHE), "oidc-provider@9"]
        subprocess.run(command, check=True, capture_output=True, timeout=180)
    shutil.copy(HERE / "oidc_server.mjs", CACHE)
    with serve(["node", "oidc_server.mjs"], CACHE) as url:
        yield url


class Place:
    """A project whose API takes the tokens that the server says are active, and a clock to turn."""

    def __init__(self, folder: Path, issuer: str, api: Api, grant: str) -> None:
        self.issuer, self.tokens = issuer, list[str]()
        self.project = ProjectFolder(folder)
        text = CONNECTOR.format(api=api.url, issuer=issuer, auth=GRANTS[grant].format(issuer=issuer))
        if grant == "client_credentials":
            text = text.replace("offline_access", "read").replace("openid, ", "")
            text = text.replace(f"  revoke_url: {issuer}/token/revocation\n", "")
        self.project.write("connectors/lab.yaml", text)
        self.project.write(".env", f"SYNCRUN_SECRET_KEY={KEY}\n")
        self.project.write_project(acme={"connector": "lab", "config": {"client_secret": SECRET}})
        self.workspace: Workspace = open_workspace(folder)
        self.ahead = timedelta()
        api.on("GET /items", self.items)

    def items(self, request: Received) -> Answer:
        token = request.headers["authorization"].removeprefix("Bearer ")
        self.tokens.append(token)
        pair = httpx.BasicAuth("web", "s3cret%2F%2B+of+web")
        form = {"token": token}
        found = httpx.post(f"{self.issuer}/token/introspection", data=form, auth=pair, trust_env=False)
        return Answer(json=[{"id": 1}]) if found.json()["active"] else Answer(status=401, json={})

    @property
    def job(self) -> Job:
        return self.workspace.jobs(["acme"])[0]

    def now(self) -> datetime:
        return utc_now() + self.ahead

    def runtime(self) -> Runtime:
        store, environ = self.workspace.store(), self.workspace.environ
        pause = threading.Event()
        return Runtime(
            store,
            self.workspace.database,
            now=self.now,
            environ=environ,
            sleep=lambda _seconds: bool(pause.wait(0.05)) and None,
        )

    def run(self) -> RunReport:
        return run_sync(self.job, Options(), self.runtime())


@pytest.fixture
def place(tmp_path: Path, issuer: str, request: pytest.FixtureRequest) -> Iterator[Place]:
    with Api() as api:
        yield Place(tmp_path, issuer, api, request.param)


class Form(HTMLParser):
    """The first form of a page: where it goes, and its fields."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form" and self.action is None:
            self.action = values.get("action", "")
        elif tag == "input" and values.get("name"):
            self.fields[values["name"]] = values.get("value", "")


def browse(url: str, code: str) -> None:
    """Fill in every form that comes up, as a person would."""
    del code
    with httpx.Client(follow_redirects=True, trust_env=False) as client:
        page = client.get(url)
        for _ in range(6):
            form = Form(page.text)
            if form.action is None:
                return
            fields = {**form.fields, **({"login": "ada", "password": "x"} if "login" in form.fields else {})}
            page = client.post(page.url.join(form.action), data=fields)


def in_browser(url: str, code: str) -> None:
    threading.Thread(target=browse, args=(url, code), daemon=True).start()


both = pytest.mark.parametrize("place", ["authorization_code", "device_code"], indirect=True)


@both
def test_a_person_signs_in_and_rotating_tokens_are_renewed(place: Place) -> None:
    found = sign_in(place.job, place.runtime(), in_browser, timeout=60)
    assert (found.state, found.renews, set(found.scopes.split())) == (
        "signed in",
        True,
        {"openid", "offline_access"},
    )

    for hours in range(3):
        place.ahead = timedelta(hours=hours)
        report = place.run()
        assert (report.status, report.message) == ("ok", "")
    assert len(set(place.tokens)) == 3

    assert sign_out(place.job, place.runtime()) == (True, "")
    assert status(place.job, place.runtime()).state == "not signed in"
    assert place.run().status == "failed"


@both
def test_a_refresh_token_that_the_server_no_longer_takes_is_told(place: Place) -> None:
    sign_in(place.job, place.runtime(), in_browser, timeout=60)
    runtime = place.runtime()
    stored: Any = runtime.credentials.load("acme/lab")
    form = {"token": stored["refresh"], "client_id": "tv"}
    pair = (
        None
        if "tv" in (place.project.folder / "connectors/lab.yaml").read_text()
        else ("web", "s3cret%2F%2B+of+web")
    )
    httpx.post(
        f"{place.issuer}/token/revocation",
        data=form if pair is None else {"token": stored["refresh"]},
        auth=pair,
        trust_env=False,
    )
    place.ahead = timedelta(hours=1)

    report = place.run()

    assert report.message == "no token for acme: the API refuses: invalid_grant: grant request is invalid"
    assert report.hint == "sign in with `syncrun auth login acme`"


@pytest.mark.parametrize("place", ["client_credentials"], indirect=True)
def test_a_secret_with_every_kind_of_character_reaches_the_server_as_the_rfc_says(place: Place) -> None:
    assert place.run().status == "ok"
    assert len(place.tokens) == 1
