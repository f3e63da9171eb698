"""The Django middleware; ``errorshape.django`` in INSTALLED_APPS adds its system checks."""

_ADVICE = "errorshape.django needs Django 5.2 or newer: pip install 'errorshape[django]'"

try:
    import django
except ImportError as exc:
    raise ImportError(_ADVICE) from exc
if django.VERSION < (5, 2):
    raise ImportError(f"{_ADVICE} (this is {'.'.join(map(str, django.VERSION[:3]))})")

from .forms import validated  # noqa: E402 - not before it is known to be there
from .middleware import ErrorShapeMiddleware  # noqa: E402

__all__ = ["ErrorShapeMiddleware", "validated"]
