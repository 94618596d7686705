"""Child processes that never outlive their parent, on Linux even when it is killed with -9."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with_parent(sent: int = signal.SIGTERM) -> None:
    """Ask the kernel for `sent` when the parent dies; call in the child, right after fork."""
    if not sys.platform.startswith("linux"):
        return
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, sent, 0, 0, 0)
    if os.getppid() != parent:
        # It died before the kernel knew.
        os.kill(os.getpid(), sent)
