"""`python -m bbp_cli` is the `bbp` command."""

import sys

from bbp_cli.main import main

if __name__ == "__main__":
    sys.exit(main())
