"""The errors that the connector service can give: the standard ones and its own."""

import errorshape


class ConnectorLimitError(errorshape.APIError):
    """The workspace has as many connectors as its plan allows."""

    code = "connector_limit"
    status = 403
    message = "Your plan allows no more connectors."


CATALOG = errorshape.STANDARD.extend(ConnectorLimitError)
