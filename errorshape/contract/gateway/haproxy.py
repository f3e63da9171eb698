"""HAProxy: its error replies (``http-error``), and a variable of the transaction with the id."""

from __future__ import annotations

from .plan import TRACE_ID, Plan, envelope

LOG = "stdout"
#: The statuses whose reply HAProxy 2.6 lets one set; 407 has no row of its own in the contract.
STATUSES = (
    400,
    401,
    403,
    404,
    405,
    407,
    408,
    410,
    413,
    421,
    422,
    425,
    429,
    500,
    501,
    502,
    503,
    504,
)
# Bytes. HAProxy's buffer holds 16 KiB less 1 KiB, and a request that does not fit into it is a 400
# outside of all this; so it is refused before, by its right name.
_LONGEST_URI = 8000
_LARGEST_HEAD = 12000

_ID = "txn.errorshape_id"

FILE = """\
# HAProxy: its own errors in the shape of the error contract, and one trace id for each request.
# Made by `errorshape gateway haproxy`. Tested with HAProxy 2.6. Add it to the files it reads:
# `haproxy -c -f /etc/haproxy/haproxy.cfg -f errorshape.cfg` checks both.
#
# What HAProxy cannot do:
# - What is refused before there is a request (400: not HTTP, a bad header or Content-Length, more
#   than its buffer of 16 KiB holds; 408: headers that are too slow) is answered by the connection
#   itself, with HTML that is compiled in, and its id in the log is `-`. `errorfile 400 /dev/null`
#   has it send nothing; other error files are heeded there from HAProxy 3.3 on (and in newer
#   releases of 3.2), but they are constant, so that they cannot have an id.
# - 502 is what the application broke off or garbled; an application that is not there is a 503.
# - On its standard output it drops a line of the log when two threads collide: where each line
#   counts, log to syslog (`--log /dev/log`), or have one thread (`nbthread 1`).
# - Of a body whose length is not said (chunked), only what came with the headers can be a 413.

defaults errorshape
    mode http
    option forwardfor
    timeout connect {connect}s
    timeout client {timeout}s
    timeout server {timeout}s
    timeout http-request {timeout}s
    timeout http-keep-alive {timeout}s
    timeout tunnel 1h
    retries 1
{errors}

frontend errorshape from errorshape
    bind {listen}
    log {log}
    # That of `option httplog`, with the id before the request: a line ends at 1,024 bytes.
    log-format "{format}"
{ids}
    # The application gets the id, and so does whoever it answers without one.
    http-request set-header {header} %[var({id})]
    http-after-response set-header {header} %[var({id})] unless {{ res.hdr({header}) -m found }}
    # The order counts: a reply needs the id.
    http-request return status 414 {reply_414} if {{ url_len gt {uri} }}
    http-request return status 431 {reply_431} if {{ req.hdrs,length gt {head} }}
    http-request deny deny_status 405 if METH_CONNECT
    http-request deny deny_status 413 if {{ req.body_size gt {max_body} }}
{limit}    # Up to 16 KiB of the body, so that a client that is too slow is a 408. (The option
    # http-buffer-request would do so before there is an id.)
    http-request wait-for-body time {timeout}s
    default_backend errorshape

# The application's errors are in the shape already: they pass as they are.
backend errorshape from errorshape
    server application {upstream}
"""

FORMAT = (
    "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc"
    " %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs"
    f" trace_id=%[var({_ID})] %{{+Q}}r"
)

INBOUND = """\
    # The id: a valid one of the client's,
    http-request set-var({id}) req.fhdr({header}) if {{ req.fhdr_cnt({header}) eq 1 }} {{ req.fhdr({header}) -m reg '{trace_id}' }}
    # else the trace-id of a valid traceparent (W3C Trace Context, level 2),
    acl errorshape_traced req.fhdr(traceparent) -m reg '^[0-9a-f]{{2}}-[0-9a-f]{{32}}-[0-9a-f]{{16}}-[0-9a-f]{{2}}(-[^,]*)?$'
    acl errorshape_untraced req.fhdr(traceparent) -m reg '^ff' '^00-.{{53}}' '^..-0{{32}}' '^.{{36}}0{{16}}'
    http-request set-var({id}) req.fhdr(traceparent),field(2,-) if !{{ var({id}) -m found }} {{ req.fhdr_cnt(traceparent) eq 1 }} errorshape_traced !errorshape_untraced
    # else a fresh UUID.
    http-request set-var({id}) uuid if !{{ var({id}) -m found }}"""

EDGE = """\
    # The id: a fresh UUID, whatever the client has sent.
    http-request set-var({id}) uuid"""

LIMIT = """\
    stick-table type ipv6 size 100k expire 10s store http_req_rate(1s)
    http-request track-sc0 src
    http-request deny deny_status 429 if {{ sc_http_req_rate(0) gt {rate} }}
"""


def render(plan: Plan) -> str:
    """Return the configuration: a file to be read after HAProxy's own."""
    log = plan.log or LOG
    return FILE.format(
        connect=min(plan.timeout, 5),
        timeout=plan.timeout,
        errors="\n".join(
            f"    http-error status {status} {_reply(plan, status)}" for status in STATUSES
        ),
        listen=plan.listen,
        # Its own streams want their lines without the head that syslog has.
        log=f"{log} format raw local0" if log in ("stdout", "stderr") else f"{log} local0",
        format=FORMAT,
        id=_ID,
        ids=(EDGE if plan.edge else INBOUND).format(id=_ID, header=plan.header, trace_id=TRACE_ID),
        header=plan.header,
        reply_414=_reply(plan, 414),
        reply_431=_reply(plan, 431),
        uri=_LONGEST_URI,
        head=_LARGEST_HEAD,
        max_body=plan.max_body,
        limit=LIMIT.format(rate=plan.rate) if plan.rate else "",
        upstream=plan.upstream,
    )


def _reply(plan: Plan, status: int) -> str:
    """Write a reply; within the quotes nothing is special but ``'`` and ``%`` (HAProxy 2.6, §2.2)."""
    body = envelope(plan.error(status), f"%[var({_ID})]").replace("'", r"'\''")
    headers = {"Cache-Control": "no-store", **plan.headers(status)}
    written = " ".join(f"hdr {name} '{value}'" for name, value in headers.items())
    return f"content-type application/json lf-string '{body}' {written}"
