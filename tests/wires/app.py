"""The raw stacks, as servers import applications."""

from tests.stacks import BY_NAME

asgi = BY_NAME["raw_asgi"].build()
wsgi = BY_NAME["raw_wsgi"].build()
