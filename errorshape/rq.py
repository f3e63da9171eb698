"""RQ: a job belongs to the request that has enqueued it: ``job_class=errorshape.rq.Job``."""

from __future__ import annotations

from typing import Any

try:
    import rq.job
except ImportError as exc:
    raise ImportError("errorshape.rq needs RQ: pip install 'errorshape[rq]'") from exc

from . import trace
from .trace.context import current, leave
from .trace.ids import new_trace_id
from .trace.messages import identify, stamp


class Job(rq.job.Job):
    """Keeps the id in the meta data of a job, and runs it under that id."""

    @classmethod
    def create(cls, *args: Any, **kwargs: Any) -> Any:
        """Create a job that belongs to the request that is being served."""
        job = super().create(*args, **kwargs)
        stamp(job.meta)
        return job

    def perform(self) -> Any:
        """Run the job; what it raises keeps the id, for whoever logs that."""
        trace.install()
        before = current.get()  # of the request, where jobs are run at once
        current.set(identify(self.meta) or new_trace_id())
        try:
            return super().perform()
        finally:
            leave()
            current.set(before)
