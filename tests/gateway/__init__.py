"""Real proxies with the files that ``errorshape gateway`` makes, before real applications."""
