"""What the steps of a log-in may read: what steps before them keep."""

from __future__ import annotations

import pytest

from syncrun.config.load import check_connector

YAML = """
connector: lab
base_url: https://api.test
config: {{password: {{secret: true}}}}
check: none
auth:
  type: session
  steps:
    - {{request: {{path: "/first{first}"}}, keep: {{csrf: {keep}}}}}
    - {{request: {{path: "/second{second}"}}}}
  request: {{path: /login, form: {{password: "${{config.password}}", csrf: "{last}"}}}}
  cookie: sid
syncs: {{items: {{request: /items, key: id, fields: [id]}}}}
"""
GOOD = {"first": "", "second": "/${vars.csrf}", "last": "${vars.csrf}", "keep": "body.token"}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        ({"keep": "cookies.csrf || headers.x"}, []),
        ({"first": "/${vars.csrf}"}, ["8: 'vars' has no value here"]),
        ({"last": "${vars.other}"}, ["10: no step before keeps 'other'"]),
        ({"keep": "token"}, ["8: unknown name 'token'"]),
    ],
)
def test_a_step_sees_what_is_kept_before_it(changed: dict[str, str], expected: list[str]) -> None:
    problems = check_connector(YAML.format(**{**GOOD, **changed}).lstrip(), file="lab.yaml")
    assert [f"{problem.line}: {problem.message}" for problem in problems] == expected
