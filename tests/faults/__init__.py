"""The error layer on its worst day.

``ledger`` is what a request's two ends say of it, ``oracle`` the contract's rules over that as one
function. ``asgi_scripts`` and ``wsgi_scripts`` are applications without a framework that can be
made to fail at every point where control passes, ``stack_scripts`` the same through every stack of
``tests.stacks``. The sweeps of the test command take a part of the product; tox's ``faults``
environment takes all of it.
"""
