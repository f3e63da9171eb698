"""flask-smorest: ``flask --app with_flask_smorest run`` from this directory."""

from flask import Flask
from flask_smorest import Api, Blueprint
from webargs import fields

from errorshape.flask import ErrorShape

app = Flask(__name__)
app.config |= {"API_TITLE": "Connectors", "API_VERSION": "1", "OPENAPI_VERSION": "3.1.0"}
ErrorShape(app)
blueprint = Blueprint("connectors", __name__)


@blueprint.post("/connectors")
@blueprint.arguments({"limit": fields.Int(required=True)})
def create(arguments: dict[str, int]) -> dict[str, int]:
    return arguments


Api(app).register_blueprint(blueprint)
