"""`setup` and `${vars.…}`: each value must exist, and be known when it is read."""

from __future__ import annotations

import pytest

from syncrun.config.load import inspect

SYNC = "syncs:\n  things:\n    request: /things\n    key: id\n"
HEAD = "connector: acme\nbase_url: https://api.acme.example\n" + SYNC
BY_VARS = "connector: acme\nbase_url: https://${vars.dc}.acme.example\n" + SYNC


def problems(text: str) -> list[str]:
    return [str(problem) for problem in inspect(text, file="acme.yaml")[1]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            HEAD.replace("/things", "/${vars.cloud}/things")
            + "setup: {cloud_id: {request: /me, value: id}}\n",
            ["acme.yaml:5:22: unknown value 'cloud' in vars\n  hint: did you mean 'cloud_id'?"],
        ),
        (
            HEAD.replace("/things", "/${vars.cloud_id}/things"),
            [
                (
                    "acme.yaml:5:17: 'vars' has no value: the connector has no setup\n"
                    "  hint: declare the value under setup:"
                )
            ],
        ),
        (
            HEAD.replace("/things", "/${vras.cloud_id}/things")
            + "setup: {cloud_id: {request: /me, value: id}}\n",
            ["acme.yaml:5:17: unknown name 'vras' in a template\n  hint: did you mean 'vars'?"],
        ),
        (
            HEAD + "setup: {a: {request: '/me/${vars.a}', value: id}}\n",
            [
                (
                    "acme.yaml:7:29: setup.a reads itself\n"
                    "  hint: entries are requested in the order in which they are written"
                )
            ],
        ),
        (
            HEAD
            + "setup:\n  a: {request: {path: /me, params: {of: '${vars.b}'}}, value: id}\n"
            + "  b: {request: '/${vars.a}', value: id}\n",
            [
                (
                    "acme.yaml:8:44: setup.a reads ${vars.b}, which is requested after it\n"
                    "  hint: entries are requested in the order in which they are written"
                )
            ],
        ),
        (
            BY_VARS + "setup:\n  dc: {request: /metadata, value: dc}\n",
            [
                (
                    "acme.yaml:8:17: setup.dc needs base_url, which needs ${vars.dc}\n"
                    "  hint: give its request a url: of its own"
                )
            ],
        ),
        (
            BY_VARS + "setup:\n  dc: {request: {url: 'https://login.acme.example'}, value: dc}\n"
            "  team: {request: '/${vars.dc}/team', value: id}\n",
            [],
        ),
        (
            BY_VARS + "setup:\n  dc: {request: {url: 'https://login.acme.example'}, value: dc}\n"
            "auth: {type: session, request: {path: /login}, token: t}\n",
            [
                (
                    "acme.yaml:9:39: this login needs base_url, which reads ${vars.…}: setup has to sign in first\n"
                    "  hint: give it a url: of its own"
                )
            ],
        ),
        (
            HEAD + "setup: {a: {request: /me, value: id}}\nauth: {type: bearer, token: '${vars.a}'}\n",
            ["acme.yaml:8:32: 'vars' has no value here\n  hint: one of: config, connection, now"],
        ),
        (HEAD + "setup: {a: {request: /me, value: id}}\nheaders: {X-Tenant: '${vars.a}'}\n", []),
        (
            HEAD + "setup: {a: {request: /me, value: 'id['}}\nheaders: {X-Tenant: '${vars.b}'}\n",
            ["acme.yaml:7:38: the expression ends too early\n    id[\n       ^"],
        ),
    ],
)
def test_a_value_is_known_when_it_is_read(text: str, expected: list[str]) -> None:
    assert problems(text) == expected
