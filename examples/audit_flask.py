"""An audit log with the trace id, on Flask with SQLAlchemy.

From this directory: ``flask --app audit_flask run``; ``AUDIT_DB`` names the SQLite file.
"""

import logging
import os

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue
from sqlalchemy import create_engine, event, insert, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

import errorshape
from errorshape.flask import ErrorShape

logging.basicConfig(level=logging.INFO, format="%(levelname)s %(trace_id)s %(name)s: %(message)s")
log = logging.getLogger("orders")


class Base(DeclarativeBase):
    """The tables."""


class Order(Base):
    """What customers want."""

    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    item: Mapped[str]


class Audit(Base):
    """Who changed what: ``trace_id`` is the request that did it, and finds its log lines."""

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(primary_key=True)
    trace_id: Mapped[str | None]  # None: outside of a request
    action: Mapped[str]
    what: Mapped[str]


engine = create_engine(f"sqlite:///{os.environ.get('AUDIT_DB', 'audit.db')}")
Base.metadata.create_all(engine)
database = sessionmaker(engine)


@event.listens_for(database, "after_flush")
def audit(session: Session, _: object) -> None:
    """Write down every change, in its own transaction: what is rolled back was not done."""
    for action, objects in (
        ("created", session.new),
        ("changed", session.dirty),
        ("deleted", session.deleted),
    ):
        for changed in objects:
            what = f"{changed.__tablename__}/{changed.id}"
            session.execute(
                insert(Audit).values(trace_id=errorshape.trace_id(), action=action, what=what)
            )


# --- the application, which knows nothing of the audit log ------------------------------------------

app = Flask(__name__)
ErrorShape(app)


def place(item: str) -> int:
    """Place an order; fails for what cannot be had, after it was written."""
    with database.begin() as session:
        order = Order(item=item)
        session.add(order)
        session.flush()
        log.info("placed %s", order.id)
        if item == "the moon":
            raise errorshape.ConflictError("The moon is not for sale")
        return order.id


@app.post("/orders/<item>")
def place_order(item: str) -> ResponseReturnValue:
    """Place an order."""
    return jsonify(id=place(item)), 201


@app.get("/audit")
def show_audit() -> ResponseReturnValue:
    """Show what was done; ``?trace_id=`` by one request."""
    wanted = select(Audit).order_by(Audit.id)
    if (trace_id := request.args.get("trace_id")) is not None:
        wanted = wanted.where(Audit.trace_id == trace_id)
    with database() as session:
        rows = [
            {"trace_id": row.trace_id, "action": row.action, "what": row.what}
            for row in session.scalars(wanted)
        ]
    return jsonify(audit=rows)
