"""Signature Version 4 against a server that checks it: moto, with users, keys and policies as AWS has them."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.integration.servers import serve
from tests.project_folder import ProjectFolder

UNCHECKED = 6  # requests to set the scene, sent before there is anybody who could sign
POLICY = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'
CONNECTOR = """\
connector: amazon
base_url: ${config.url}
config: {url: {}, service: {}, key_id: {}, key: {secret: true}}
auth:
  type: aws_sigv4
  service: ${config.service}
  region: us-east-1
  access_key_id: ${config.key_id}
  secret_access_key: ${config.key}
errors: [{status: 403, then: fail, message: "${body.ErrorResponse.Errors.Error.Code}"}]
syncs:
  users:
    request:
      method: POST
      path: /
      form: {Action: ListUsers, Version: "2010-05-08", PathPrefix: "/a team+1/é~*/"}
      retry_safe: true
    decode: {type: xml, lists: [member]}
    records: ListUsersResponse.ListUsersResult.Users.member
    pagination: none
    key: name
    fields: {name: UserName, path: Path}
  buckets:
    request: /
    decode: {type: xml, lists: [Bucket]}
    records: ListAllMyBucketsResult.Buckets.Bucket
    pagination: none
    key: name
    fields: {name: Name}
  tags:
    request: {path: "/box/a%20folder", params: {tagging: ""}}
    decode: {type: xml, lists: [Tag]}
    records: Tagging.TagSet.Tag
    pagination: none
    key: name
    fields: {name: Key, value: Value}
"""


@pytest.fixture(scope="module")
def amazon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with serve(command, tmp_path_factory.mktemp("moto"), INITIAL_NO_AUTH_ACTION_COUNT=str(UNCHECKED)) as url:
        yield url


def ask(url: str, service: str, method: str, path: str = "/", **content: object) -> str:
    scope = f"Credential=nobody/20240101/us-east-1/{service}/aws4_request"
    headers = {"Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=00"}
    answer = httpx.request(method, url + path, headers=headers, trust_env=False, **content)  # type: ignore[arg-type]
    assert answer.is_success, answer.text
    return answer.text


@pytest.fixture(scope="module")
def key(amazon: str) -> tuple[str, str]:
    """Who may see everything: the id of an access key, and the key."""
    reader = {"UserName": "reader", "Version": "2010-05-08"}
    ask(amazon, "iam", "POST", data={"Action": "CreateUser", "Path": "/a team+1/é~*/", **reader})
    ask(
        amazon,
        "iam",
        "POST",
        data={"Action": "PutUserPolicy", "PolicyName": "all", "PolicyDocument": POLICY, **reader},
    )
    ask(amazon, "s3", "PUT", "/box")
    ask(amazon, "s3", "PUT", "/box/a%20folder", content=b"x")
    tags = "<Tagging><TagSet><Tag><Key>color</Key><Value>red</Value></Tag></TagSet></Tagging>"
    ask(amazon, "s3", "PUT", "/box/a%20folder?tagging", content=tags.encode())
    issued = ask(amazon, "iam", "POST", data={"Action": "CreateAccessKey", **reader})
    found = re.search(
        r"<AccessKeyId>(.+)</AccessKeyId>.*<SecretAccessKey>(.+)</SecretAccessKey>", issued, re.DOTALL
    )
    assert found is not None
    return found[1], found[2]


def project(folder: Path, url: str, key_id: str, key: str) -> ProjectFolder:
    project = ProjectFolder(folder, env={"KEY": key})
    project.write("connectors/amazon.yaml", CONNECTOR)
    project.write_project(
        **{
            service: {
                "connector": "amazon",
                "config": {"url": url, "service": service, "key_id": key_id, "key": "${env.KEY}"},
            }
            for service in ("iam", "s3")
        }
    )
    return project


def test_requests_of_every_shape_are_signed_as_the_server_expects(
    tmp_path: Path, amazon: str, key: tuple[str, str]
) -> None:
    folder = project(tmp_path, amazon, *key)
    folder.run("iam/users", "s3/buckets", "s3/tags")
    assert folder.query("SELECT name, path FROM amazon.users") == [("reader", "/a team+1/é~*/")]
    assert folder.query("SELECT name FROM amazon.buckets") == [("box",)]
    assert folder.query("SELECT name, value FROM amazon.tags") == [("color", "red")]


def test_r23_a_wrong_key_is_refused_and_not_shown(tmp_path: Path, amazon: str, key: tuple[str, str]) -> None:
    folder = project(tmp_path, amazon, key[0], "wrong/Key+1")
    outcome = folder.run("iam/users", exit_code=1)
    assert outcome.reports["users"]["message"] == f"POST {amazon}/: 403: SignatureDoesNotMatch"
    assert "wrong" not in outcome.stdout + outcome.stderr
