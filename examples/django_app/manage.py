"""Django's command line: from the directory above, ``python -m django_app.manage runserver``."""

import os
import sys

from django.core.management import execute_from_command_line

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_app.settings")

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
