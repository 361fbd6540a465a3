"""`python -m worker.verify IMAGE`; see `worker.verify.command`."""

import sys

from worker.verify.command import main

if __name__ == "__main__":
    sys.exit(main())
