"""Dramatiq and RQ: real workers, with a real Redis, run what requests have sent."""

import importlib
import logging
import sys

import dramatiq
import pytest
import redis
import rq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import SkipMessage

import errorshape
import errorshape.dramatiq
from errorshape.rq import Job
from tests import logs

from . import rq_jobs
from .redis_server import redis_server


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url


# --- Dramatiq -------------------------------------------------------------------------------------


@pytest.fixture
def broker(url):
    broker = RedisBroker(url=url)
    errorshape.dramatiq.init_app(broker)
    errorshape.dramatiq.init_app(broker)
    yield broker
    broker.flush_all()
    broker.close()
    broker.client.close()


@pytest.fixture
def run(broker):
    """Run all that was sent, with a real worker, whose threads hand on to each other."""

    def run():
        worker = dramatiq.Worker(broker, worker_threads=2, worker_timeout=50)
        worker.start()
        broker.join("default", timeout=20_000)
        worker.join()
        worker.stop()

    return run


def test_actors_retries_and_pipelines_of_dramatiq_have_the_id(broker, run):
    """All that comes of a message is of the request that has sent it, each record too."""
    seen = []

    @dramatiq.actor(broker=broker, max_retries=1, min_backoff=1, max_backoff=1)
    def whose(count=0):
        seen.append(errorshape.trace_id())
        logging.getLogger("tests.dramatiq").warning("in whose")
        if len(seen) == 1:
            raise ZeroDivisionError("on purpose")
        return count + 1

    with logs.captured() as records:
        with errorshape.bind_trace_id() as trace_id:
            dramatiq.pipeline([whose.message(), whose.message()], broker=broker).run()
        run()

    assert seen == [trace_id] * 3
    said = [record for record in records if record.logger == "tests.dramatiq"]
    failed = [record for record in records if "unhandled exception" in record.message]
    assert {record.trace_id for record in said + failed} == {trace_id}
    assert failed


def test_a_message_of_dramatiq_that_is_skipped_leaves_no_id(broker, run):
    """A thread that has skipped a message serves others."""
    seen = []

    @dramatiq.actor(broker=broker)
    def skips(first):
        seen.append(errorshape.trace_id())
        if first:
            raise SkipMessage

    skips.send(True)
    skips.send(False)
    run()

    assert len(set(seen)) == 2
    assert None not in seen


def test_a_broker_without_middleware_is_traced():
    """Where there is none, ours is the first."""
    broker = RedisBroker(middleware=[])
    errorshape.dramatiq.init_app(broker)

    assert [type(one) for one in broker.middleware] == [errorshape.dramatiq.Trace]


# --- RQ -------------------------------------------------------------------------------------------


@pytest.fixture
def queue(url):
    with redis.Redis.from_url(url) as connection:
        yield rq.Queue("tests", connection=connection, job_class=Job)


def work(queue):
    worker = rq.SimpleWorker([queue], connection=queue.connection, job_class=Job)
    worker.work(burst=True)


def test_a_job_of_rq_and_those_that_it_starts_have_the_id(queue):
    """A job is of the request that has enqueued it."""
    with errorshape.bind_trace_id() as trace_id:
        first, second = queue.enqueue(rq_jobs.starts), queue.enqueue(rq_jobs.whose)
    with logs.captured() as records:
        work(queue)

    third = queue.fetch_job(first.return_value())
    assert second.return_value() == third.return_value() == trace_id
    said = [record.trace_id for record in records if record.logger == "tests.rq"]
    assert said == [trace_id] * 2
    assert errorshape.trace_id() is None


def test_a_failure_of_a_job_of_rq_is_logged_with_the_id(queue):
    """The worker logs it when the job is over."""
    with errorshape.bind_trace_id() as trace_id:
        queue.enqueue(rq_jobs.fails)
    with logs.captured() as records:
        work(queue)

    failed = [record.trace_id for record in records if "ZeroDivisionError" in record.message]
    assert failed
    assert set(failed) == {trace_id}


def test_a_job_of_rq_that_is_run_at_once_is_part_of_the_request(url):
    """Without workers the job is the request's, which keeps its id."""
    with redis.Redis.from_url(url) as connection, errorshape.bind_trace_id() as trace_id:
        queue = rq.Queue("now", is_async=False, connection=connection, job_class=Job)
        assert queue.enqueue(rq_jobs.whose).return_value() == trace_id
        assert errorshape.trace_id() == trace_id


# --- what is not installed -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "package"),
    [
        ("celery", "celery"),
        ("dramatiq", "dramatiq"),
        ("opentelemetry", "opentelemetry.sdk.trace.id_generator"),
        ("rq", "rq.job"),
        ("sentry", "sentry_sdk"),
    ],
)
def test_a_missing_package_is_named(monkeypatch, module, package):
    """The error says what to install."""
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, f"errorshape.{module}", raising=False)

    with pytest.raises(ImportError, match=rf"errorshape\[{module}\]"):
        importlib.import_module(f"errorshape.{module}")
