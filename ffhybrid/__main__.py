"""``python -m ffhybrid``."""

import sys

from ffhybrid.cli import main

sys.exit(main())
