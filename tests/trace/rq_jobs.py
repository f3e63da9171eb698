"""What RQ runs in the tests; it finds functions by their names."""

import logging

import rq

import errorshape


def whose():
    logging.getLogger("tests.rq").warning("in whose")
    return errorshape.trace_id()


def starts():
    """Enqueue another job, and return the id of that."""
    job = rq.get_current_job()
    queue = rq.Queue(job.origin, connection=job.connection, job_class=type(job))
    return queue.enqueue(whose).id


def fails():
    raise ZeroDivisionError("on purpose")
