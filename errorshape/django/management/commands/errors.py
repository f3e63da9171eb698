"""``manage.py errors``: the reference of this project's errors, made or checked."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from ... import conf


class Command(BaseCommand):
    """``errorshape codes`` for the catalogue of the ``ERRORSHAPE`` setting."""

    help = "The reference of this project's errors: table, Markdown, HTML or JSON."
    # The catalogue is all that it needs.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options of ``errorshape codes``."""
        from ....contract.codes import add_arguments

        add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Make or check the reference; exits with 1 if the page is stale, 2 if it cannot."""
        from ....contract.codes import run_for

        layer = conf.layer_from_settings()
        chosen = argparse.Namespace(**options)
        if exit_code := run_for(layer.catalog, chosen, "manage.py errors", layer.trace_header):
            sys.exit(exit_code)
