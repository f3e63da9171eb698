"""webargs: ``flask --app with_webargs run`` from this directory."""

from flask import Flask
from webargs import fields
from webargs.flaskparser import use_args

from errorshape.flask import ErrorShape

app = Flask(__name__)
ErrorShape(app)


@app.post("/connectors")
@use_args({"limit": fields.Int(required=True)})
def create(arguments: dict[str, int]) -> dict[str, int]:
    return arguments
