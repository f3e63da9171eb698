"""What a configuration is made from, whichever proxy it is for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ...core import body as wire
from ...core.catalog import STANDARD, Catalog, class_for_status

#: Every status that has a row in the contract's table; others are ``4xx`` and ``5xx`` (CONTRACT §2).
STATUSES = tuple(sorted({entry.status for entry in STANDARD}))
#: What a 405 has to name (RFC 9110 §15.5.6); a proxy does not know what the application allows.
ALLOW = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
#: CONTRACT §4, as a regular expression that every engine understands in the same way.
TRACE_ID = "^[A-Za-z0-9._~+/=:@-]{1,128}$"

# What some proxy takes for syntax inside of a string: variables of nginx ($), formats of HAProxy
# and Envoy (%), placeholders of Caddy ({}) and the strings of its file (`). Not the apostrophe,
# which is too common in English: each module writes it as its proxy wants it.
_SYNTAX = frozenset('"`\\$%{}')


class Address(NamedTuple):
    """Where something listens; an empty host is every address of the machine."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


LISTEN = Address("", 8080)
UPSTREAM = Address("127.0.0.1", 8000)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the user has asked for."""

    listen: Address = LISTEN
    upstream: Address = UPSTREAM
    catalog: Catalog = STANDARD
    #: The header of the trace id: letters, digits and hyphens.
    header: str = "X-Request-Id"
    #: Whether ids from outside are ignored.
    edge: bool = False
    #: Seconds that a client may take over its request, and the application over its answer.
    timeout: int = 30
    #: Bytes of a request's body.
    max_body: int = 1024 * 1024
    #: Requests a second from one address, None for no limit.
    rate: int | None = None
    #: Seconds, in the Retry-After of a 429 and a 503.
    retry_after: int = 1
    #: Where the access log goes, None for the proxy's usual place.
    log: str | None = None

    def error(self, status: int) -> str:
        """Return ``"code":"…","message":"…"`` of a status: JSON without syntax of a proxy but ``'``."""
        entry = class_for_status(status, self.catalog)
        message = wire.text(entry.message) or wire.text(class_for_status(status).message)
        return f'"code":{quoted(entry.code)},"message":{quoted(message)}'

    def headers(self, status: int) -> dict[str, str]:
        """Return the headers that an error of this status has besides those of every error."""
        if status in (429, 503):
            return {"Retry-After": str(self.retry_after)}
        return {"Allow": ALLOW} if status == 405 else {}


def quoted(text: str) -> str:
    """Return a JSON string in which nothing but an apostrophe is syntax in a proxy's own file.

    JSON can write each character as ``\\uXXXX`` (RFC 8259 §7). So is written what a proxy could
    take for its own syntax, and what people could not see.
    """
    return f'"{"".join(map(_escaped, text))}"'


def envelope(error: str, trace_id: str) -> str:
    """Return the body around what :meth:`Plan.error` gave and an expression of the proxy's."""
    return f'{{"error":{{{error},"trace_id":"{trace_id}"}}}}'


def _escaped(character: str) -> str:
    if character.isprintable() and character not in _SYNTAX:
        return character
    units = character.encode("utf-16-be")  # two of them past U+FFFF
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
