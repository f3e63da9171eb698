"""The least code that keeps the success path of the contract, written by hand for each protocol.

It is what errorshape is measured against: it has no options, no catalogue and no answer to a
failure, which it lets through. ``tests/benchmarks/test_minimum.py`` holds it to the contract.
"""
