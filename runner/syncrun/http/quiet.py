"""What the HTTP libraries log, without secrets: programs that import syncrun may show it (R23)."""

from __future__ import annotations

import logging
from functools import cache

from syncrun.excerpts import masked

_LOGGERS = ("httpx", "httpcore", "httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy")
_HEADERS = ("hpack.hpack", "hpack.table")  # that write every header out


class _Masking(logging.Filter):
    """Writes the message of a record out and takes the secrets from it that anybody knows by then."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.INFO and (record.name in _HEADERS or "headers" in str(record.msg)):
            return False  # all of them: credentials that nobody has learned yet among them
        record.msg, record.args = masked(_without_query(record.getMessage())), ()
        record.exc_text = None if record.exc_text is None else masked(record.exc_text)
        return True


def _without_query(message: str) -> str:
    """Return *message* with the values of sensitive parameters in its URLs masked."""
    from syncrun.http.redact import Redactor

    return " ".join(Redactor().url(word) if "://" in word else word for word in message.split(" "))


@cache
def mask_libraries() -> None:
    """Let the loggers of the HTTP libraries show no secret, for as long as the process lives."""
    for name in (*_LOGGERS, *_HEADERS):
        logging.getLogger(name).addFilter(_Masking())
