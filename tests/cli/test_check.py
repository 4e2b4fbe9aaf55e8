"""`syncrun check`: who the API takes us for, before anything is read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from syncrun.engine.outside import Outside
from tests.api import Api
from tests.cli.test_events import check as check_event
from tests.project_folder import ProjectFolder

CONNECTOR = """
connector: shop
base_url: ${config.url}
config: {url: {}, key: {secret: true}}
auth: {type: bearer, token: "${config.key}"}
check: {request: /me, expect: id, who: email}
syncs:
  items: {request: /items, pagination: none, key: id, fields: {id: id}}
"""
NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)


@pytest.fixture
def shop(project: ProjectFolder, api: Api) -> ProjectFolder:
    """Two connections to one API, which has an open part as well."""
    project.write("connectors/shop.yaml", CONNECTOR)
    url = {"url": api.url}
    project.write_project(
        acme={"connector": "shop", "config": {**url, "key": "a-good-key"}},
        open={"connector": "store", "config": url},
    )
    return project


def at(api: Api, **headers: str) -> None:
    date = format_datetime(NOW + timedelta(seconds=12), usegmt=True)
    api.on("GET /me", json={"id": 7, "email": "ada@example.com"}, headers={"Date": date, **headers})


def test_a_good_connection_is_told_with_its_name_scopes_and_clock(shop: ProjectFolder, api: Api) -> None:
    at(api, **{"X-OAuth-Scopes": "repo, user"})
    done = shop.syncrun("check", outside=Outside(now=lambda: NOW))
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == (
        "✓ acme: ada@example.com; scopes: repo, user; its clock is 12 s ahead of this machine's\n"
        "- open: there is nothing to prove\n"
    )
    assert not shop.database.exists()


def test_as_json(shop: ProjectFolder, api: Api) -> None:
    at(api)
    [one] = shop.syncrun("check", "acme", "--json", outside=Outside(now=lambda: NOW)).events
    assert one == {
        "connection": "acme",
        "connector": "shop",
        "status": "ok",
        "who": "ada@example.com",
        "scopes": None,
        "clock_seconds": 12,
        "message": None,
        "hint": None,
    }


def test_r34_a_key_that_is_not_known_fails(shop: ProjectFolder, api: Api) -> None:
    api.on("GET /me", json={"message": "hello, stranger"})
    done = shop.syncrun("check", "acme")
    assert done.exit_code == 1
    assert done.stdout == (
        f"✗ acme: who is asking is not proven, so nothing was read: GET {api.url}/me: expect (id) does not"
        ' hold of the answer {"message": "hello, stranger"}\n'
        "  hint: check the credentials: syncrun check acme\n"
    )
    assert shop.syncrun("run", "acme").exit_code == 1


def test_a_connector_without_a_check_proves_nothing(shop: ProjectFolder) -> None:
    text = CONNECTOR.replace("check: {request: /me, expect: id, who: email}\n", "")
    shop.write("connectors/shop.yaml", text)
    done = shop.syncrun("check", "acme")
    assert done.exit_code == 1
    assert done.stdout == (
        "- acme: the connector has no check, so nothing proves the credentials\n"
        "  hint: add check: {request: /me, expect: id} to it\n"
    )
    shop.write("connectors/shop.yaml", f"{text}check: none\n")
    done = shop.syncrun("check", "acme")
    assert (done.exit_code, done.stdout) == (0, "- acme: the connector says `check: none`\n")


def test_names_that_mean_nothing_are_told(shop: ProjectFolder) -> None:
    done = shop.syncrun("check", "acmee")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "no connection or connector is called 'acmee'" in done.stderr


def test_explain_shows_it(shop: ProjectFolder) -> None:
    told = "who is asking: GET /me, once before anything is read; id must hold of the answer\n"
    assert told in shop.syncrun("explain", "acme/items").stdout
    [event, _] = shop.syncrun("explain", "acme/items", "--json").events
    check_event(event)
    assert event["check"].startswith("GET /me")


@pytest.mark.parametrize(
    ("yaml", "told"),
    [
        ("check: {expect: id}", "request"),
        ("check: maybe", "none"),
        ("check: {request: /me, expect: 'id ='}", "check"),
        ("check: {request: '/me/${cursor}'}", "'cursor' has no value here"),
        ("check: {request: /me, when: 'body.x'}", "body"),
    ],
)
def test_validate_tells_a_check_that_means_nothing(shop: ProjectFolder, yaml: str, told: str) -> None:
    line = "check: {request: /me, expect: id, who: email}"
    shop.write("connectors/shop.yaml", CONNECTOR.replace(line, yaml))
    done = shop.syncrun("validate", "connectors/shop.yaml")
    assert done.exit_code == 2
    assert "shop.yaml:6:" in done.stdout + done.stderr
    assert told in done.stdout + done.stderr
