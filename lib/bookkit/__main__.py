"""`python -m bookkit`."""

import os
import sys

from bookkit.cli import main

# A build starts many processes. Where none of them may keep bytecode, each compiles all of torch and scipy again.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.exit(main())
