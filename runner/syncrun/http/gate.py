"""Lets credentials and secrets out only to the servers that may see them (R19, R25)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import httpx

from syncrun.errors import RequestError, UnknownServerError
from syncrun.http.encoding import HeaderList, Outgoing, merged_headers
from syncrun.http.origins import Origin, Origins, Trust
from syncrun.http.reach import Reach
from syncrun.http.redact import Redactor
from syncrun.secrets import is_sensitive_name, is_telling

_LEARNED = 50  # values of one name: signatures differ with each request, and are used up

Admitted = tuple[httpx.Auth | None, list[tuple[bytes, bytes]]]


class Gate:
    """Stands before the wire; *defaults* are headers that everyone may see, *headers* the connector's.

    *reach* says which servers may be asked at all.
    """

    def __init__(
        self,
        origins: Origins,
        redactor: Redactor,
        *,
        auth: httpx.Auth | None,
        headers: HeaderList,
        defaults: HeaderList,
        reach: Reach,
    ) -> None:
        self._origins = origins
        self._redactor = redactor
        self._auth = auth
        self._headers = headers
        self._defaults = defaults
        self.reach = reach
        self._learned: Counter[str] = Counter()

    def admit(self, outgoing: Outgoing) -> Admitted:
        """Return the credentials and the headers that the server of *outgoing* may see.

        Raise UnknownServerError when an answer led to a server that the connector does not name, RequestError
        when the request itself would tell a secret to a server that may not have it.
        """
        origin = Origin.of(outgoing.url)
        reason, hint = self.reach.refusal(outgoing.url)
        if reason:
            raise RequestError(f"{self._place(outgoing)}: {self._redactor.text(reason)}", hint=hint)
        is_web = origin.scheme in ("http", "https")  # what is no URL of the web is told as such
        if is_web and not outgoing.named and not self._origins.knows(origin):
            raise self._unknown(outgoing, origin)
        trust = self._origins.judge(origin)
        if trust is Trust.HOME:
            self._learn(outgoing)
            return self._auth, merged_headers(self._defaults, self._headers, outgoing.headers)
        if trust is Trust.EXPOSED:
            self._check_exposed(outgoing)
            return None, merged_headers(self._defaults, self._headers, outgoing.headers)
        self._check_foreign(outgoing)
        own = [header for header in outgoing.headers if not self._is_secret(header)]
        return None, merged_headers(self._defaults, own)

    def shares(self, before: httpx.URL, after: httpx.URL) -> bool:
        """Whether a redirect takes along what was sent: to the same server, or one with credentials."""
        old, new = Origin.of(before), Origin.of(after)
        return old == new or self._origins.judge(new) is Trust.HOME

    def refresh(self) -> bool:
        """Let go of an issued credential, so that the next request gets a new one; whether there is any."""
        renew = getattr(self._auth, "refresh", None)
        return bool(renew()) if callable(renew) else False

    def _unknown(self, outgoing: Outgoing, origin: Origin) -> UnknownServerError:
        if not self._redactor.url(str(outgoing.url)).startswith(str(origin)):  # it begins with a secret
            return UnknownServerError(
                f"{self._place(outgoing)}: not followed to a server that is neither that of base_url nor one"
                " of allow_hosts"
            )
        host = str(origin).partition("://")[2] if origin.scheme == "https" else str(origin)
        return UnknownServerError(
            f"{self._place(outgoing)}: not followed to {origin}, which is neither the server of base_url nor"
            " one of allow_hosts",
            hint=f'if it belongs to the API: `allow_hosts: ["{host}"]`, or `allow_hosts: [{{host: "{host}",'
            " credentials: false}]` where it needs no credentials",
        )

    def _learn(self, outgoing: Outgoing) -> None:
        """Let nobody see what *outgoing* itself sends under the name of a credential (R23)."""
        for name, value in outgoing.headers:  # parameters may be places in a list
            new = is_sensitive_name(name) and is_telling(value) and not self._redactor.exposes(value)
            if new and self._learned[name] < _LEARNED:
                self._learned[name] += 1
                self._redactor.add(value, value.rpartition(" ")[2])

    def _check_exposed(self, outgoing: Outgoing) -> None:
        headers = [*self._headers, *outgoing.headers]
        if self._auth is not None or self._any_secret(headers) or self._tells_secret(outgoing):
            raise RequestError(
                f"{self._place(outgoing)}: credentials are not sent over plain http",
                hint="use https://, or set allow_http: true in the connector",
            )

    def _check_foreign(self, outgoing: Outgoing) -> None:
        if self._tells_secret(outgoing):
            host = outgoing.url.raw_host.decode("ascii")
            raise RequestError(
                f"{self._place(outgoing)}: a secret is not sent to a server other than that of base_url",
                hint=f"if {host} may have it, add it to allow_hosts in the connector",
            )

    def _tells_secret(self, outgoing: Outgoing) -> bool:
        body = outgoing.content.decode("utf-8", "replace") if outgoing.content else ""
        return self._redactor.exposes(str(outgoing.url)) or self._redactor.exposes(body)

    def _any_secret(self, headers: Iterable[tuple[str, str]]) -> bool:
        return any(map(self._is_secret, headers))

    def _is_secret(self, header: tuple[str, str]) -> bool:
        return is_sensitive_name(header[0]) or self._redactor.exposes(header[1])

    def _place(self, outgoing: Outgoing) -> str:
        return self._redactor.exchange(outgoing.method, str(outgoing.url))
