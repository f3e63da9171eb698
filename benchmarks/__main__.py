"""The command line: ``python -m benchmarks [gate | NAME...]``."""

from __future__ import annotations

import sys

from . import gate


def main() -> int:
    """Run what the command line names, everything if it names nothing."""
    names = sys.argv[1:]
    if names == ["gate"]:
        return gate.main()
    from . import everything

    return everything.main(names)


sys.exit(main())
