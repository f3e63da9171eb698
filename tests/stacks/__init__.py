"""One application, the same on every stack.

``script`` says what each route does; the other modules serve it, each through its own framework's
routing, views, hooks and HTTP exceptions. ``STACKS`` lists what can be built.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Stack:
    """One way to serve the script: a framework, a protocol, and where errorshape sits."""

    name: str
    #: ``module:function`` under tests.stacks; the function takes ErrorLayer's options.
    factory: str
    #: ``wsgi`` or ``asgi``
    protocol: str
    #: Who routes, and whose HTTP exceptions ``/native`` raises: ``raw``, ``flask`` and so on.
    framework: str
    #: The module that must be there.
    requires: str | None = None
    #: In front of every route: the same script again with the other kind of views.
    prefix: str = ""
    #: Whether a raw wrap is around the application that has its own adapter inside.
    wrapped: bool = False
    #: Whether a framework on Django has answers of its own, so that Django is not asked.
    on_django: bool = False
    #: Real servers that this stack is also tested on.
    servers: tuple[str, ...] = field(default=())

    def build(self, **options: Any) -> Any:
        """Return a fresh application with these options of ErrorLayer besides the script's."""
        from tests.stacks import script

        module, _, function = self.factory.partition(":")
        factory = getattr(import_module(f"tests.stacks.{module}"), function)
        return factory(**{**script.OPTIONS, **options})

    @property
    def is_wrap(self) -> bool:
        """Whether what is built is a raw wrap, with the application in its ``app``."""
        return self.wrapped or self.framework == "raw" or self in WRAP_ALONE

    @property
    def mixed_case(self) -> bool:
        """Whether it sends header names as its application wrote them, which ASGI forbids."""
        return self.framework == "django"

    @property
    def module(self) -> Any:
        """The module of tests.stacks that serves the script on this stack."""
        return import_module(f"tests.stacks.{self.factory.partition(':')[0]}")

    def __str__(self) -> str:
        return self.name


_DJANGO = {"framework": "django", "requires": "django"}

STACKS = (
    Stack(
        name="raw_asgi",
        factory="raw_asgi:build",
        protocol="asgi",
        framework="raw",
        servers=("uvicorn",),
    ),
    Stack(
        name="raw_wsgi",
        factory="raw_wsgi:build",
        protocol="wsgi",
        framework="raw",
        servers=("waitress",),
    ),
    Stack(
        name="flask",
        factory="flask_app:build",
        protocol="wsgi",
        framework="flask",
        requires="flask",
        servers=("waitress",),
    ),
    Stack(
        name="flask_wrapped",
        factory="flask_app:build_wrapped",
        protocol="wsgi",
        framework="flask",
        requires="flask",
        wrapped=True,
        servers=("waitress",),
    ),
    Stack(
        name="django_wsgi",
        factory="django_app:build_wsgi",
        protocol="wsgi",
        servers=("waitress",),
        **_DJANGO,
    ),
    Stack(
        name="django_wsgi_async_views",
        factory="django_app:build_wsgi",
        protocol="wsgi",
        prefix="/async",
        **_DJANGO,
    ),
    Stack(
        name="django_wsgi_wrapped",
        factory="django_app:build_wsgi_wrapped",
        protocol="wsgi",
        wrapped=True,
        servers=("waitress",),
        **_DJANGO,
    ),
    Stack(
        name="django_asgi",
        factory="django_app:build_asgi",
        protocol="asgi",
        prefix="/async",
        servers=("uvicorn",),
        **_DJANGO,
    ),
    Stack(
        name="django_asgi_sync_views",
        factory="django_app:build_asgi",
        protocol="asgi",
        **_DJANGO,
    ),
    Stack(
        name="django_asgi_wrapped",
        factory="django_app:build_asgi_wrapped",
        protocol="asgi",
        prefix="/async",
        wrapped=True,
        servers=("uvicorn",),
        **_DJANGO,
    ),
    Stack(
        name="drf",
        factory="django_app:build_wsgi",
        protocol="wsgi",
        prefix="/drf",
        framework="django",
        requires="rest_framework",
        on_django=True,
    ),
    Stack(
        name="ninja",
        factory="django_app:build_wsgi",
        protocol="wsgi",
        prefix="/ninja",
        framework="django",
        requires="ninja",
        on_django=True,
    ),
    Stack(
        name="starlette",
        factory="starlette_app:build",
        protocol="asgi",
        framework="starlette",
        requires="starlette",
        servers=("uvicorn",),
    ),
    Stack(
        name="starlette_wrapped",
        factory="starlette_app:build_wrapped",
        protocol="asgi",
        framework="starlette",
        requires="starlette",
        wrapped=True,
    ),
    Stack(
        name="fastapi",
        factory="fastapi_app:build",
        protocol="asgi",
        framework="fastapi",
        requires="fastapi",
        servers=("uvicorn",),
    ),
    Stack(
        name="fastapi_sync_views",
        factory="fastapi_app:build",
        protocol="asgi",
        framework="fastapi",
        requires="fastapi",
        prefix="/sync",
    ),
    Stack(
        name="litestar",
        factory="litestar_app:build",
        protocol="asgi",
        framework="litestar",
        requires="litestar",
        servers=("uvicorn",),
    ),
    Stack(
        name="quart",
        factory="quart_app:build",
        protocol="asgi",
        framework="quart",
        requires="quart",
        servers=("uvicorn",),
    ),
)

#: Frameworks that need no adapter, by the wrap alone; only the matrix has them.
WRAP_ALONE = (
    Stack(
        name="falcon_wsgi",
        factory="falcon_app:build_wsgi",
        protocol="wsgi",
        framework="falcon",
        requires="falcon",
    ),
    Stack(
        name="falcon_asgi",
        factory="falcon_app:build_asgi",
        protocol="asgi",
        framework="falcon",
        requires="falcon",
    ),
    Stack(
        name="bottle",
        factory="bottle_app:build",
        protocol="wsgi",
        framework="bottle",
        requires="bottle",
    ),
    Stack(
        name="pyramid",
        factory="pyramid_app:build",
        protocol="wsgi",
        framework="pyramid",
        requires="pyramid",
    ),
)

#: A site in two languages, which has routes of its own; only the tests of languages have it.
LOCALIZED = tuple(
    Stack(
        name=f"localized_{protocol}",
        factory=f"localized:build_{protocol}",
        protocol=protocol,
        servers=(server,),
        **_DJANGO,
    )
    for protocol, server in (("wsgi", "waitress"), ("asgi", "uvicorn"))
)

BY_NAME = {stack.name: stack for stack in (*STACKS, *WRAP_ALONE, *LOCALIZED)}
