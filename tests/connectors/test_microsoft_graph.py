"""The Microsoft Graph connector, against answers of the documented shape."""

from __future__ import annotations

from pathlib import Path

from tests.connectors.replay import Answer, Replay, counts

TOKEN = Answer(
    "POST https://login.microsoftonline.com/acme.example/oauth2/v2.0/token",
    {"token_type": "Bearer", "expires_in": 3599, "access_token": "eyJ0-1"},
    sent={
        "grant_type": "client_credentials",
        "scope": "https://graph.microsoft.com/.default",
        "client_id": "app-1",
        "client_secret": "shh-secret",
    },
)
FIRST = (
    "/users/delta?$select=id,displayName,givenName,surname,mail,userPrincipalName,jobTitle,department,"
    "accountEnabled,createdDateTime"
)
USERS = (Answer(FIRST, "users.1.json"), Answer("/users/delta?$skiptoken=s1", "users.2.json"))


def graph(folder: Path) -> Replay:
    return Replay(
        "microsoft_graph", folder, tenant="acme.example", client_id="app-1", client_secret="shh-secret"
    )


def test_users_are_read_once_and_then_by_the_delta_link(tmp_path: Path) -> None:
    api = graph(tmp_path)
    assert counts(api.run("users", TOKEN, *USERS)) == (2, 0, 0, 0)

    report = api.run("users", TOKEN, Answer("/users/delta?$deltatoken=d1", "users.3.json"))

    assert (report.mode, counts(report)) == ("incremental", (0, 1, 1, 0))
    assert api.rows("SELECT id, name, is_enabled FROM microsoft_graph.users") == [
        {"id": "u1", "name": "Wile E.", "is_enabled": False}
    ]


def test_r16_a_delta_link_that_is_gone_reads_everything_again(tmp_path: Path) -> None:
    api = graph(tmp_path)
    api.run("users", TOKEN, *USERS)
    gone = {"error": {"code": "syncStateNotFound", "message": "Resync required"}}

    report = api.run("users", TOKEN, Answer("/users/delta?$deltatoken=d1", gone, status=410), *USERS)

    assert (report.status, report.mode, counts(report)) == ("ok", "full", (0, 0, 0, 2))


def test_members_of_each_group(tmp_path: Path) -> None:
    api = graph(tmp_path)
    api.run("groups", TOKEN, Answer("/groups?$top=999", "groups.1.json"))

    members = Answer("/groups/g1/members?$select=id,displayName&$top=999", "members.1.json")
    assert counts(api.run("members", TOKEN, members)) == (1, 0, 0, 0)
    assert api.rows('SELECT "group", id, type FROM microsoft_graph.members') == [
        {"group": "g1", "id": "u1", "type": "user"}
    ]


def test_without_a_secret_a_person_signs_in_on_some_device(tmp_path: Path) -> None:
    api = Replay("microsoft_graph", tmp_path, tenant="acme.example", client_id="app-1")
    api.sign_in("eyJ0-2")

    assert api.run("groups", Answer("/groups?$top=999", "groups.1.json")).status == "ok"
    assert api.requests[0].headers["authorization"] == "Bearer eyJ0-2"


def test_throttling_is_waited_for_and_a_refusal_is_told(tmp_path: Path) -> None:
    api = graph(tmp_path)
    busy = {"error": {"code": "TooManyRequests", "message": "Too many requests"}}
    denied = {"error": {"code": "Authorization_RequestDenied", "message": "Insufficient privileges."}}

    report = api.run(
        "groups",
        TOKEN,
        Answer("/groups?$top=999", busy, status=429, headers={"Retry-After": "10"}),
        Answer("/groups?$top=999", denied, status=403),
    )

    assert api.slept == [10.0]
    assert (report.status, report.message) == (
        "failed",
        "GET https://graph.microsoft.com/v1.0/groups?%24top=999: 403 after 2 attempts: Authorization_RequestDenied: Insufficient privileges.",
    )
