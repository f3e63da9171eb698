"""The script as a Litestar application with the plugin; the lifespan is run, as servers do."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Litestar, Request, Response, WebSocket, get, post, route, websocket
from litestar.datastructures import UploadFile
from litestar.enums import RequestEncodingType
from litestar.handlers import HTTPRouteHandler
from litestar.params import Body
from litestar.response import Stream

import errorshape.asgi
from errorshape.litestar import ErrorShapePlugin
from tests.drivers import LifespanExchange
from tests.stacks import litestar_native, script
from tests.stacks.litestar_native import message_of
from tests.stacks.script import Answer, Sent

__all__ = ["HOOKS", "NATIVE", "build", "build_wrapped", "message_of"]

NATIVE = {kind: entry[1:] for kind, entry in litestar_native.NATIVE.items()}
HOOKS = ("before_request", "after_request", "middleware_before", "middleware_after")


def build(**options: Any) -> Litestar:
    """Return the Litestar application with the plugin, started."""
    app = Litestar(
        [
            *(_handler(*entry) for entry in script.ROUTES),
            native,
            hook,
            parse,
            upload,
            urlencoded,
            socket,
        ],
        plugins=[ErrorShapePlugin(**options)],
        middleware=[Failing],
        before_request=before_request,
        after_request=after_request,
        exception_handlers={script.HandledError: handle, script.HandlerFailsError: fail},
        request_max_body_size=script.MAX_UPLOAD,
        openapi_config=None,
        logging_config=None,  # it would configure the root logger of the tests
    )
    asyncio.run(start(app))
    return app


def build_wrapped(**options: Any) -> Any:
    """Return the same application inside the raw ASGI wrap."""
    return errorshape.asgi.ErrorShapeMiddleware(build(**options), **options)


async def start(app: Litestar) -> None:
    """Start the application up and down, as a server does; what started stays."""
    lifespan = LifespanExchange()
    await lifespan.run(app)
    assert (lifespan.failure, lifespan.violations) == (None, [])
    assert lifespan.answers == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def _handler(path: str, method: str, function: Any) -> HTTPRouteHandler:
    methods = ["GET", "HEAD"] if method == "GET" else [method]
    pattern = "/" + path.replace("<", "{").replace(">", ":str}")

    @route(pattern, http_method=methods, status_code=200, name=path)  # type: ignore[arg-type]
    async def endpoint(request: Request[Any, Any, Any]) -> Response[Any]:
        answer = function(Sent(await request.body()), **request.path_params)
        if answer.pause:
            await asyncio.sleep(answer.pause)
            answer = answer.then()
        return response_of(request, answer)

    return endpoint


@route("/native/{kind:str}", http_method=["GET", "HEAD"], status_code=200)
async def native(request: Request[Any, Any, Any]) -> None:
    raise litestar_native.NATIVE[request.path_params["kind"]][0]()


@get("/hook/{kind:str}")
async def hook(request: Request[Any, Any, Any]) -> str:
    return request.path_params["kind"]


@post("/json")
async def parse(data: Annotated[dict[str, str], Body()]) -> str:
    return "ok"


@dataclass
class Upload:
    name: str
    count: int
    file: UploadFile


@dataclass
class Named:
    name: str


@post("/upload", status_code=200)
async def upload(data: Annotated[Upload, Body(media_type=RequestEncodingType.MULTI_PART)]) -> str:
    return data.file.filename


@post("/urlencoded", status_code=200)
async def urlencoded(
    data: Annotated[Named, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> str:
    return data.name


@websocket("/ws/{kind:str}")
async def socket(socket: WebSocket[Any, Any, Any]) -> None:
    kind = socket.path_params["kind"]
    if kind == "planned":
        await script.planned_websocket(
            script.Connection(
                accept=socket.accept,
                send=socket.send_text,
                receive=socket.receive_text,
                close=socket.close,
            )
        )
        return
    if kind == "crash":
        await socket.accept()
    script.websocket(kind)


def handle(request: Request[Any, Any, Any], exc: Exception) -> Response[Any]:
    return response_of(request, script.HANDLED)


def fail(request: Request[Any, Any, Any], exc: Any) -> Response[Any]:
    raise exc.failure from None


async def before_request(request: Request[Any, Any, Any]) -> None:
    script.fail_in("before_request", request.url.path)


async def after_request(response: Response[Any]) -> Response[Any]:
    if isinstance(response.content, str):  # of /hook/<kind>: the kind
        script.fail_in("after_request", f"/hook/{response.content}")
    return response


class Failing:
    """A plain ASGI middleware that fails on demand, before the handler and after it."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope.get("path", "")
        script.fail_in("middleware_before", path)
        is_first = True

        async def send_or_fail(message: Any) -> None:
            nonlocal is_first
            # Once: the response to the failure comes this way, too.
            if is_first:
                is_first = False
                script.fail_in("middleware_after", path)
            await send(message)

        await self.app(scope, receive, send_or_fail)


def response_of(request: Request[Any, Any, Any], answer: Answer) -> Response[Any]:
    """Make Litestar's response of an answer."""
    headers = dict(answer.headers)
    media_type = headers.pop("Content-Type", "")
    response: Response[Any]
    if answer.chunks is not None and request.method != "HEAD":
        chunks = script.chunks_async(answer.chunks)
        response = Stream(chunks, status_code=answer.status, headers=headers, media_type=media_type)
    else:
        body: Any = answer.body
        if request.method == "HEAD" or answer.status in (204, 304):
            if answer.chunks is None and answer.status not in (204, 304):
                headers.setdefault("Content-Length", str(len(body)))
            body = b""
        response = Response(
            body, status_code=answer.status, headers=headers, media_type=media_type or None
        )
    for name, value in answer.cookies:
        response.set_cookie(name, value)
    return response
