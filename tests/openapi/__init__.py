"""One small shop on each framework that writes its own OpenAPI document.

Each module has ``document()`` and, but for those on Django, ``served``.
"""
