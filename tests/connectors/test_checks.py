"""Who is asking: each built-in connector proves it by a request of its own, or says why there is none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from syncrun.config.load import find_connector, load_connector
from syncrun.engine.identity import ask_who
from syncrun.engine.job import Job
from syncrun.errors import RunError
from syncrun.stores.values.ids import SyncId
from tests.connectors.replay import CONNECTORS, Answer, Replay
from tests.connectors.test_built_in import NAMES
from tests.lab import Lab

# What each API says of who asks: `connectors/NAME/check.json`, as documented.
ASKED = {
    "airtable": ("GET", "https://api.airtable.com/v0/meta/whoami", "ada@example.com"),
    "aws": (
        "GET",
        "https://sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15",
        "arn:aws:iam::123456789012:user/ada",
    ),
    "github": ("POST", "https://api.github.com/graphql", "acme-bot"),
    "github_search": ("POST", "https://api.github.com/graphql", "acme-bot"),
    "gitlab": ("GET", "https://gitlab.example/api/v4/user", "ada"),
    "google_calendar": (
        "GET",
        "https://www.googleapis.com/calendar/v3/calendars/primary",
        "ada@example.com",
    ),
    "hubspot": ("GET", "https://api.hubapi.com/account-info/v3/details", "62515"),
    "intercom": ("GET", "https://api.intercom.io/me", "ada@example.com"),
    "jira": ("GET", "https://acme.atlassian.net/rest/api/3/myself", "Ada Lovelace"),
    "linear": ("POST", "https://api.linear.app/graphql", "ada@example.com"),
    "metabase": ("GET", "https://metabase.example/api/user/current", "ada@example.com"),
    "mongodb_atlas": ("GET", "https://cloud.mongodb.com/api/atlas/v2/orgs", "Acme"),
    "notion": ("GET", "https://api.notion.com/v1/users/me", "syncrun"),
    "reddit": ("GET", "https://oauth.reddit.com/api/v1/me", "acme_bot"),
    "salesforce": (
        "GET",
        "https://acme.my.salesforce.com/services/data/v61.0/",
        "https://login.salesforce.com/id/00Dx0000001T0zkEAC/005x0000001S2b9AAC",
    ),
    "shopify": ("POST", "https://acme.myshopify.com/admin/api/2025-10/graphql.json", "acme.myshopify.com"),
    "slack": ("GET", "https://slack.com/api/auth.test", "syncrun in Acme"),
    "stripe": ("GET", "https://api.stripe.com/v1/events?limit=1", ""),
    "zendesk": ("GET", "https://acme.zendesk.com/api/v2/users/me.json", "ada@example.com"),
}
# What these APIs answer to somebody they do not know, with status 200.
STRANGERS: dict[str, Any] = {
    "linear": {"data": {"viewer": None}},
    "mongodb_atlas": {"results": [], "totalCount": 0},
    "slack": {"ok": False, "error": "invalid_auth"},
    "stripe": {"error": {"message": "no such key"}},
    "zendesk": {"user": {"id": None, "name": "Anonymous user"}},
}
CONFIG = {
    "domain": "acme.my.salesforce.com",
    "host": "api.intercom.io",
    "owner": "acme",
    "query": "org:acme",
    "shop": "acme",
    "site": "acme",
    "subdomain": "acme",
    "username": "acme",
    "regions": ["us-east-1"],
}
URLS = {"gitlab": "https://gitlab.example", "metabase": "https://metabase.example"}


def sample(name: str) -> httpx.Response:
    [file] = CONNECTORS.glob(f"{name}/check.*")
    return httpx.Response(200, content=file.read_bytes())


def ask(name: str, folder: Path, answer: httpx.Response) -> tuple[str, list[httpx.Request]]:
    """Ask who we are; sign-ins are left out. Return the name that the API gives us, and what was sent."""
    lab, sent = Lab(folder), list[httpx.Request]()
    connector = load_connector(find_connector(name, [])).model_copy(update={"auth": None, "rate_limit": None})
    config: Mapping[str, Any] = {
        **{key: f"a-{key}" for key, entry in connector.config.items() if entry.secret},
        **{key: value for key, value in CONFIG.items() if key in connector.config},
        "url": URLS.get(name),
    }

    def api(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return answer

    lab.api = api
    job = Job(SyncId("acme", name, next(iter(connector.syncs))), connector, config)
    identity = ask_who(job, lab._runtime(), lambda _exchange: None)
    assert identity is not None
    return identity.who, sent


def test_every_connector_with_credentials_has_a_check_or_says_why_not() -> None:
    connectors = {name: load_connector(find_connector(name, [])) for name in NAMES}
    assert {name for name, connector in connectors.items() if connector.identity_check} == set(ASKED)
    for name, connector in connectors.items():
        if connector.auth_entries and connector.check == "none":
            assert "check: none    # " in (CONNECTORS / f"{name}.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ASKED)
def test_r34_the_api_says_who_is_asking(name: str, tmp_path: Path) -> None:
    method, url, who = ASKED[name]
    found, [request] = ask(name, tmp_path, sample("github" if name == "github_search" else name))
    assert (request.method, str(request.url), found) == (method, url, who)


@pytest.mark.parametrize("name", ASKED)
def test_r34_an_answer_about_nobody_proves_nothing(name: str, tmp_path: Path) -> None:
    stranger = STRANGERS.get(name, {})
    text = "<GetCallerIdentityResponse/>" if name == "aws" else json.dumps(stranger)
    with pytest.raises(RunError, match="who is asking is not proven"):
        ask(name, tmp_path, httpx.Response(200, text=text))


def test_a_run_of_a_built_in_connector_asks_first(tmp_path: Path) -> None:
    api = Replay("slack", tmp_path, token="xoxb-1")
    users = {"ok": True, "members": [], "response_metadata": {"next_cursor": ""}}
    report = api.run(
        "users", Answer("/auth.test", "check.json"), Answer("/users.list?limit=200", users), check=True
    )
    assert report.status == "ok"
    assert {request.headers["authorization"] for request in api.requests} == {"Bearer xoxb-1"}


def test_without_a_token_github_shows_what_is_public_and_there_is_nothing_to_prove(tmp_path: Path) -> None:
    api = Replay("github", tmp_path, owner="acme-labs")
    url = "/users/acme-labs/repos?per_page=100&type=owner&sort=full_name"
    assert api.run("repos", Answer(url, []), check=True).status == "ok"
