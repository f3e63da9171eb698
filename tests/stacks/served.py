"""The application of a server that imports it by its name, in a process of its own (granian)."""

import os

from tests import logs
from tests.stacks.serve import _application

app = _application(os.environ["ERRORSHAPE_STACK"])
logs.write_to(os.environ["ERRORSHAPE_LOG"])
