"""Draw the README picture anew: ``python docs/screenshot.py LAKE`` writes ``docs/screenshot.png`` (needs Chromium)."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from dashboards.screenshot import write_screenshot


def main() -> int:
    """Write the picture of the lake named on the command line; return the exit status."""
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        print("Chromium is not installed (Debian: apt-get install chromium)", file=sys.stderr)
        return 2
    write_screenshot(Path(sys.argv[1]), Path(__file__).with_name("screenshot.png"), chromium)
    return 0


if __name__ == "__main__":
    sys.exit(main())
