"""The AWS connector, against answers of the documented shape."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.connectors.replay import Answer, Replay, counts

USERS = "/?Action=ListUsers&Version=2010-05-08&MaxItems=1000"
PAGES = (Answer(USERS, "users.1.xml"), Answer(f"{USERS}&Marker=AAEexample+/=", "users.2.xml"))


@pytest.fixture
def api(tmp_path: Path) -> Replay:
    keys = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "wJalrXUtnFEMI/K7MDENG"}
    return Replay("aws", tmp_path, regions=["eu-central-1", "us-east-1"], **keys)


def instances(region: str, body: str | bytes, status: int = 200) -> Answer:
    query = "Action=DescribeInstances&Version=2016-11-15&MaxResults=1000"
    return Answer(f"https://ec2.{region}.amazonaws.com/?{query}", body, status=status)


def test_users_are_read_while_the_list_is_truncated(api: Replay) -> None:
    assert counts(api.run("users", *PAGES)) == (2, 0, 0, 0)

    assert (
        api.requests[0]
        .headers["Authorization"]
        .startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20240601/us-east-1/iam/aws4_request,")
    )
    assert api.rows(
        "SELECT id, name, path, password_used_at IS NULL AS never FROM aws.users ORDER BY id"
    ) == [
        {"id": "AIDAEXAMPLE1", "name": "wile", "path": "/desert/", "never": False},
        {"id": "AIDAEXAMPLE2", "name": "beep", "path": "/", "never": True},
    ]
    assert counts(api.run("users", Answer(USERS, "users.2.xml"))) == (0, 0, 1, 1)


def test_instances_come_from_every_region_that_is_asked_for(api: Replay) -> None:
    both = instances("eu-central-1", "instances.1.xml"), instances("us-east-1", "instances.2.xml")
    assert counts(api.run("instances", *both, in_order=False)) == (2, 0, 0, 0)

    signed = {request.headers["Authorization"].split("/", 2)[2].split(",")[0] for request in api.requests}
    assert signed == {"eu-central-1/ec2/aws4_request", "us-east-1/ec2/aws4_request"}
    rows = api.rows("SELECT id, region, name, state, zone, public_ip, tags FROM aws.instances ORDER BY id")
    assert [json.loads(row.pop("tags")) if row["name"] else row.pop("tags") for row in rows] == [
        [["Name", "anvil"], ["team", "desert"]],
        None,
    ]
    assert rows == [
        {
            "id": "i-0aaa",
            "region": "eu-central-1",
            "name": "anvil",
            "state": "running",
            "zone": "eu-central-1a",
            "public_ip": "203.0.113.5",
        },
        {
            "id": "i-0bbb",
            "region": "eu-central-1",
            "name": None,
            "state": "stopped",
            "zone": "eu-central-1b",
            "public_ip": None,
        },
    ]


def test_terminated_instances_are_deleted(api: Replay) -> None:
    both = instances("eu-central-1", "instances.1.xml"), instances("us-east-1", "instances.2.xml")
    api.run("instances", *both, in_order=False)
    later = (Path(__file__).parents[2] / "connectors/aws/instances.1.xml").read_bytes()

    ended = instances("eu-central-1", later.replace(b"running", b"terminated"))
    assert counts(api.run("instances", ended, both[1], in_order=False)) == (0, 0, 1, 1)


def test_a_region_that_fails_keeps_its_instances(api: Replay) -> None:
    both = instances("eu-central-1", "instances.1.xml"), instances("us-east-1", "instances.2.xml")
    api.run("instances", *both, in_order=False)

    error = (
        b"<Response><Errors><Error><Code>AuthFailure</Code><Message>AWS was not able to validate the provided"
        b" access credentials</Message></Error></Errors><RequestID>ea966190</RequestID></Response>"
    )
    report = api.run("instances", instances("eu-central-1", error, 401), both[1], in_order=False)

    assert (report.status, counts(report)) == ("incomplete", (0, 0, 0, 0))
    assert "AuthFailure: AWS was not able to validate the provided access credentials" in report.message


def test_throttling_is_waited_for(api: Replay) -> None:
    error = (
        b'<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type>'
        b"<Code>Throttling</Code><Message>Rate exceeded</Message></Error><RequestId>ea966190</RequestId>"
        b"</ErrorResponse>"
    )

    assert api.run("users", Answer(USERS, error, status=400), *PAGES).status == "ok"
    assert api.slept == [1]
