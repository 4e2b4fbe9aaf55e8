"""What `validate` says about hook files: it reads them and never runs them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from syncrun.config.load import check_connector

HEAD = "connector: acme\nbase_url: https://api.acme.example\nhooks: hooks/acme.py\n"
SYNC = "syncs:\n  things: {request: /things, key: id}\n"
MAP = "def map_record(record, context):\n    return record\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "connectors").mkdir()
    (tmp_path / "hooks").mkdir()
    return tmp_path


def problems(project: Path, python: str | bytes | None, yaml: str = HEAD + SYNC) -> list[str]:
    """Return what is wrong with a connector whose hook file holds *python* (None: there is none)."""
    if python is not None:
        content = python.encode() if isinstance(python, str) else python
        (project / "hooks" / "acme.py").write_bytes(content)
    (project / "connectors" / "acme.yaml").write_text(yaml, encoding="utf-8")
    found = check_connector(project / "connectors" / "acme.yaml", file="acme.yaml")
    return [str(problem) for problem in found]


@pytest.mark.parametrize(
    "python",
    [
        MAP,
        "def map_record(r, c, *, deep=False): ...\n",
        "def map_record(*both): ...\n",
        "def map_record(record, context=None): ...\n",
        "map_record = lambda record, context: record\n",
        "from acme_tools import to_record as map_record\n",
        "import functools\n@functools.cache\ndef map_record(one): ...\n",
        "try:\n    import acme\nexcept ImportError:\n    def map_record(record, context): ...\n",
        MAP + "def map_records(record): ...\ndef _parse_respnse(): ...\nclass Response: ...\n",
        MAP + "def helper(): ...\ndef parse_date(text): ...\n",
        "def before_request(request, context): ...\ndef parse_response(response, context): ...\n",
        "def after_run(summary, context): ...\nraise SystemExit('validate never runs a hook file')\n",
    ],
)
def test_what_a_hook_file_may_look_like(project: Path, python: str) -> None:
    assert problems(project, python) == []


@pytest.mark.parametrize(
    ("python", "expected"),
    [
        (
            "\n\ndef map_records(record, context): ...\n",
            (
                "hooks/acme.py:3:1: unknown hook 'map_records'\n"
                "  hint: did you mean 'map_record'? names that start with _ are your own"
            ),
        ),
        (
            "if True:\n    def Next_Page(response, context): ...\n",
            (
                "hooks/acme.py:2:5: unknown hook 'Next_Page'\n"
                "  hint: did you mean 'next_page'? names that start with _ are your own"
            ),
        ),
        (
            "def map_record(record): ...\n",
            (
                "hooks/acme.py:1:1: the hook 'map_record' must take (record, context)\n"
                "  hint: write def map_record(record, context):"
            ),
        ),
        (
            "def before_request(request, context, client): ...\n",
            (
                "hooks/acme.py:1:1: the hook 'before_request' must take (request, context)\n"
                "  hint: write def before_request(request, context):"
            ),
        ),
        (
            "def after_run(context, summary): ...\n",
            (
                "hooks/acme.py:1:1: the hook 'after_run' must take (summary, context)\n"
                "  hint: write def after_run(summary, context):"
            ),
        ),
        (
            "def parse_response(response, context, *, deep): ...\n",
            (
                "hooks/acme.py:1:1: the hook 'parse_response' must take (response, context)\n"
                "  hint: write def parse_response(response, context):"
            ),
        ),
        (
            "async def map_record(record, context): ...\n",
            (
                "hooks/acme.py:1:1: the hook 'map_record' must be a plain function\n"
                "  hint: write def instead of async def"
            ),
        ),
        (
            "class map_record: ...\n",
            (
                "hooks/acme.py:1:1: the hook 'map_record' must be a function\n"
                "  hint: write def map_record(record, context):"
            ),
        ),
        (
            MAP + "def on_webhook(event, context): ...\n",
            "hooks/acme.py:3:1: 'on_webhook' is not available yet in this version of syncrun",
        ),
        ("def map_record(record, context)\n", "hooks/acme.py:1:32: no valid Python: expected ':'"),
        (
            b"x = '\xff'\n",
            (
                f"hooks/acme.py:1:{5 if sys.version_info >= (3, 12) else 8}: no valid Python: (unicode error) 'utf-8' codec can't decode byte 0xff in position 0:"
                " invalid start byte"
            ),
        ),
        (b"# coding: nope\n", "hooks/acme.py:1:1: no valid Python: unknown encoding: nope"),
        (b"x = '\0'\n", "hooks/acme.py:1:1: no valid Python: source code string cannot contain null bytes"),
        (
            "def helper(): ...\n",
            (
                "acme.yaml:3:8: hooks/acme.py has no hook\n"
                "  hint: write one or more of these functions: authenticate, before_request, parse_response,"
                " map_record, next_page, after_run"
            ),
        ),
        (
            "def authenticate(request, context): ...\n",
            (
                "acme.yaml:3:8: warning: the hook 'authenticate' is never called\n"
                "  hint: write auth: {type: hook}, or remove it"
            ),
        ),
        (
            "def next_page(response, context): ...\n",
            (
                "acme.yaml:3:8: warning: the hook 'next_page' is never called\n"
                "  hint: write pagination: {type: hook}, or remove it"
            ),
        ),
    ],
)
def test_what_is_wrong_with_a_hook_file_has_its_place_there(
    project: Path, python: str | bytes, expected: str
) -> None:
    [problem] = problems(project, python)
    assert problem == expected


def test_all_that_is_wrong_with_a_hook_file_is_told_at_once(project: Path) -> None:
    python = "def map_record(record): ...\ndef nextpage(response, context): ...\n"
    assert [problem.partition("\n")[0] for problem in problems(project, python)] == [
        "hooks/acme.py:1:1: the hook 'map_record' must take (record, context)",
        "hooks/acme.py:2:1: unknown hook 'nextpage'",
    ]


def test_a_hook_file_that_is_not_there(project: Path) -> None:
    assert problems(project, None) == [
        f"acme.yaml:3:8: 'hooks/acme.py' cannot be read: No such file or directory\n  hint: looked in {project.resolve()}"
    ]


@pytest.mark.parametrize("name", ["../acme.py", "/etc/acme.py", "hooks/link.py"])
def test_r25_a_hook_file_cannot_be_outside_the_project(project: Path, name: str) -> None:
    (project / "hooks" / "link.py").symlink_to("/etc/hosts.py")
    yaml = HEAD.replace("hooks/acme.py", name) + SYNC
    assert problems(project, None, yaml) == [f"acme.yaml:3:8: '{name}' is outside the project folder"]


def test_a_hook_file_is_a_python_file(project: Path) -> None:
    assert problems(project, None, HEAD.replace("acme.py", "acme") + SYNC) == [
        (
            "acme.yaml:3:8: 'hooks/acme' is no valid name\n"
            "  hint: a Python file in the project folder, such as hooks/acme.py"
        )
    ]


def test_type_hook_needs_its_function(project: Path) -> None:
    yaml = HEAD + "auth: {type: hook}\n" + SYNC.replace("key: id", "key: id, pagination: hook")
    assert problems(project, MAP, yaml) == [
        (
            "acme.yaml:4:14: auth type 'hook' needs the function authenticate\n"
            "  hint: write def authenticate(request, context): in hooks/acme.py"
        ),
        (
            "acme.yaml:6:51: pagination type 'hook' needs the function next_page\n"
            "  hint: write def next_page(response, context): in hooks/acme.py"
        ),
    ]


def test_type_hook_without_a_hook_file_says_how_to_name_one(project: Path) -> None:
    yaml = HEAD.replace("hooks: hooks/acme.py\n", "") + "auth: [{type: none, when: config.x}, {type: hook}]\n"
    yaml += "config: {x: {}}\n" + SYNC
    assert problems(project, None, yaml) == [
        (
            "acme.yaml:3:45: auth type 'hook' needs the function authenticate\n"
            "  hint: write def authenticate(request, context): in a file that hooks: names, such as hooks: hooks/acme.py"
        )
    ]


def test_a_sync_may_have_a_file_of_its_own(project: Path) -> None:
    (project / "hooks" / "own.py").write_text("def next_page(response, context): ...\n", encoding="utf-8")
    yaml = HEAD + SYNC.replace("key: id", "key: id, hooks: hooks/own.py, pagination: hook")
    assert problems(project, MAP, yaml) == []


def test_a_list_of_deleted_ids_may_be_paged_by_a_hook(project: Path) -> None:
    feed = "{request: /deleted, pagination: {type: hook}}"
    yaml = HEAD + SYNC.replace("key: id", f"key: id, deletes: {feed}")
    assert problems(project, "def next_page(response, context): ...\n", yaml) == []
    [problem] = problems(project, MAP, yaml)
    assert problem.startswith("acme.yaml:5:87: pagination type 'hook' needs the function next_page")


def test_only_the_connector_signs(project: Path) -> None:
    own = "def authenticate(request, context): ...\n"
    (project / "hooks" / "own.py").write_text(own, encoding="utf-8")
    yaml = HEAD + SYNC.replace("key: id", "key: id, hooks: hooks/own.py")
    assert problems(project, MAP, yaml) == [
        (
            "acme.yaml:5:46: authenticate belongs into the hooks of the connector, as auth does\n"
            "  hint: move it there, and name its file as hooks: of the connector"
        )
    ]


def test_a_hook_may_be_what_uses_config_and_cursor(project: Path) -> None:
    python = (
        "def before_request(request, context):\n    request.params['since'] = context['config']['zone']\n"
    )
    yaml = (
        HEAD
        + "config: {zone: {}, area: {}}\n"
        + SYNC.replace("key: id", "key: id, incremental: {cursor: at}")
    )
    assert problems(project, python, yaml) == [
        "acme.yaml:4:20: warning: the config value 'area' is never used\n  hint: use it as ${config.area}, or remove it"
    ]


def test_a_sample_says_nothing_about_fields_that_a_hook_makes(project: Path) -> None:
    (project / "connectors" / "acme").mkdir()
    (project / "connectors" / "acme" / "things.json").write_text('[{"id": 1}]', encoding="utf-8")
    yaml = HEAD + SYNC.replace("key: id", "key: id, fields: [id, made]")
    assert problems(project, MAP, yaml) == []
