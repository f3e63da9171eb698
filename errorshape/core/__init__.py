"""The core: no framework, no I/O."""
