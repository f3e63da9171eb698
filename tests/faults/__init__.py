"""The error layer on its worst day.

``ledger`` is what a request's two ends say of it, ``oracle`` the contract's rules over that as one
function. ``asgi_scripts`` and ``wsgi_scripts`` are applications without a framework that can be
made to fail at every point where control passes, ``stack_scripts`` the same through every stack of
``tests.stacks``.

The test command takes a part of the product, so that it stays quick; tox's ``faults`` environment
sets ``ERRORSHAPE_FAULTS=all`` and takes all of it.
"""

import os

#: Whether the sweeps take everything.
ALL = os.environ.get("ERRORSHAPE_FAULTS") == "all"
