"""Django's and DRF's modules want to find Django set up."""

from importlib.util import find_spec

if find_spec("django"):
    import django

    django.setup()
