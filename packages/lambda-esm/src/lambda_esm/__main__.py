"""``python -m lambda_esm``: the command ``lambda-esm``."""

import sys

from lambda_esm.cli import main

if __name__ == "__main__":
    sys.exit(main())
