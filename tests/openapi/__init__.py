"""One small shop on each framework that writes its own OpenAPI document.

Each module has ``app``, what serves it (``protocol``), and ``document()``.
"""
