"""The Django middleware; ``errorshape.django`` in INSTALLED_APPS adds its system checks."""

from .forms import validated
from .middleware import ErrorShapeMiddleware

__all__ = ["ErrorShapeMiddleware", "validated"]
