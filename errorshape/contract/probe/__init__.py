"""``errorshape check``: probe a service and judge its answers."""
