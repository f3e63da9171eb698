"""A small connector service: what it does, whatever framework it is served by.

It raises an error where it finds it; none of the four applications has to pass one on.
"""

import secrets
import threading
import time
from typing import Annotated, Literal

import msgspec

import errorshape
from errors import ConnectorLimitError

CLIENT_KEYS = {"client-key"}
SUBJECT_TOKENS = {"token-of-ada": "ada", "token-of-bob": "bob"}
CONNECTOR_LIMIT = 3
SYNC_INTERVAL = 60  # seconds


class Config(msgspec.Struct, forbid_unknown_fields=True):
    """How to reach the system behind a connector."""

    api_key: Annotated[str, msgspec.Meta(min_length=8)]
    region: Literal["eu", "us"] = "eu"


class NewConnector(msgspec.Struct):
    """A connector as a client describes it."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    config: Config


class CreateRequest(msgspec.Struct):
    """The body of ``POST /connectors``."""

    connector: NewConnector


class TokenRequest(msgspec.Struct):
    """The body of ``POST /token``."""

    subject_token: str


class Connector(msgspec.Struct):
    """A connector as clients see it: its key stays with us."""

    id: str
    name: str
    region: str


class Service:
    """Connectors and tokens in memory; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connectors: dict[str, Connector] = {}
        self._tokens: dict[str, str] = {}
        self._next_sync: dict[str, float] = {}

    def exchange(self, authorization: str | None, request: TokenRequest) -> dict[str, str]:
        """Give an access token for the token of a person (RFC 8693)."""
        if _bearer(authorization) not in CLIENT_KEYS:
            raise errorshape.UnauthorizedError("This needs the key of a client.")
        person = SUBJECT_TOKENS.get(request.subject_token)
        if person is None:
            raise errorshape.InvalidGrantError
        token = f"tok_{secrets.token_urlsafe(16)}"
        self._tokens[token] = person
        return {"access_token": token, "token_type": "Bearer"}

    def authorize(self, authorization: str | None) -> str:
        """Return whose access token this is."""
        person = self._tokens.get(_bearer(authorization))
        if person is None:
            raise errorshape.UnauthorizedError
        return person

    def list(self) -> dict[str, list[Connector]]:
        """Return all connectors, the oldest first."""
        return {"connectors": [*self._connectors.values()]}

    def get(self, connector_id: str) -> Connector:
        """Return one connector."""
        connector = self._connectors.get(connector_id)
        if connector is None:
            raise errorshape.NotFoundError(
                f"Connector {connector_id} not found", details={"id": connector_id}
            )
        return connector

    def create(self, new: NewConnector) -> Connector:
        """Add a connector."""
        with self._lock:
            if any(other.name == new.name for other in self._connectors.values()):
                raise errorshape.ConflictError(
                    "There is a connector of this name.", details={"name": new.name}
                )
            if len(self._connectors) >= CONNECTOR_LIMIT:
                raise ConnectorLimitError(details={"limit": str(CONNECTOR_LIMIT)})
            connector = Connector(f"con_{secrets.token_hex(6)}", new.name, new.config.region)
            self._connectors[connector.id] = connector
        return connector

    def sync(self, connector_id: str) -> Connector:
        """Bring a connector up to date, at most once a minute."""
        connector = self.get(connector_id)
        with self._lock:
            now = time.monotonic()
            wait = self._next_sync.get(connector_id, now) - now
            if wait > 0:
                raise errorshape.RateLimitedError(retry_after=wait)
            self._next_sync[connector_id] = now + SYNC_INTERVAL
        return connector


def _bearer(authorization: str | None) -> str:
    scheme, _, token = (authorization or "").partition(" ")
    return token if scheme.lower() == "bearer" else ""
