"""FastAPI: ``uvicorn with_fastapi:app`` from this directory."""

from fastapi import FastAPI

from errorshape import NotFoundError
from errorshape.fastapi import init_app

app = FastAPI()
init_app(app)


@app.get("/connectors/{number}")
def show(number: int) -> None:
    raise NotFoundError(details={"id": str(number)})
