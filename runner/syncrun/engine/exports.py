"""What the exports of a run (`job:`) work with: a client for answers about jobs, and a clock to wait by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from msgspec import Struct

from syncrun.config.export_job import ExportJob
from syncrun.config.request import RequestSpec
from syncrun.decoders import decode
from syncrun.engine.job import Runtime
from syncrun.expressions.functions import Functions
from syncrun.extract.fetch import Fetched
from syncrun.extract.job import Export
from syncrun.extract.requests import Source
from syncrun.http.messages import Request, Response
from syncrun.http.redact import Redactor
from syncrun.paginators.base import PageState


class Exports(Struct, frozen=True):
    """Makes the export of a partition; *send* judges answers as JSON, whatever the files are."""

    send: Callable[[Request], Response]
    runtime: Runtime
    redactor: Redactor
    functions: Functions

    def of(self, spec: ExportJob, source: Source, fetched: Callable[..., Iterator[Fetched]]) -> Export:
        """Return the export that the request of *source* begins, and whose files *fetched* reads."""
        from syncrun.paginators.none import NoPagination

        # a file is rarely one of many pages, and a full one is no sign that there are more
        files = replace(source, pagination=source.pagination or NoPagination())

        def download(
            request: RequestSpec, context: Mapping[str, Any], start: PageState | None, promised: str
        ) -> Iterator[Fetched]:
            return fetched(replace(files, request=request), context, start=start, promised=promised)

        return Export(
            spec,
            source,
            send=self.send,
            decode=partial(decode, "json", redactor=self.redactor),
            download=download,
            now=lambda: self.runtime.now().timestamp(),
            sleep=self.runtime.sleep,
            redactor=self.redactor,
            functions=self.functions,
        )
