"""The system checks."""

import pytest
from django.test import override_settings

from errorshape.django.checks import check_middleware, check_settings

OURS = "errorshape.django.ErrorShapeMiddleware"
COMMON = "django.middleware.common.CommonMiddleware"


def ids(messages):
    return [message.id for message in messages]


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ({}, []),
        ({"INCLUDE": ["/api/"]}, []),
        ({"INCLDE": ["/api/"]}, ["errorshape.E001"]),
        ({"CATALOG": "no.such.thing"}, ["errorshape.E002"]),
    ],
    ids=str,
)
def test_the_setting(setting, expected):
    """A wrong option, and a path that does not import, are errors."""
    with override_settings(ERRORSHAPE=setting):
        assert ids(check_settings()) == expected


@pytest.mark.parametrize(
    ("middleware", "apps", "setting", "expected"),
    [
        ([OURS, COMMON], [], {}, []),
        ([COMMON, OURS], [], {}, ["errorshape.W001"]),
        ([COMMON], [], {}, ["errorshape.W003"]),
        (["no.such.Middleware", OURS], [], {}, ["errorshape.W001"]),
        ([OURS], ["django.contrib.admin"], {}, ["errorshape.W002"]),
        ([OURS], ["django.contrib.admin"], {"INCLUDE": ["/api/"]}, []),
        ([OURS], ["django.contrib.admin"], {"EXCLUDE": ["/admin/"]}, []),
    ],
)
def test_the_middleware(middleware, apps, setting, expected):
    """What is legitimate and yet surprising is a warning."""
    with override_settings(MIDDLEWARE=middleware, ERRORSHAPE=setting):
        from django.conf import settings

        settings.INSTALLED_APPS = apps  # the apps themselves are not wanted here
        assert ids(check_middleware()) == expected
