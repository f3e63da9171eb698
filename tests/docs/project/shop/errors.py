"""The errors of the shop that the manual speaks of."""

import errorshape


class QuotaExceededError(errorshape.APIError):
    """The workspace has used up its quota."""

    code = "quota_exceeded"
    status = 403
    message = "Quota exceeded."


CATALOG = errorshape.STANDARD.extend(QuotaExceededError)
