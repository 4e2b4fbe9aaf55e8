"""The Salesforce connector, against answers of the documented shape."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.connectors.replay import Answer, Replay, counts

HOST = "https://acme.my.salesforce.com"
SIGN_IN = f"POST {HOST}/services/oauth2/token"
TOKEN = {"access_token": "00Dat1", "instance_url": HOST, "token_type": "Bearer", "issued_at": "1717243200000"}
ACCOUNTS = (
    "SELECT Id, IsDeleted, Name, Type, Industry, Website, Phone, BillingCity, BillingCountry, NumberOfEmployees,"
    " AnnualRevenue, OwnerId, CreatedDate, SystemModstamp FROM Account WHERE SystemModstamp >= {} ORDER BY"
    " SystemModstamp, Id"
)
CONTACTS = (
    "SELECT Id, AccountId, FirstName, LastName, Email, Phone, Title, OwnerId, CreatedDate, SystemModstamp FROM Contact"
    " WHERE SystemModstamp >= {} ORDER BY SystemModstamp, Id"
)
EVER = "1970-01-01T00:00:00Z"
CLIENT = {"domain": "acme.my.salesforce.com", "client_id": "3MVG9"}
FIRST_ACCOUNTS = (
    Answer(f"/queryAll?q={ACCOUNTS.format(EVER)}", "accounts.1.json"),
    Answer("/query/01gAAAA-2000", "accounts.2.json"),
)


def signs_in(token: str = "00Dat1") -> Answer:
    sent = {
        "grant_type": "refresh_token",
        "refresh_token": "5Aep8",
        "client_id": "3MVG9",
        "client_secret": "c-9",
    }
    return Answer(SIGN_IN, {**TOKEN, "access_token": token}, sent=sent)


@pytest.fixture
def api(tmp_path: Path) -> Replay:
    api = Replay("salesforce", tmp_path, refresh_token="5Aep8", client_secret="c-9", **CLIENT)
    api.keep_secrets()
    return api


def refused(query: str, status: int, code: str, message: str) -> Answer:
    return Answer(query, [{"errorCode": code, "message": message}], status=status)


def test_a_query_goes_on_at_its_locator(api: Replay) -> None:
    report = api.run("accounts", signs_in(), *FIRST_ACCOUNTS)

    assert (report.status, report.pages, counts(report)) == ("ok", 2, (2, 0, 0, 0))
    assert {request.headers["Authorization"] for request in api.requests[1:]} == {"Bearer 00Dat1"}
    assert api.rows("SELECT id, name, revenue, employees FROM salesforce.accounts ORDER BY id") == [
        {"id": "001AAAAAAAAAAAA1", "name": "Acme", "revenue": Decimal("1250000.50"), "employees": 12},
        {"id": "001AAAAAAAAAAAA2", "name": "Road Runner Ltd", "revenue": None, "employees": None},
    ]


def test_what_is_in_the_recycle_bin_is_deleted(api: Replay) -> None:
    api.run("accounts", signs_in(), *FIRST_ACCOUNTS)

    changed = Answer(f"/queryAll?q={ACCOUNTS.format('2024-05-02T09:50:00Z')}", "accounts.3.json")
    report = api.run("accounts", changed)

    assert (report.mode, counts(report)) == ("incremental", (0, 0, 1, 0))


def test_a_session_that_ended_is_renewed(api: Replay) -> None:
    query, second = FIRST_ACCOUNTS
    ended = refused("/query/01gAAAA-2000", 401, "INVALID_SESSION_ID", "Session expired or invalid")

    report = api.run("accounts", signs_in(), query, ended, signs_in("00Dat2"), second)

    assert report.status == "ok"
    assert [request.headers.get("Authorization") for request in api.requests[1:]] == [
        "Bearer 00Dat1",
        "Bearer 00Dat1",
        None,
        "Bearer 00Dat2",
    ]


def deleted(start: str, end: str, body: Any, status: int = 200) -> Answer:
    return Answer(f"/sobjects/Contact/deleted/?start={start}&end={end}", body, status=status)


def test_deleted_contacts_come_from_their_own_list(api: Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api.clock, "now", lambda: api.clock.time)  # a clock that stands still
    api.run("contacts", signs_in(), Answer(f"/query?q={CONTACTS.format(EVER)}", "contacts.1.json"))

    since = "2024-05-01T10:50:00Z"
    nothing = Answer(f"/query?q={CONTACTS.format(since)}", {"totalSize": 0, "done": True, "records": []})
    gone = {
        "deletedRecords": [{"id": "003AAAAAAAAAAAA2", "deletedDate": "2024-05-20T12:00:00.000+0000"}],
        "earliestDateAvailable": "2024-04-01T00:00:00.000+0000",
        "latestDateCovered": "2024-06-01T12:00:00.000+0000",
    }
    report = api.run("contacts", deleted(since, "2024-06-01T12:00:00Z", gone), nothing)

    assert (report.mode, counts(report)) == ("incremental", (0, 0, 1, 0))
    assert api.column("SELECT first_name FROM salesforce.contacts") == ["Wile"]


def test_when_the_list_of_the_deleted_does_not_reach_back_all_is_read(
    api: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.clock, "now", lambda: api.clock.time)
    whole = Answer(f"/query?q={CONTACTS.format(EVER)}", "contacts.1.json")
    api.run("contacts", signs_in(), whole)

    since = "2024-05-01T10:50:00Z"
    too_old = [
        {"errorCode": "INVALID_REPLICATION_DATE", "message": "startDate before org replication enabled date"}
    ]
    only = {"totalSize": 1, "done": True, "records": [{"Id": "003AAAAAAAAAAAA1", "FirstName": "Wile"}]}
    report = api.run(
        "contacts",
        deleted(since, "2024-06-01T12:00:00Z", too_old, 400),
        Answer(f"/query?q={CONTACTS.format(EVER)}", only),
    )

    assert len(report.notes) == 2  # the other tells of fields that this answer leaves null
    assert report.notes[0].startswith(
        "the cursor has expired, everything is read again: GET https://acme.my."
    )
    assert report.notes[0].endswith(": 400: startDate before org replication enabled date")
    assert (report.mode, counts(report)) == ("full", (0, 1, 1, 0))


def test_the_limit_of_requests_is_waited_for_and_a_wrong_query_is_told(api: Replay) -> None:
    query = FIRST_ACCOUNTS[0].url
    report = api.run(
        "accounts",
        signs_in(),
        refused(query, 403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
        refused(query, 400, "INVALID_FIELD", "No such column 'AnnualRevenue' on entity 'Account'."),
    )

    assert api.slept == [10]
    assert report.status == "failed"
    assert report.message.endswith(
        ": 400 after 2 attempts: INVALID_FIELD: No such column 'AnnualRevenue' on entity 'Account'."
    )


def test_a_key_signs_in_without_a_person(tmp_path: Path) -> None:
    key = RSAKey.generate_key(2048)
    pem = key.as_pem(private=True).decode()
    api = Replay("salesforce", tmp_path, private_key=pem, username="wile@acme.example", **CLIENT)

    report = api.run("accounts", Answer(SIGN_IN, TOKEN), *FIRST_ACCOUNTS)

    assert report.status == "ok"
    form = dict(pair.split("=") for pair in api.requests[0].content.decode().split("&"))
    claims = jwt.decode(form["assertion"], key).claims
    assert {name: claims[name] for name in ("iss", "sub", "aud")} == {
        "iss": "3MVG9",
        "sub": "wile@acme.example",
        "aud": "https://login.salesforce.com",
    }
