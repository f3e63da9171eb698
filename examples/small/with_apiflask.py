"""APIFlask: ``flask --app with_apiflask run`` from this directory."""

from apiflask import APIFlask
from webargs import fields

from errorshape.flask import ErrorShape

app = APIFlask(__name__)
ErrorShape(app)


@app.post("/connectors")
@app.input({"limit": fields.Int(required=True)}, location="json")
def create(json_data: dict[str, int]) -> dict[str, int]:
    return json_data
