"""The least code that keeps the success path of the contract, written by hand for each protocol.

It is what errorshape is measured against: it has no options and no catalogue, answers documented
errors alone, with values that JSON can hold as they are, and lets every other failure through.
``tests/benchmarks/test_minimum.py`` holds it to the contract.
"""
