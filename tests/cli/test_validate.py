"""`syncrun validate`: every problem with its place."""

from __future__ import annotations

from tests.project_folder import ProjectFolder

LAX = "connector: lax\nbase_url: http://127.0.0.1\nsyncs: {x: {request: /a, pagination: none, fields: {id: id}}}\n"
BAD = "connector: bad\nbase_url: 5\nsyncs: {x: {request: /a, ky: id}}\n"


def test_a_project_without_problems(project: ProjectFolder) -> None:
    done = project.syncrun("validate")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "2 files checked: no problems\n")


def test_every_problem_of_every_file_is_told(project: ProjectFolder) -> None:
    project.write("connectors/bad.yaml", BAD)
    project.write("syncrun.yaml", "connections: {a: {connector: stroe}, b: {connector: bad}}\n")
    done = project.syncrun("validate")
    assert done.exit_code == 2
    assert done.stderr == (
        "syncrun.yaml:1:30: unknown connector 'stroe'\n  hint: did you mean 'store'?\n"
        "connectors/bad.yaml:2:11: expected text, got the number 5\n  hint: put it in quotes\n"
        "connectors/bad.yaml:3:26: unknown key 'ky' in 'syncs.x'\n  hint: did you mean 'key'?\n"
        "3 files checked: 3 errors, 0 warnings\n"
    )


def test_a_file_or_a_folder_can_be_named(project: ProjectFolder) -> None:
    project.write("connectors/bad.yaml", BAD)
    assert project.syncrun("validate", "connectors/store.yaml").stderr == "1 file checked: no problems\n"
    assert project.syncrun("validate", "connectors").stderr.endswith(
        "\n2 files checked: 2 errors, 0 warnings\n"
    )


def test_warnings_are_errors_with_strict(project: ProjectFolder) -> None:
    project.write("connectors/lax.yaml", LAX)
    lax = project.syncrun("validate", "connectors/lax.yaml")
    assert lax.exit_code == 0
    assert "connectors/lax.yaml:3:9: warning: " in lax.stderr
    assert lax.stderr.endswith("\n1 file checked: 0 errors, 1 warning\n")
    strict = project.syncrun("validate", "connectors/lax.yaml", "--strict")
    assert strict.exit_code == 2
    assert "warning" not in strict.stderr.splitlines()[0]
    assert strict.stderr.endswith("\n1 file checked: 1 error, 0 warnings\n")
    events = project.syncrun("validate", "connectors/lax.yaml", "--strict", "--json").events
    assert [event.get("severity") for event in events] == ["error", None]


def test_an_environment_needs_all_values_of_its_connections(project: ProjectFolder) -> None:
    project.write(
        "syncrun.yaml",
        "connections:\n"
        '  acme: {connector: store, config: {url: "https://a.test"}}\n'
        "environments:\n"
        "  prod:\n"
        '    connections: {acme: {config: {url: "${env.PROD_URL}"}}}\n',
    )
    assert project.syncrun("validate").exit_code == 0
    done = project.syncrun("validate", "--env", "prod")
    assert done.exit_code == 2
    assert done.stderr == (
        "syncrun.yaml:2:3: connection acme: the config value 'url' needs the environment variable PROD_URL, which is not set\n"
        "  hint: set it, or write it into .env\n"
        "2 files checked: 1 error, 0 warnings\n"
    )
    unknown = project.syncrun("validate", "--env", "prd")
    assert unknown.stderr == "error: unknown environment 'prd'\n  hint: did you mean 'prod'?\n"


def test_a_connector_with_two_names_is_a_warning(project: ProjectFolder) -> None:
    project.write("connectors/shop.yaml", LAX.replace("fields:", "key: id, fields:"))
    assert project.syncrun("validate", "connectors/shop.yaml").stderr == (
        "connectors/shop.yaml:1:12: warning: commands call this connector 'shop' as its file, but its tables are in 'lax'\n"
        "  hint: call the file lax.yaml, or the connector 'shop'\n"
        "1 file checked: 0 errors, 1 warning\n"
    )


def test_two_files_of_a_project_cannot_have_the_same_name(project: ProjectFolder) -> None:
    project.write("connectors/copy.yaml", LAX.replace("connector: lax", "connector: store"))
    done = project.syncrun("validate")
    assert done.exit_code == 2
    assert done.stderr.endswith(
        "connectors/store.yaml:2:12: connectors/copy.yaml is called 'store' too: both would fill the same tables\n"
        "  hint: give one another name\n"
        "3 files checked: 1 error, 2 warnings\n"
    )
