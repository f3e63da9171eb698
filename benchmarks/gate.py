"""The regression gate: what a request costs in machine instructions, against the minimum.

``python -m benchmarks gate``. Both are counted in the same run, so that the bounds hold whatever
machine and whichever Python counts. Everything is over the bare application's success.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from .instructions import Counts, count

#: At most this many times what the minimum adds to a response that goes well.
SUCCESS = 1.25
#: protocol → at most this many times what the minimum's documented error takes. Nobody has asked for
#: these: a tenth above what was counted when they were set, they hold on regressions.
ERROR = {"asgi": 2.15, "wsgi": 1.65, "flask": 2.5, "django": 1.5}
VARIANTS = ("fresh", "inbound", "error")


class Row(NamedTuple):
    """One bound: what was counted over the bare application, and the ratio that is allowed."""

    protocol: str
    variant: str
    bare: float
    minimum: float
    errorshape: float
    bound: float

    @property
    def ratio(self) -> float:
        """What errorshape adds over what the minimum adds."""
        return self.errorshape / self.minimum

    @property
    def holds(self) -> bool:
        """Whether the bound does."""
        return self.ratio <= self.bound


def rows(protocol: str, counts: Counts) -> Iterator[Row]:
    """Yield a row for each bound of a protocol."""
    for variant in VARIANTS:
        bare = counts["bare", "fresh" if variant == "error" else variant]
        yield Row(
            protocol,
            variant,
            bare,
            counts["minimum", variant] - bare,
            counts["errorshape", variant] - bare,
            ERROR[protocol] if variant == "error" else SUCCESS,
        )


def _count(protocol: str) -> Counts:
    jobs = [(name, variant) for name in ("minimum", "errorshape") for variant in VARIANTS]
    return count(protocol, [("bare", "fresh"), ("bare", "inbound"), *jobs])


def main() -> int:
    """Print the rows; return 1 if a bound is broken."""
    # The longest first, two at once.
    protocols = ("flask", "django", "asgi", "wsgi")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        counted = zip(protocols, pool.map(_count, protocols), strict=True)
        broken = 0
        for protocol, counts in counted:
            for row in rows(protocol, counts):
                broken += not row.holds
                print(
                    f"{protocol:7} {row.variant:8} {row.ratio:5.2f} of {row.bound:.2f}"
                    f"  {'holds' if row.holds else 'BROKEN'}  (bare {row.bare:,.0f}, added by the"
                    f" minimum {row.minimum:,.0f}, by errorshape {row.errorshape:,.0f})",
                    flush=True,
                )
    return int(broken > 0)


if __name__ == "__main__":
    sys.exit(main())
