"""Ways out for a secret that are not a message: other servers, tables, and the log of a program (R19, R23)."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import httpx
import pytest

from syncrun.engine.explain import explain
from syncrun.engine.job import Options
from syncrun.errors import SyncrunError
from tests.api import Api
from tests.lab import Lab
from tests.project_folder import ProjectFolder

KEY = "Zk9-Quux_71.Plover~Xyzzy"
TOKEN = "tok_8Fz41LmQpR77vW"


def everything(lab: Lab) -> str:
    """Return all that the engine's tables and the records of *lab* hold."""
    names = lab.rows(
        "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE'"
    )
    return "\n".join(str(lab.rows(f'SELECT * FROM "{schema}"."{table}"')) for schema, table in names)


OAUTH = """
    config: {id: {}, key: {}}
    auth:
      type: oauth2
      grant: client_credentials
      token_url: https://auth.test/token
      client_id: ${config.id}
      client_secret: ${config.key}
      client_auth: body
    syncs: {items: {request: /items, pagination: none, key: id, fields: [id]}}
"""


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_r19_the_secret_of_a_client_follows_no_redirect_of_the_token_endpoint(lab: Lab, status: int) -> None:
    lab.write(OAUTH)
    hosts: list[str] = []

    def api(request: httpx.Request) -> httpx.Response:
        hosts.append(request.url.host)
        return httpx.Response(status, headers={"Location": "https://evil.test/token"})

    lab.api = api
    report = lab.run(config={"id": "client-77", "key": KEY})
    assert (report.status, hosts) == ("failed", ["auth.test"])
    assert "not followed to https://evil.test" in report.message


VARS = """
    setup: {pass: {request: /pass, value: granted}}
    syncs:
      items:
        request: {path: /items, params: {q: "${vars.pass}"}}
        pagination: {type: next_url, url: next}
        records: rows
        key: id
        fields: [id]
"""


def test_r23_what_setup_returns_is_a_secret(lab: Lab) -> None:
    lab.write(VARS)
    hosts: list[str] = []

    def api(request: httpx.Request) -> Any:
        hosts.append(request.url.host)
        if request.url.path == "/pass":
            return {"granted": TOKEN}
        if request.url.params.get("page") == "2":
            return httpx.Response(403, text=f"no {TOKEN.upper()}")
        return {"rows": [{"id": 1}], "next": f"/items?page=2&q={TOKEN}"}

    lab.api = api
    report = lab.run()
    assert report.message == "GET https://api.test/items?page=2&q=***: 403: no ***"
    assert TOKEN not in everything(lab)

    lab.api = lambda request: (
        {"granted": TOKEN}
        if request.url.path == "/pass"
        else {"rows": [{"id": 1}], "next": f"https://evil.test/?q={TOKEN}"}
    )
    report = lab.run()
    assert "evil.test" in report.message
    assert TOKEN not in report.message
    assert set(hosts) == {"api.test"}


def test_r23_an_answer_of_setup_without_its_value_shows_no_token(lab: Lab) -> None:
    lab.write(VARS)
    lab.api = lambda _: {"access_token": TOKEN, "session": {"api_key": KEY}}
    told = str(lab.run().to_json())
    assert "selects nothing in the answer" in told
    assert TOKEN not in told
    assert KEY not in told


LISTED = """
    config: {keys: {type: array, secret: true}}
    syncs:
      items:
        for_each: {values: "${config.keys}", as: account}
        request: {path: /items, headers: {X-Own: "${account}"}}
        pagination: none
        key: id
        fields: [id]
"""


def test_r23_a_secret_among_the_values_of_for_each_is_stored_as_a_digest(lab: Lab) -> None:
    lab.write(LISTED)
    numbers = {KEY: 1, TOKEN: 2}
    lab.api = lambda request: [{"id": numbers[request.headers["X-Own"]]}]
    config = {"keys": [KEY, TOKEN]}
    assert lab.run(config=config).changes.added == 2
    assert (KEY in everything(lab), TOKEN in everything(lab)) == (False, False)
    assert len(lab.rows("SELECT DISTINCT _partition FROM lab.items__records")) == 2

    again = lab.run(config=config)
    assert (again.status, again.changes.added, again.changes.deleted) == ("ok", 0, 0)


def test_r23_a_sync_token_that_repeats_a_secret_is_not_saved(lab: Lab) -> None:
    lab.write("""
        config: {key: {}}
        auth: {type: bearer, token: "${config.key}"}
        syncs:
          items:
            request: {path: /items, params: {since: "${cursor}"}}
            pagination: none
            records: rows
            key: id
            fields: [id]
            incremental: {token: next}
    """)
    lab.api = lambda _: {"rows": [{"id": 1}], "next": f"since-{KEY}-17"}
    for _ in range(2):
        assert lab.run(config={"key": KEY}).status == "ok"
    assert KEY not in everything(lab)
    assert lab.requests == ["GET /items", "GET /items"]

    lab.api = lambda _: {"rows": [{"id": 1}], "next": "since-17"}
    lab.run(config={"key": KEY})
    lab.run(config={"key": KEY})
    assert lab.requests[-1] == "GET /items?since=since-17"


WAITS = """
    config: {key: {}}
    auth: {type: bearer, token: "${config.key}"}
    errors: [{status: 503, then: retry}]
    syncs: {items: {request: "/items?q=${config.key}", pagination: none, key: id, fields: [id]}}
"""


def test_r23_events_that_tell_what_a_run_waits_for_show_no_secret(lab: Lab) -> None:
    lab.write(WAITS)
    answers = iter([httpx.Response(503, headers={"Retry-After": "7"}), httpx.Response(200, json=[])])
    lab.api = lambda _: next(answers)
    lab.run(config={"key": KEY})
    reasons = [event.details["reason"] for event in lab.events if event.name == "waiting"]
    assert reasons == ["GET https://api.test/items?q=***: 503, again in 7 s"]


def test_r23_what_explain_stumbles_over_shows_no_secret(lab: Lab) -> None:
    lab.write("""
        config: {key: {}}
        auth: {type: bearer, token: "${config.key}"}
        syncs:
          items:
            for_each: {values: "${config.key}", as: it}
            request: /items
            key: id
            fields: [id]
    """)
    with pytest.raises(SyncrunError) as caught:
        explain(lab._job(None, "acme", {"key": KEY}), Options(), lab._runtime())
    assert caught.value.message == 'for_each: values is no list: "***"'


SPEAKS = """
import logging

logging.getLogger("mine").setLevel(logging.INFO)

def map_record(record, context):
    logging.getLogger("mine").info("asked with %s", context["config"]["key"])
    logging.getLogger("mine").warning("asked with " + context["config"]["key"])
    return record
"""


def test_r23_what_hooks_and_the_http_libraries_log_shows_no_secret(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    (lab.folder / "hooks").mkdir()
    (lab.folder / "hooks" / "speaks.py").write_text(SPEAKS)
    lab.write("""
        config: {key: {}}
        hooks: hooks/speaks.py
        auth: {type: api_key, in: query, name: q, key: "${config.key}"}
        syncs: {items: {request: /items, pagination: none, key: id, fields: [id]}}
    """)
    lab.api = lambda _: [{"id": 1}]
    with caplog.at_level(logging.DEBUG):
        lab.run(config={"key": KEY})
    told = [(record.name, record.getMessage()) for record in caplog.records]
    assert ("httpx", 'HTTP Request: GET https://api.test/items?q=*** "HTTP/1.1 200 OK"') in told
    assert told.count(("mine", "asked with ***")) == 2


def test_r23_at_the_lowest_level_the_http_libraries_show_no_headers(caplog: pytest.LogCaptureFixture) -> None:
    from syncrun.http.client import Client
    from syncrun.http.messages import Request
    from syncrun.http.redact import Redactor

    with caplog.at_level(logging.DEBUG), Api() as api:
        api.on("GET /items?token=unknown-secret", json=[], headers={"Set-Cookie": "sid=unknown-cookie"})
        with Client(base_url=api.url, redactor=Redactor([KEY])) as client:
            client.send(Request("GET", f"{api.url}/items?token=unknown-secret", headers={"X-Own": KEY}))
    told = "\n".join(record.getMessage() for record in caplog.records)
    assert "HTTP Request: GET" in told
    assert not any(secret in told for secret in ("unknown-secret", "unknown-cookie", KEY))


NAMED = "connector: {name}\nbase_url: {url}\nconfig: {{key: {{secret: true}}}}\nauth: {{type: bearer, token: '${{config.key}}'}}\n"
SYNC = "syncs: {items: {request: /items, pagination: none, key: id, fields: [id]}}\n"


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    return ProjectFolder(tmp_path, env={"MY_KEY": KEY, "DB_KEY": "a-long-key-of-the-database"})


def test_restrict_hosts_of_the_project_bounds_where_runs_ask(project: ProjectFolder) -> None:
    with Api() as api, Api() as other:
        for one, name in ((api, "near"), (other, "far")):
            one.on("GET /items", json=[{"id": 1}])
            project.write(f"connectors/{name}.yaml", NAMED.format(name=name, url=one.url) + SYNC)
        connections = "".join(f"  {n}: {{connector: {n}, config: {{key: {KEY}}}}}\n" for n in ("near", "far"))
        project.write(
            "syncrun.yaml", f"restrict_hosts: ['127.0.0.1:{api.port}']\nconnections:\n{connections}"
        )
        done = project.syncrun("run", "--all")
        assert done.exit_code == 1
        assert f"GET {other.url}/items: restrict_hosts of the project does not allow 127.0.0.1" in done.stderr
        assert (len(api.requests), len(other.requests)) == (1, 0)


def test_an_entry_of_restrict_hosts_that_is_no_host_has_its_place(project: ProjectFolder) -> None:
    project.write("syncrun.yaml", "restrict_hosts: [api.example.com, 'a b']\nconnections: {}\n")
    done = project.syncrun("validate")
    assert done.exit_code == 2
    assert done.stderr.startswith("syncrun.yaml:1:35: 'a b' is no host\n")


@pytest.mark.parametrize("option", ["--set-env", "--set-file"])
def test_a_secret_can_be_given_without_others_seeing_it(project: ProjectFolder, option: str) -> None:
    with Api() as api:
        api.on("GET /items", json=[{"id": 1}])
        project.write("connectors/lab.yaml", NAMED.format(name="lab", url=api.url) + SYNC)
        project.write("key.txt", f"{KEY}\n")
        given = "key=MY_KEY" if option == "--set-env" else f"key={project.folder / 'key.txt'}"
        done = project.syncrun("run", "lab/items", option, given)
        assert (done.exit_code, KEY in done.stdout + done.stderr) == (0, False)
        assert api.requests[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--set-env", "key"), "--set-env key: expected NAME=VARIABLE"),
        (("--set-env", "key=NOWHERE"), "--set-env key: the environment variable NOWHERE is not set"),
        (("--set-file", "key"), "--set-file key: expected NAME=PATH"),
        (("--set", "hunter2-Xyzzy"), "--set: expected NAME=VALUE"),
        (("--set-env", "hunter2-Xyzzy"), "--set-env: expected NAME=VARIABLE"),
        (
            ("--set-env", "key=hunter2-Xyzzy"),
            "--set-env key: the environment variable of that name is not set",
        ),
        (("--set-file", "hunter2-Xyzzy"), "--set-file: expected NAME=PATH"),
        (
            ("--set-file", "key=nowhere.txt"),
            "--set-file key: cannot read nowhere.txt: No such file or directory",
        ),
    ],
)
def test_r26_values_that_are_not_where_they_are_said_to_be(
    project: ProjectFolder, arguments: tuple[str, ...], message: str
) -> None:
    project.write("connectors/lab.yaml", NAMED.format(name="lab", url="https://api.test") + SYNC)
    done = project.syncrun("run", "lab/items", *arguments)
    assert (done.exit_code, done.stderr.splitlines()[0]) == (2, f"error: {message}")


def test_r23_the_recordings_of_an_encrypted_project_stage_in_memory(
    project: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tempfile

    folders: list[Any] = []
    own = tempfile.TemporaryDirectory

    def watched(*args: Any, **options: Any) -> Any:
        folders.append(options.get("dir"))
        return own(*args, **options)

    monkeypatch.setattr("syncrun.engine.casework.TemporaryDirectory", watched)
    monkeypatch.setattr("syncrun.engine.dryrun.TemporaryDirectory", watched)
    with Api() as api:
        api.on("GET /items", json=[{"id": 1}])
        tests = "tests: [{sync: items, responses: lab/items.json, expect: {records: 1}}]\n"
        project.write("connectors/lab.yaml", NAMED.format(name="lab", url=api.url) + SYNC + tests)
        key = "encryption_key: '${env.DB_KEY}'\n"
        connection = "connections: {acme: {connector: lab, config: {key: '${env.MY_KEY}'}}}\n"
        project.write("syncrun.yaml", key + connection)
        project.syncrun("dryrun", "acme/items", "--save", "saved")
        project.syncrun("test", "lab", "--record", "--connection", "acme")
    assert len(folders) >= 2
    assert all(str(folder).startswith("/dev/shm/syncrun-") for folder in folders[:2])
    assert json.loads((project.folder / "saved" / "items.json").read_text())[0]["response"]["json"] == [
        {"id": 1}
    ]


SCOPED = """
    config: {key: {}, account: {}}
    auth: {type: bearer, token: "${config.key}"}
    headers: {X-Account: "${config.account}"}
    syncs:
      items:
        request: /accounts/${config.account}/items
        pagination: {type: next_url, url: next}
        records: rows
        key: id
        fields: [id]
"""


def test_r02_a_read_goes_on_at_a_link_that_names_an_account(lab: Lab) -> None:
    """What says whose data is meant is masked in messages, and no reason to forget a place."""
    lab.write(SCOPED)
    config = {"key": KEY, "account": "acct-93817465"}
    link = "/accounts/acct-93817465/items?after=1"
    broken = iter([httpx.Response(200, json={"rows": [{"id": 1}], "next": link}), httpx.Response(400)])
    lab.api = lambda _: next(broken)
    assert lab.run(config=config).message.startswith("GET https://api.test/accounts/***/items?after=1: 400")

    lab.api = lambda _: {"rows": [{"id": 2}]}
    assert lab.run(config=config).status == "ok"
    assert lab.requests[-1] == f"GET {link}"


def test_r16_a_token_that_is_sent_under_the_name_of_one_is_kept(lab: Lab) -> None:
    lab.write("""
        syncs:
          items:
            request: {path: /items, params: {token: "${cursor}"}}
            pagination: none
            records: rows
            key: id
            fields: [id]
            incremental: {token: next}
    """)
    lab.api = lambda _: {"rows": [{"id": 1}], "next": "since-7f3a99"}
    for _ in range(3):
        lab.run()
    assert lab.requests[-1] == "GET /items?token=since-7f3a99"


def test_r23_a_signature_in_a_parameter_is_masked_where_an_api_repeats_it(lab: Lab) -> None:
    lab.write("""
        config: {key: {}}
        auth: {type: none}
        syncs:
          items:
            request: {path: /items, params: {sig: "${hmac_sha256(config.key, 'fixed')}"}}
            pagination: none
            key: id
            fields: [id]
    """)
    lab.api = lambda request: httpx.Response(403, text=f"no {request.url.params['sig']} of {KEY}")
    assert lab.run(config={"key": KEY}).message == "GET https://api.test/items?sig=***: 403: no *** of ***"


def test_restrict_hosts_bounds_token_endpoints_too(lab: Lab) -> None:
    from dataclasses import replace

    from syncrun.engine.run import run_sync

    lab.write(OAUTH)
    job = replace(lab._job(None, "acme", {"id": "client-77", "key": KEY}), restrict_hosts=("api.test",))
    report = run_sync(job, Options(lock_timeout=0.0), lab._runtime())
    assert report.message == (
        "no token for acme: POST https://auth.test/token: restrict_hosts of the project does not allow auth.test"
    )
    assert report.hint == 'if requests may go there, add "auth.test" to restrict_hosts in syncrun.yaml'
    assert lab.requests == []


FAILS = """
def before_request(request, context):
    raise ValueError("cannot sign with " + context["config"]["mine"])
"""


def test_r23_what_a_hook_may_sign_with_is_masked(lab: Lab) -> None:
    (lab.folder / "hooks").mkdir()
    (lab.folder / "hooks" / "signs.py").write_text(FAILS)
    lab.write("""
        config: {mine: {}}
        hooks: hooks/signs.py
        auth: {type: none}
        syncs: {items: {request: /items, pagination: none, key: id, fields: [id]}}
    """)
    report = lab.run(config={"mine": KEY})
    assert report.message == "hook before_request (hooks/signs.py:3): ValueError: cannot sign with ***"
