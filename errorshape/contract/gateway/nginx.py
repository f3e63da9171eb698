"""nginx: its error pages (``error_page``), and maps that make the id."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import zip_longest

from .plan import ALLOW, STATUSES, TRACE_ID, Plan, envelope

LOG = "/var/log/nginx/access.log"
# nginx reads its file in pieces of 4,096 bytes, and a parameter has to fit into one.
_LONGEST = 2000
# A character, or the escape of one; surrogates stay together.
_characters = re.compile(r"(?:\\u[0-9a-f]{4}){1,2}|[^\\]").findall

# W3C Trace Context §3.2.2 and §3.2.4, as in errorshape/trace/w3c.py. A version 00 has 55
# characters and no more; a comma is where nginx joins headers that were there twice.
TRACEPARENT = (
    "^(?!ff)(?!00-.{53})[0-9a-f]{2}-(?!0{32})(?<errorshape_w3c>[0-9a-f]{32})"
    "-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-[^,]*)?$"
)

FILE = """\
# nginx: its own errors in the shape of the error contract, and one trace id for each request.
# Made by `errorshape gateway nginx`. Tested with nginx 1.22 and 1.31. It belongs into the http
# context: put it into /etc/nginx/conf.d/ and run `nginx -t`.
#
# What nginx cannot do:
# - 408: it closes the connection of a client that is too slow and sends nothing. 444 and 499 are
#   no responses either. They have their line in the access log, with the id.
# - An HTTP/0.9 request (`GET /` without a version) has no headers, so its error is a body alone.
# - 494 (headers too large) leaves as 431, 495 to 497 (trouble with TLS) as 400.
# - What it does not take for HTTP from the application, it passes on as HTTP/0.9, without headers.
# - Before 1.23, nginx sees only the first of several {header} headers, and takes it for the id.
# - What fails before the Host header is read is answered by the default_server of the address.

{ids}

map $upstream_http_{variable} $errorshape_own_id {{
    # The application has sent the id already.
    "" $errorshape_trace_id;
    default "";
}}

{errors}

# WebSockets: only a client that asks for it changes the protocol.
map $http_upgrade $errorshape_connection {{
    "" "";
    default upgrade;
}}

map $status $errorshape_retry_after {{
    429 {retry_after};
    503 {retry_after};
    default "";
}}

map $status $errorshape_allow {{
    405 "{allow}";
    default "";
}}
{zone}
log_format errorshape '$remote_addr - $remote_user [$time_local] "$request" $status'
                      ' $body_bytes_sent "$http_referer" "$http_user_agent"'
                      ' trace_id=$errorshape_trace_id';

server {{
    listen {listen} default_server;
    access_log {log} errorshape;

    client_max_body_size {max_body};
    client_header_timeout {timeout}s;
    client_body_timeout {timeout}s;
    limit_req_status 429;
    limit_conn_status 429;

    error_page {statuses} /.errorshape;
    error_page 494 =431 /.errorshape;
    error_page 495 496 497 =400 /.errorshape;

    add_header {header} $errorshape_trace_id always;

    location / {{
        proxy_pass http://{upstream};
        proxy_http_version 1.1;
        proxy_set_header Connection $errorshape_connection;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_set_header {header} $errorshape_trace_id;
        add_header {header} $errorshape_own_id always;
        # The application's errors are in the shape already: they pass as they are.
        proxy_intercept_errors off;
        proxy_connect_timeout {timeout}s;
        proxy_send_timeout {timeout}s;
        proxy_read_timeout {timeout}s;{limit}
    }}

    # Not a named location: those have no answer for requests that could not be parsed.
    location = /.errorshape {{
        internal;
        gzip off;
        default_type application/json;
        add_header {header} $errorshape_trace_id always;
        add_header Cache-Control no-store always;
        add_header Retry-After $errorshape_retry_after always;
        add_header Allow $errorshape_allow always;
        # The status stays that of the error.
        return 200 '{body}';
    }}
}}
"""

UUID = """\
# A fresh id: nginx's 32 random hex digits as a UUID of version 4 (RFC 9562 §5.4).
map $request_id $errorshape_variant {
    "~^.{16}[048c]" 8;
    "~^.{16}[159d]" 9;
    "~^.{16}[26ae]" a;
    default b;
}

map $request_id $UUID {
    "~^(?<errorshape_a>.{8})(?<errorshape_b>.{4}).(?<errorshape_c>.{3}).(?<errorshape_d>.{3})(?<errorshape_e>.{12})$"
    "$errorshape_a-$errorshape_b-4$errorshape_c-$errorshape_variant$errorshape_d-$errorshape_e";
}"""

INBOUND = """

# Else the trace-id of a valid traceparent (W3C Trace Context, level 2).
map $http_traceparent $errorshape_started {{
    "~{traceparent}" $errorshape_w3c;
    default $errorshape_uuid;
}}

# But first of all a valid id of the client's.
map $http_{variable} $errorshape_trace_id {{
    "~{trace_id}" $http_{variable};
    default $errorshape_started;
}}"""


def render(plan: Plan) -> str:
    """Return the configuration: a file for nginx's http context."""
    variable = plan.header.lower().replace("-", "_")
    rows = {str(status): plan.error(status) for status in STATUSES}
    rows |= {"~^5": plan.error(599), "default": plan.error(499)}
    errors = list(_maps(rows))
    zone = limit = ""
    if plan.rate:
        zone = f"\nlimit_req_zone $binary_remote_addr zone=errorshape:10m rate={plan.rate}r/s;\n"
        limit = f"\n        limit_req zone=errorshape burst={plan.rate} nodelay;"
    return FILE.format(
        ids=_ids(plan, variable),
        variable=variable,
        errors="\n\n".join(errors),
        retry_after=plan.retry_after,
        allow=ALLOW,
        zone=zone,
        listen=plan.listen if plan.listen.host else plan.listen.port,
        log=plan.log or LOG,
        max_body=plan.max_body,
        timeout=plan.timeout,
        # 507 is nginx's own as well (WebDAV).
        statuses=" ".join(map(str, (*STATUSES, 507))),
        header=plan.header,
        upstream=plan.upstream,
        limit=limit,
        body=envelope(
            "".join(f"$errorshape_error_{number}" for number in range(1, len(errors) + 1)),
            "$errorshape_trace_id",
        ),
    )


def _ids(plan: Plan, variable: str) -> str:
    if plan.edge:
        return UUID.replace("$UUID", "$errorshape_trace_id")
    return UUID.replace("$UUID", "$errorshape_uuid") + INBOUND.format(
        traceparent=TRACEPARENT, trace_id=TRACE_ID, variable=variable
    )


def _maps(rows: dict[str, str]) -> Iterator[str]:
    """Write code and message by status: one map, or more where a message is very long.

    Within the quotes nothing is special but ``$``, ``'`` and some escapes (ngx_conf_read_token).
    """
    # A status that has no further piece must not get that of another, by a pattern or by default.
    columns = zip_longest(*map(_pieces, rows.values()), fillvalue="")
    for number, pieces in enumerate(columns, start=1):
        lines = [
            f"    {key} '{_quoted(piece)}';\n" for key, piece in zip(rows, pieces, strict=True)
        ]
        yield f"map $status $errorshape_error_{number} {{\n{''.join(lines)}}}"


def _pieces(error: str) -> list[str]:
    pieces = [""]
    for character in _characters(error):
        if len(f"{pieces[-1]}{character}".encode()) > _LONGEST:
            pieces.append("")
        pieces[-1] += character
    return pieces


def _quoted(piece: str) -> str:
    return piece.replace("'", r"\'")
