"""Which project a connection is of: two that write the same one would delete each other's records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from syncrun.config.project import DATABASE, read_project
from syncrun.config.project_file import PROJECT_FILES
from syncrun.engine.job import Job
from syncrun.errors import ConfigurationError, OtherProjectError
from syncrun.stores.binding import SETTLE, two_projects
from syncrun.stores.values.basis import Home


@dataclass(frozen=True, slots=True)
class Claim:
    """The project that a connection is of from now on (None: it has none), and what there is to tell."""

    home: Home | None
    note: str = ""


def claim_home(job: Job, database: Path, registered: Home | None, *, adopt: bool) -> Claim:
    """Return the claim of *job*'s project to its connection; raise OtherProjectError where it has another.

    A project that was moved takes its connections along, and so does one whose database is a copy. *adopt*
    takes them from a project that is still there.
    """
    if job.project is None:
        return Claim(None)
    home = Home(str(job.project.resolve()), str(database.resolve()))
    connection = job.id.connection
    if registered is None or registered.project == home.project or registered.file != home.file:
        return Claim(home)
    if _still_has(registered, connection) and not adopt:
        raise OtherProjectError(two_projects(connection, registered), hint=SETTLE)
    return Claim(home, f"the connection {connection} was that of the project in {registered.project} before")


def of_others(homes: Mapping[str, Home], project: Path, database: Path) -> dict[str, Home]:
    """Return those of *homes*, by connection, that another project than that in *project* still has."""
    own = Home(str(project.resolve()), str(database.resolve()))
    return {
        connection: home
        for connection, home in homes.items()
        if home.project != own.project and home.file == own.file and _still_has(home, connection)
    }


def _still_has(home: Home, connection: str) -> bool:
    """Whether the project of *home* still writes *connection* to its database, as far as anybody can tell."""
    folder = Path(home.project)
    file = next((folder / name for name in PROJECT_FILES if (folder / name).exists()), None)
    if file is None:
        return False
    try:
        _, content = read_project(file)
    except ConfigurationError:  # it is being edited
        return True
    databases = [content.database or DATABASE, *(e.database for e in content.environments.values())]
    places = {str((folder / name).resolve()) for name in databases if name is not None}
    return connection in content.connections and home.file in places
