"""Configurations by which a proxy's own errors leave in the contract's shape."""
