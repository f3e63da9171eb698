"""Envoy: its local replies (``local_reply_config``), and a Lua filter that finds the id."""

from __future__ import annotations

from .plan import STATUSES, Plan, envelope

LOG = "/dev/stdout"

FILE = """\
# Envoy: its own errors in the shape of the error contract, and one trace id for each request.
# Made by `errorshape gateway envoy`. Tested with Envoy 1.40, needs 1.37. A whole bootstrap
# file: `envoy --mode validate -c errorshape.yaml` checks it.
#
# What Envoy cannot do:
# - An error before the request is whole (not HTTP, no Host, headers too large or too late) has a
#   fresh id, since no filter has looked at the client's yet.
# - CONNECT waits for an end that does not come: it is a 408.
# - A URI that is too long is a 431, as too large headers are: Envoy knows no 414.
# - A request without a version (HTTP/0.9), or with an old one, is a 426.
# - An application that is not there, or breaks off, is a 503: 502 is for what is not HTTP.

static_resources:
  listeners:
  - name: errorshape
    address: {{socket_address: {{address: "{listen.host}", port_value: {listen.port}}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: errorshape
          # The client's address is that of its connection; X-Forwarded-For gets it.
          use_remote_address: true
          # Which id is taken is decided below.
          generate_request_id: false
          preserve_external_request_id: true
          request_headers_timeout: {timeout}s
          stream_idle_timeout: {timeout}s
          upgrade_configs: [{{upgrade_type: websocket}}]
          access_log:
          - name: envoy.access_loggers.file
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
              path: "{log}"
              log_format:
                text_format_source:
                  inline_string: "[%START_TIME%] \\"%REQ(:METHOD)% %REQ(:PATH)% %PROTOCOL%\\" %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% \\"%UPSTREAM_HOST%\\" trace_id=%COALESCE({{\\"operators\\":[{{\\"command\\":\\"RESP\\",\\"param\\":\\"{header}\\"}},{{\\"command\\":\\"DYNAMIC_METADATA\\",\\"param\\":\\"errorshape:trace_id\\"}}]}})%\\n"
          early_header_mutation_extensions:
          - name: envoy.http.early_header_mutation.header_mutation
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation
              mutations:
              - append: {{header: {{key: x-errorshape-fresh, value: "%UNIQUE_ID%"}}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}}
          http_filters:
          - name: envoy.filters.http.lua
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
              default_source_code:
                inline_string: |
{script}
{limit}          - name: envoy.filters.http.buffer
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer
              max_request_bytes: {max_body}
          - name: envoy.filters.http.router
            typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
          local_reply_config:
            mappers:
{mappers}
          route_config:
            response_headers_to_add:
            # The application's own stays, and so do its errors: they are in the shape already.
            - {{header: {{key: {header}, value: "%DYNAMIC_METADATA(errorshape:trace_id)%"}}, append_action: ADD_IF_ABSENT}}
            virtual_hosts:
            - name: errorshape
              domains: ["*"]
              routes:
              # A WebSocket has no end that could be waited for.
              - match: {{prefix: "/", headers: [{{name: upgrade, string_match: {{exact: websocket, ignore_case: true}}}}]}}
                route: {{cluster: errorshape, timeout: 0s, idle_timeout: 3600s}}
                typed_per_filter_config:
                  envoy.filters.http.buffer:
                    "@type": type.googleapis.com/envoy.extensions.filters.http.buffer.v3.BufferPerRoute
                    disabled: true
              - match: {{prefix: "/"}}
                route: {{cluster: errorshape, timeout: {timeout}s}}
  clusters:
  - name: errorshape
    type: STRICT_DNS
    connect_timeout: {connect}s
    load_assignment:
      cluster_name: errorshape
      endpoints: [{{lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: "{upstream.host}", port_value: {upstream.port}}}}}}}}}]}}]
"""

SCRIPT = """\
{inbound}
function envoy_on_request(handle)
  local headers = handle:headers()
  local id = {choice}headers:get("x-errorshape-fresh")
  headers:remove("x-errorshape-fresh")
  headers:replace("{header}", id)
  -- Not a header: a client could send that, and some errors come before this filter.
  handle:streamInfo():dynamicMetadata():set("errorshape", "trace_id", id)
end"""

INBOUND = """\
-- The only value of a header, nil if there is none, or more.
local function only(headers, name)
  return headers:getNumValues(name) == 1 and headers:get(name) or nil
end

local function inbound(headers)
  local id = only(headers, "{header}")
  return id and #id <= 128 and id:match("^[%w._~+/=:@-]+$")
end

-- The trace-id of a valid traceparent (W3C Trace Context, level 2).
local function traced(headers)
  local value = only(headers, "traceparent") or ""
  local version, id, parent, rest =
    value:match("^([%da-f][%da-f])%-([%da-f]+)%-([%da-f]+)%-[%da-f][%da-f](.*)$")
  local known = version and version ~= "ff" and #id == 32 and #parent == 16
    and id:find("[^0]") and parent:find("[^0]")
  local ended = rest == "" or (version ~= "00" and rest and rest:match("^%-[^,]*$"))
  return known and ended and id
end
"""

# A limit for each address, where they come from the connection itself.
LIMIT = """\
          - name: envoy.filters.http.local_ratelimit
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit
              stat_prefix: errorshape
              filter_enabled: {{default_value: {{numerator: 100}}}}
              filter_enforced: {{default_value: {{numerator: 100}}}}
              token_bucket: {{max_tokens: 4294967295, tokens_per_fill: 4294967295, fill_interval: 1s}}
              rate_limits: [{{actions: [{{remote_address: {{}}}}]}}]
              descriptors:
              - entries: [{{key: remote_address}}]
                token_bucket: {{max_tokens: {rate}, tokens_per_fill: {rate}, fill_interval: 1s}}
"""

# An error that came before the filter gets a fresh id. The body takes what the header has become: a
# UNIQUE_ID is another one each time. Two entries for one header would not do: both are judged by
# the headers as they were before any of them.
MAPPER = """\
            - filter: {{status_code_filter: {{comparison: {{op: {op}, value: {{default_value: {status}, runtime_key: errorshape.none}}}}}}}}
              headers_to_add:
              - {{header: {{key: {header}, value: '%COALESCE({{"operators":[{{"command":"DYNAMIC_METADATA","param":"errorshape:trace_id"}},"UNIQUE_ID"]}})%'}}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}}
{headers}
              body_format_override:
                content_type: application/json
                text_format_source: {{inline_string: '{body}'}}"""


def render(plan: Plan) -> str:
    """Return the configuration: a bootstrap file, YAML."""
    exact = [_mapper(plan, "EQ", status, status) for status in STATUSES]
    others = [_mapper(plan, "GE", 500, 599), _mapper(plan, "GE", 400, 499)]
    script = SCRIPT.format(
        inbound="" if plan.edge else INBOUND.format(header=plan.header),
        choice="" if plan.edge else "inbound(headers) or traced(headers) or ",
        header=plan.header,
    ).strip()
    return FILE.format(
        listen=plan.listen._replace(host=plan.listen.host.strip("[]") or "0.0.0.0"),
        timeout=plan.timeout,
        connect=min(plan.timeout, 5),
        log=plan.log or LOG,
        header=plan.header,
        script="\n".join(f"                  {line}".rstrip() for line in script.splitlines()),
        max_body=plan.max_body,
        limit=LIMIT.format(rate=plan.rate) if plan.rate else "",
        mappers="\n".join([*exact, *others]),
        upstream=plan.upstream._replace(host=plan.upstream.host.strip("[]")),
    )


def _mapper(plan: Plan, op: str, status: int, example: int) -> str:
    """Write what a status looks like; in YAML's single quotes nothing is special but ``'``."""
    headers = {"Cache-Control": "no-store", **plan.headers(status)}
    return MAPPER.format(
        op=op,
        status=status,
        header=plan.header,
        headers="\n".join(
            f'              - {{header: {{key: {name}, value: "{value}"}},'
            " append_action: OVERWRITE_IF_EXISTS_OR_ADD}"
            for name, value in headers.items()
        ),
        body=envelope(plan.error(example), f"%RESP({plan.header})%").replace("'", "''"),
    )
