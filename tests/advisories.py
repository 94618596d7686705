"""`python -m tests.advisories LOCK`: exit code 1 when a locked dependency has a known vulnerability.

Where PyPI's advisories cannot be had, one line says so, and the check passes.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

SECONDS = 180
OPTIONS = ["--require-hashes", "--disable-pip", "--progress-spinner=off", "--format=json"]


def main(lock: str) -> int:
    command = [str(Path(sys.executable).with_name("pip-audit")), *OPTIONS, "-r", lock]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        dependencies = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError):
        sys.stdout.write("pip-audit: SKIPPED: PyPI's advisories cannot be reached from here.\n")
        return 0
    return report(dependencies)


def report(dependencies: list[dict[str, Any]]) -> int:
    """Of what pip-audit tells: what it could not look up has a `skip_reason`."""
    audited = [each for each in dependencies if "skip_reason" not in each]
    for each in audited:
        for found in each["vulns"]:
            fixed = ", ".join(found["fix_versions"]) or "no version yet"
            sys.stdout.write(f"pip-audit: {each['name']} {each['version']}: {found['id']}, mended in {fixed}.\n")
    if not audited:
        sys.stdout.write(f"pip-audit: SKIPPED: PyPI's advisories know none of {len(dependencies)} from here.\n")
    else:
        sys.stdout.write(f"pip-audit: {len(audited)} of {len(dependencies)} dependencies looked up.\n")
    return int(any(each["vulns"] for each in audited))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
