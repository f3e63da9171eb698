"""``python -m errorshape demo``: five real servers, one contract, every answer checked."""
