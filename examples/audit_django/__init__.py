"""An audit log with the trace id, on Django: model signals write it.

From the directory above: ``waitress-serve audit_django.wsgi:application``; ``AUDIT_DB`` names the
SQLite file.
"""
