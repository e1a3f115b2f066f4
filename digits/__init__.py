"""The workshop behind the lesson scripts: what makes them fast and safe, and draws. Nothing here imports a script."""

import sys

from digits import errors

sys.excepthook = errors.report_failed_import  # a package is missing, say, since the environment is not activated
