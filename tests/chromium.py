"""`python -m tests.chromium`: find a Chromium for the browser tests, or fetch one where that is possible."""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome")
FETCH_SECONDS = 600
# As root it has no sandbox; and it looks up no outside host.
ARGUMENTS = ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost"]


def find() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def fetch() -> bool:
    """With Debian's package where this is root on a Debian, else with Playwright's own download."""
    if shutil.which("apt-get") and os.geteuid() == 0:
        update = subprocess.run(["apt-get", "update", "-qq"], timeout=FETCH_SECONDS, check=False)
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]
        if update.returncode == 0 and subprocess.run(command, timeout=FETCH_SECONDS, check=False).returncode == 0:
            return True
    command = [sys.executable, "-m", "playwright", "install", "chromium"]
    return subprocess.run(command, timeout=FETCH_SECONDS, check=False).returncode == 0


if __name__ == "__main__":
    if find() is None and not fetch():
        sys.stderr.write("No Chromium here and none to be had: the browser tests will be skipped.\n")
        sys.exit(1)
