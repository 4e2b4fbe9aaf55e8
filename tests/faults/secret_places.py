"""Where a run can fail while the API has the connection's secret in its mouth: a sync and an answer each."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from typing import Any
from urllib.parse import quote, quote_plus

from tests.api import Answer

SECRET = 'S3cr3t/p+w&"<9=k%~'
PATH = quote(SECRET, safe="")


def spellings(secret: str) -> Iterator[str]:
    """Yield every text in which somebody could read *secret*, found in other ways than syncrun finds them."""
    yield secret
    yield quote(secret, safe="")
    yield quote(secret, safe="").lower()
    yield quote(secret)
    yield quote_plus(secret, safe="/")
    yield json.dumps(secret)[1:-1]
    yield json.dumps(json.dumps(secret))[3:-3]
    yield json.dumps(secret).replace("/", "\\/")[1:-1]
    yield escape(secret)
    yield secret.encode().hex()
    for encode in (b64encode, urlsafe_b64encode):
        for before in ("", "a", "ab"):  # the three ways in which it can lie in groups of three bytes
            text = encode((before + secret).encode()).decode()
            yield text[4 if before else 0 : -4]


ECHO = " ".join(
    (SECRET, PATH, json.dumps(SECRET), escape(SECRET), b64encode(f"me:{SECRET}".encode()).decode())
)
"""What an API says that repeats what it was sent."""


@dataclass(frozen=True)
class Place:
    """A *sync* of *connector* that meets *answer* below `/{name}`, ends with *status* and tells *message*."""

    name: str
    sync: str
    message: str
    answer: Answer = field(default_factory=lambda: Answer(json=[]))
    status: str = "failed"
    connector: str = "lab"

    @property
    def text(self) -> str:
        """The sync as YAML of one line."""
        return self.sync.replace("%", self.name)


def refused(status: int, **more: Any) -> Answer:
    return Answer(status=status, text=ECHO, headers={"X-Echo": SECRET}, **more)


ALL = "1 of 1 record went into quarantine, the first: "
PLAIN = "{request: /%, pagination: none, key: id, fields: [id]}"
CONNECTORS = {
    "lab": """
auth: {type: bearer, token: "${config.token}"}
setup: {cloud: {request: '/refused_403?q=${config.token}', value: id}}
""",
    "hooked": 'auth: {type: bearer, token: "${config.token}"}',
    "signing": "hooks: hooks/authenticate.py\nauth: {type: hook}",
    "oauth": 'auth: {type: oauth2, grant: client_credentials, token_url: "${config.url}/refused_401", client_id: "${config.token}", client_secret: "${config.token}"}',
    "session": 'auth: {type: session, request: {path: "/refused_403?q=${config.token}", form: {password: "${config.token}"}}, token: token}',
    "session_without_token": 'auth: {type: session, request: {path: /echo_200, json: {password: "${config.token}"}}, token: token}',
    "key": 'auth: {type: api_key, in: query, name: q, key: "${config.token}"}',
    "jwt": 'auth: {type: jwt, key: "${config.token}", algorithm: RS256, claims: {iss: me}}',
    "sigv4": 'auth: {type: aws_sigv4, access_key_id: "${config.token}", secret_access_key: "${config.token}", service: s3, region: here}',
    "digest": 'auth: {type: digest, username: me, password: "${config.token}"}',
}
"""How each connector signs in."""

RECORD = {"id": 1, "n": SECRET, "o": {SECRET: [SECRET]}}

PLACES = [
    Place("refused_401", PLAIN, 'GET URL/refused_401: 401: *** *** "***" *** ***', refused(401)),
    Place("refused_403", PLAIN, 'GET URL/refused_403: 403: *** *** "***" *** ***', refused(403)),
    Place("broken_500", PLAIN, 'GET URL/broken_500: 500: *** *** "***" *** ***', refused(500)),
    Place(
        "missing_404",
        "{request: '/%/${config.token}', pagination: none, key: id, fields: [id]}",
        'GET URL/missing_404/***: 404: *** *** "***" *** ***',
        refused(404),
    ),
    Place(
        "in_the_query",
        "{request: {path: /%, params: {q: '${config.token}'}}, key: id, fields: [id]}",
        'GET URL/in_the_query?q=***: 400: *** *** "***" *** ***',
        refused(400),
    ),
    Place("reset", PLAIN, "GET URL/reset: connection reset", Answer(reset=True)),
    Place("cut", PLAIN, "GET URL/cut: the answer broke off", Answer(text=ECHO, truncate=20)),
    Place(
        "late",
        "{request: '/%?q=${config.token}', pagination: none, key: id, fields: [id]}",
        "GET URL/late?q=***: no answer within 0.5 s",
        Answer(delay=30),
    ),
    Place(
        "elsewhere",
        "{request: {url: 'http://127.0.0.1:1/?q=${config.token}'}, key: id, fields: [id]}",
        "GET http://127.0.0.1:1/?q=***: a secret is not sent to a server other than that of base_url",
    ),
    Place(
        "no_url",
        "{request: {url: 'http://[${config.token}]/'}, key: id, fields: [id]}",
        "GET http://[${config.token}]/: this makes no valid URL",
    ),
    Place(
        "to_a_file",
        PLAIN,
        "GET URL/to_a_file: redirected to a URL with the scheme file",
        Answer(redirect=f"file:///etc/{PATH}"),
    ),
    Place(
        "to_elsewhere",
        PLAIN,
        "GET http://127.0.0.1:1/?q=***: not followed to http://127.0.0.1:1, which is neither the server of base_url nor one of allow_hosts",
        Answer(redirect=f"http://127.0.0.1:1/?q={PATH}"),
        "incomplete",
    ),
    Place(
        "to_nowhere",
        PLAIN,
        "GET http://%5b***]/: not followed to a server that is neither that of base_url nor one of allow_hosts",
        Answer(redirect=f"http://[{SECRET}]/"),
        "incomplete",
    ),
    Place(
        "in_circles",
        PLAIN,
        "GET URL/in_circles?q=***: more than 10 redirects",
        Answer(redirect=f"/in_circles?q={PATH}"),
    ),
    Place(
        "html",
        PLAIN,
        "GET URL/html: the answer is no JSON (content type text/html); it starts with '<html>*** *** \"***\" *** ***</html>'",
        Answer(text=f"<html>{ECHO}</html>", content_type="text/html"),
    ),
    Place(
        "no_json",
        PLAIN,
        "GET URL/no_json: the answer is no JSON (content type application/json): Expecting value: line 1 column 7 (char 6); it starts with '{\"a\": ***}'",
        Answer(text=f'{{"a": {SECRET}}}', content_type="application/json"),
    ),
    Place(
        "no_jsonl",
        "{request: /%, decode: jsonl, key: id, fields: [id]}",
        "GET URL/no_jsonl: the answer is no JSON lines (content type text/plain): line 2: Expecting value: line 1 column 7 (char 6); it starts with '{} {\"a\": ***}'",
        Answer(text=f'{{}}\n{{"a": {SECRET}}}'),
    ),
    Place(
        "no_csv",
        "{request: /%, decode: csv, key: id, fields: [id]}",
        "GET URL/no_csv: the answer is no CSV (content type text/plain): line 2: ',' expected after '\"'; it starts with 'id \"***'",
        Answer(text=f'id\n"{SECRET}'),
    ),
    Place(
        "no_xml",
        "{request: /%, decode: xml, key: id, fields: [id]}",
        "GET URL/no_xml: the answer is no XML (content type text/plain): line 1: not well-formed (invalid token); it starts with '<a><***></a>'",
        Answer(text=f"<a><{SECRET}></a>"),
    ),
    Place(
        "entity",
        "{request: /%, decode: xml, key: id, fields: [id]}",
        "GET URL/entity: the answer is XML with entities, which are not read (content type text/plain); it starts with '<!DOCTYPE a [<!ENTITY e \"***\">]><a>&e;</a>'",
        Answer(text=f'<!DOCTYPE a [<!ENTITY e "{quote(SECRET)}">]><a>&e;</a>'),
    ),
    Place(
        "no_gzip",
        PLAIN,
        "GET URL/no_gzip: the compressed answer is damaged",
        Answer(body=b"\x1f\x8b" + SECRET.encode(), headers={"Content-Encoding": "gzip"}),
    ),
    Place(
        "encoding",
        PLAIN,
        "GET URL/encoding: the answer has an unknown content encoding '***'",
        Answer(text=ECHO, headers={"Content-Encoding": SECRET}),
    ),
    Place(
        "charset",
        PLAIN,
        "GET URL/charset: the answer is no JSON (content type application/json); it starts with '*** *** \"***\" *** ***'",
        Answer(body=ECHO.encode(), content_type=f"application/json; charset={PATH}"),
    ),
    Place(
        "unclear",
        PLAIN,
        'the answer has several lists that could be the records: "***" (1), b (1)',
        Answer(json={SECRET: [1], "b": [2]}),
    ),
    Place(
        "no_list",
        "{request: /%, records: o, key: id, fields: [id]}",
        "records (o) gives the text '***', neither a list nor an object",
        Answer(json={"o": SECRET}),
    ),
    Place(
        "error_200",
        "{request: /%, records: o, key: id, fields: [id]}",
        'the answer has no records but reports error: "*** *** \\"***\\" *** ***"',
        Answer(json={"error": ECHO}),
    ),
    Place(
        "rule",
        "{request: /%, key: id, fields: [id], errors: [{status: 409, then: fail, message: 'no ${body.why}'}]}",
        'GET URL/rule: 409: no *** *** "***" *** ***',
        Answer(status=409, json={"why": ECHO}),
    ),
    Place(
        "expression",
        "{request: /%, key: id, fields: {id: id, n: 'sum(o)'}, on_invalid: fail}",
        "record [1]: n: cannot evaluate sum(o): the argument of sum() must be an array of numbers, not an array with a string in it",
        Answer(json=[{"id": 1, "o": [SECRET]}]),
    ),
    Place(
        "no_integer",
        "{request: /%, key: id, fields: {id: id, n: {path: n, type: integer}}, on_invalid: fail}",
        "record [1]: n: expected an integer, got text '***'",
        Answer(json=[RECORD]),
    ),
    Place(
        "no_choice",
        "{request: /%, key: id, fields: {id: id, n: {path: n, enum: [a]}}, on_invalid: fail}",
        "record [1]: n: expected one of a, got text '***'",
        Answer(json=[RECORD]),
    ),
    Place(
        "no_match",
        "{request: /%, key: id, fields: {id: id, n: {path: n, pattern: '^a$'}}, on_invalid: fail}",
        "record [1]: n: text '***' does not match the pattern ^a$",
        Answer(json=[RECORD]),
    ),
    Place(
        "schema",
        "{request: /%, key: id, fields: [id, n], schema: {properties: {n: {type: integer}}}, on_invalid: fail}",
        'record [1]: n: "***" is not of type "integer"',
        Answer(json=[RECORD]),
    ),
    Place("no_record", PLAIN, f"{ALL}key id is null", Answer(json=[SECRET]), "incomplete"),
    Place(
        "quarantined",
        "{request: /%, key: id, fields: {id: id, n: {path: n, type: integer}}}",
        f"{ALL}n: expected an integer, got text '***'",
        Answer(json=[RECORD]),
        "incomplete",
    ),
    Place(
        "no_cursor",
        "{request: '/%?since=${cursor}', key: id, fields: {id: id, n: n}, incremental: {cursor: n, type: timestamp, start: 2024-01-01}}",
        f"{ALL}the cursor cannot be compared: expected a timestamp, got text '***'",
        Answer(json=[RECORD]),
        "incomplete",
    ),
    Place(
        "same_page",
        "{request: /%, pagination: {type: next_url, url: next}, records: o, key: id, fields: [id]}",
        "page 2 is the same as the page before it",
        Answer(json={"o": [{"id": 1}], "next": f"/same_page?q={PATH}"}),
        "incomplete",
    ),
    Place(
        "next_fails",
        "{request: /%, pagination: {type: next_url, url: next}, records: o, key: id, fields: [id]}",
        'GET URL/refused_403?q=***: 403: *** *** "***" *** ***',
        Answer(json={"o": [{"id": 1}], "next": f"/refused_403?q={PATH}"}),
    ),
    Place(
        "next_away",
        "{request: /%, pagination: {type: next_url, url: next}, records: o, key: id, fields: [id]}",
        "GET http://127.0.0.1:1/?q=***: not followed to http://127.0.0.1:1, which is neither the server of base_url nor one of allow_hosts",
        Answer(json={"o": [{"id": 1}], "next": f"http://127.0.0.1:1/?q={PATH}"}),
        "incomplete",
    ),
    Place(
        "partition",
        "{for_each: {values: ['${config.token}', b], as: it}, request: '/%/${it}', key: id, fields: [id]}",
        'GET URL/partition/***: 404: *** *** "***" *** ***',
        refused(400),
    ),
    Place(
        "detail",
        "{request: /%, detail: {path: '/refused_403?q=${record.n}'}, key: id, fields: [id]}",
        'GET URL/refused_403?q=***: 403: *** *** "***" *** ***',
        Answer(json=[RECORD]),
    ),
    Place(
        "expired",
        "{request: '/%?since=${cursor}', key: id, fields: {id: id}, incremental: {cursor: id, type: integer, start: 1, expired: {status: 410}}}",
        'GET URL/expired?since=1: 410: *** *** "***" *** ***',
        refused(410),
    ),
    Place(
        "setup",
        "{request: '/%/${vars.cloud}', key: id, fields: [id]}",
        'setup.cloud: GET URL/refused_403?q=***: 403: *** *** "***" *** ***',
    ),
    Place(
        "hook_prints",
        "{request: /%, key: id, fields: [id], hooks: hooks/speaks.py}",
        "",
        Answer(json=[RECORD]),
        "ok",
        "hooked",
    ),
    *(
        Place(
            f"hook_{stage}",
            f"{{request: /%, key: id, fields: [id], hooks: hooks/{stage}.py}}",
            message,
            Answer(json=[RECORD]),
            status,
            "hooked",
        )
        for stage, status, message in (
            (
                "before_request",
                "failed",
                "hook before_request (hooks/before_request.py:3): ValueError: no ***",
            ),
            (
                "parse_response",
                "failed",
                "hook parse_response (hooks/parse_response.py:3): ValueError: no ***",
            ),
            ("map_record", "incomplete", f"{ALL}hook map_record (hooks/map_record.py:3): ValueError: no ***"),
            ("after_run", "failed", "hook after_run (hooks/after_run.py:3): ValueError: no ***"),
            ("import", "failed", "the hook file hooks/import.py:3 cannot be loaded: ValueError: TOKEN='***'"),
        )
    ),
    Place(
        "hook_authenticate",
        PLAIN,
        "hook authenticate (hooks/authenticate.py:3): ValueError: no ***",
        connector="signing",
    ),
    Place(
        "token_refused",
        PLAIN,
        'no token for oauth: POST URL/refused_401: 401: *** *** "***" *** ***',
        connector="oauth",
    ),
    Place(
        "login_refused",
        PLAIN,
        'no session for session: POST URL/refused_403?q=***: 403: *** *** "***" *** ***',
        connector="session",
    ),
    Place(
        "no_token",
        PLAIN,
        "no session for session_without_token: the answer of POST URL/echo_200 has no token",
        connector="session_without_token",
    ),
    Place(
        "key_refused", PLAIN, 'GET URL/key_refused: 403: *** *** "***" *** ***', refused(403), connector="key"
    ),
    Place("jwt", PLAIN, "the key of jwt auth cannot sign with RS256", connector="jwt"),
    Place("sigv4", PLAIN, 'GET URL/sigv4: 403: *** *** "***" *** ***', refused(403), connector="sigv4"),
    Place(
        "digest",
        PLAIN,
        "the server of digest asks for a digest of a kind that cannot be given",
        Answer(status=401, text=ECHO, headers={"WWW-Authenticate": f"Digest realm={SECRET}"}),
        connector="digest",
    ),
    Place(
        "graphql",
        "{request: {path: /%, method: POST, retry_safe: true, json: {query: '{a}', variables: {t: '${config.token}'}}}, key: id, fields: [id], errors: [{when: body.errors, then: fail, message: '${body.errors[0].message}'}]}",
        'POST URL/graphql: 200: *** *** "***" *** ***',
        Answer(json={"errors": [{"message": ECHO}]}),
    ),
    Place(
        "job_create",
        """{key: id, fields: [id], job: {create: {path: /refused_403}, keep: {id: body.id}, poll: {request: "/job_create/state/${job.id}", done_when: "body.state == 'done'", failed_when: "body.state == 'failed'", message: "${body.why}", every: 1s, timeout: 1m}, download: "/x"}}""",
        'POST URL/refused_403: 403: *** *** "***" *** ***',
    ),
    Place(
        "job_poll",
        """{key: id, fields: [id], job: {create: {path: /%/create}, keep: {id: body.id}, poll: {request: "/refused_403?q=${job.id}", done_when: "body.state == 'done'", failed_when: "body.state == 'failed'", message: "${body.why}", every: 1s, timeout: 1m}, download: "/x"}}""",
        'GET URL/refused_403?q=***: 403: *** *** "***" *** ***',
    ),
    Place(
        "job_failed",
        """{key: id, fields: [id], job: {create: {path: /%/create}, keep: {id: body.id}, poll: {request: "/job_state?q=${job.id}", done_when: "body.state == 'done'", failed_when: "body.state == 'failed'", message: "${body.why}", every: 1s, timeout: 1m}, download: "/x"}}""",
        'GET URL/job_state?q=***: the export failed: *** *** "***" *** ***',
    ),
    Place(
        "job_download",
        """{key: id, fields: [id], job: {create: {path: /%/create}, keep: {id: body.id}, poll: {request: "/job_done?q=${job.id}", done_when: "body.state == 'done'", failed_when: "body.state == 'failed'", message: "${body.why}", every: 1s, timeout: 1m}, download: "/refused_403?q=${job.id}"}}""",
        'GET URL/refused_403?q=***: 403: *** *** "***" *** ***',
    ),
]
