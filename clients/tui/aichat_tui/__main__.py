"""`python -m aichat_tui` is `aichat-tui`."""

import sys

from aichat_tui.cli import main

if __name__ == "__main__":
    sys.exit(main())
