"""Caddy: its error routes (``handle_errors``), and maps that find the id."""

from __future__ import annotations

from ...cli import CommandError
from .plan import ALLOW, STATUSES, TRACE_ID, Plan

LOG = "stdout"

FILE = """\
# Caddy: its own errors in the shape of the error contract, and one trace id for each request.
# Made by `errorshape gateway caddy`. Tested with Caddy 2.6 and 2.11. A whole Caddyfile:
# `caddy validate --config errorshape.Caddyfile --adapter caddyfile` checks it.
#
# What Caddy cannot do:
# - What Go's server refuses before there is a request (not HTTP, no Host, a bad header or
#   Content-Length: 400; headers too large: 431; 417; 501; 505) is its own text/plain, without an id.
# - 408: it closes the connection of a client that is too slow with its headers and sends nothing.
#   For the body there is no limit here: after `read_body` Caddy 2.6 sends an empty 200.
# - A body in malformed chunks is a 502, as it is found while it is passed on.
# - 414 is not known: a long URI is part of the headers.
# - 429: Caddy limits no rates without a module. One that you add gets the shape all the same.
{{
	servers {{
		timeouts {{
			read_header {timeout}s
		}}
	}}
}}

http://:{listen.port} {{
{bind}	log {{
		output {log}
	}}

{ids}
	# Where the length is not said, reading too much is the error.
	@errorshape_large expression `{{header.Content-Length}}.matches("^[0-9]+$") && int({{header.Content-Length}}) > {max_body}`
	error @errorshape_large 413
	request_body {{
		max_size {max_body}
	}}

	# For whoever answers without one; the application's own stays.
	header ?{header} {{errorshape_trace_id}}

	# The application's errors are in the shape already: they pass as they are.
	reverse_proxy {upstream} {{
		header_up {header} {{errorshape_trace_id}}
		transport http {{
			dial_timeout {connect}s
			response_header_timeout {timeout}s
		}}
	}}

	handle_errors {{
		map {{err.status_code}} {{errorshape_error}} {{
{errors}
		}}
		header {{
			Content-Type application/json
			Cache-Control no-store
			{header} {{errorshape_trace_id}}
		}}
		@errorshape_later expression {{err.status_code}} in [429, 503]
		header @errorshape_later Retry-After {retry_after}
		@errorshape_method expression {{err.status_code}} == 405
		header @errorshape_method Allow "{allow}"
		respond `\\{{"error":\\{{{{errorshape_error}},"trace_id":"{{errorshape_trace_id}}"\\}}\\}}` {{err.status_code}}
	}}
}}
"""

EDGE = """\
	# A fresh UUID, whatever the client has sent.
	map {{http.request.uuid}} {{errorshape_trace_id}} {{
		default {{http.request.uuid}}
	}}
"""

INBOUND = """\
	# The trace-id of a valid traceparent (W3C Trace Context, level 2), else a fresh UUID. The first
	# line that matches counts, and what a regular expression gives may hold no placeholder.
	map {{header.traceparent}} {{errorshape_traced}} {{
		~^ff ""
		~^00-.{{53}} ""
		~^..-0{{32}} ""
		~^.{{36}}0{{16}} ""
		~^[0-9a-f]{{2}}-([0-9a-f]{{32}})-[0-9a-f]{{16}}-[0-9a-f]{{2}}(?:-[^,]*)?$ ${{1}}
		default ""
	}}
	map {{errorshape_traced}} {{errorshape_started}} {{
		"" {{http.request.uuid}}
		default {{errorshape_traced}}
	}}
	# But first of all a valid id of the client's. Several are joined by commas, and not valid.
	map {{header.{header}}} {{errorshape_trace_id}} {{
		~{trace_id} ${{0}}
		default {{errorshape_started}}
	}}
"""


def render(plan: Plan) -> str:
    """Return the configuration: a Caddyfile. Raises CommandError for a limit of rates."""
    if plan.rate:
        raise CommandError(
            "Caddy limits no rates without a module: leave --rate out. A 429 of a module that you"
            " add has the shape all the same."
        )
    rows = {str(status): plan.error(status) for status in STATUSES}
    rows |= {"~^5": plan.error(599), "default": plan.error(499)}
    log = plan.log or LOG
    return FILE.format(
        timeout=plan.timeout,
        connect=min(plan.timeout, 5),
        listen=plan.listen,
        bind=f"\tbind {plan.listen.host}\n" if plan.listen.host else "",
        log=log if log in ("stdout", "stderr") else f"file {log}",
        ids=(EDGE if plan.edge else INBOUND).format(header=plan.header, trace_id=TRACE_ID),
        max_body=plan.max_body,
        header=plan.header,
        upstream=plan.upstream,
        errors="\n".join(f"\t\t\t{key} `{error}`" for key, error in rows.items()),
        retry_after=plan.retry_after,
        allow=ALLOW,
    )
