"""A catalogue that is full of every proxy's syntax, and what users add to a generated file."""

from __future__ import annotations

import errorshape
from errorshape import Catalog

#: What some proxy would take for its own: variables, formats, placeholders, quotes, comments, ends.
SYNTAX = (
    "$status ${status} $1 %[var(txn.errorshape_id)] %ID %% %RESPONSE_CODE% {err.message} {{x}}"
    " \"double\" 'single' `back` \\n \\\\ \\\" \\' # ; } */ <<END &anchor *alias !tag | > - : , ?"
    " \n\r\t\0\x07\x1b\x7f\x85\u2028\ufeff \N{GREEK SMALL LETTER ALPHA} \N{PILE OF POO} \U000e0001"
)


class Odd502Error(errorshape.BadGatewayError):
    """The message has syntax in it."""

    message = SYNTAX


class Odd503Error(errorshape.ServiceUnavailableError):
    """The message has syntax in it."""

    message = SYNTAX


class LongError(errorshape.ForbiddenError):
    """Of what there can be, the longest in a file: 12 bytes for each of 1,000 characters."""

    message = "\U000e0001" * 1000


CATALOG = Catalog(LongError, Odd502Error, Odd503Error)


def _put(before: str, lines: str):
    """Make the change of a user who puts lines before a line of the file."""

    def change(text: str) -> str:
        assert text.count(before) == 1
        return text.replace(before, lines + before)

    return change


#: ``/denied`` is a 403 of the proxy's, ``/secret`` a 401, ``/rare`` a status without a row.
CHANGES = {
    "nginx": _put(
        "    location / {",
        "    location = /denied { deny all; }\n"
        '    location = /secret { auth_basic "shop"; auth_basic_user_file nobody; }\n'
        "    location = /rare { return 507; }\n",
    ),
    "haproxy": _put(
        "    default_backend",
        "    http-request deny if { path /denied }\n    http-request auth if { path /secret }\n",
    ),
    "envoy": _put(
        '              - match: {prefix: "/"}',
        '              - {match: {path: "/denied"}, direct_response: {status: 403}}\n'
        '              - {match: {path: "/rare"}, direct_response: {status: 507}}\n',
    ),
    "caddy": _put("	handle_errors {", "	error /denied 403\n	error /rare 507\n"),
}
