"""What errorshape costs: against nothing, against a hand-written minimum, and against its peers.

``python -m benchmarks`` measures everything in a bounded time, writes ``benchmarks/results.json``
and makes ``docs/benchmarks.md`` of it. ``python -m benchmarks gate`` counts instructions and fails
where a bound is broken; nothing of it is a timing, so that CI can run it.

========================  ==========================================================================
``data``                  what all share: requests, applications, errors
``minimum``               per protocol the least code that keeps the contract's success path
``candidates``            the bare application, the minimum, errorshape, and the peers
``drive``                 one request after the other, without a server and without an event loop
``instructions``          machine instructions a request (valgrind), repeatable to about 1 %
``timing``                nanoseconds, candidates in turn in one process, median and minimum
``gate``                  the bounds on the instructions
``imports``               what ``import errorshape`` adds to ``import msgspec``
``growth``                cost against the number of headers, codes, details, chunks, wraps, tasks
``servers``               requests a second and p99 on real servers, with wrk
``validators``            details of twenty errors, against each validator's own listing
``soak``                  requests without end: what is left behind, and no foreign id
``soak_servers``          the same on real servers, with pipelines
``pieces``                what each piece of a candidate takes: counted again without it
``page``                  the page of the docs
========================  ==========================================================================
"""
