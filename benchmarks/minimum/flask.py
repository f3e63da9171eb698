"""The minimum of Flask: that of WSGI inside the application object, and one error handler."""

from errorshape.core.exceptions import APIError

from .identity import current, encoded
from .wsgi import minimum as wsgi_minimum


def minimum(app):
    """Return ``app`` with an id on every response, and an answer to documented errors."""
    app.wsgi_app = wsgi_minimum(app.wsgi_app)

    def answer(exc):
        # The wrap sets the header of the id.
        body = encoded(exc, current.get())
        pairs = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
        return app.response_class(body, exc.status, pairs)

    app.register_error_handler(APIError, answer)
    return app
