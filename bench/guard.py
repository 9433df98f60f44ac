"""Runs an area's command and ends with its exit code. Processes that the command leaves running end with it, however it ended and in
any session: a peer that is left behind would go on in a folder that is gone, beside the next measurement.

Usage: guard.py COMMAND...
"""

import contextlib
import ctypes
import os
import pathlib
import signal
import subprocess
import sys

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def end_children():
    """A process whose parent ends becomes our child (PR_SET_CHILD_SUBREAPER), so none is left when we have no child any more."""
    listed = pathlib.Path(f"/proc/self/task/{os.getpid()}/children")
    while children := listed.read_text().split():
        for child in children:
            os.kill(int(child), signal.SIGKILL)
            os.waitpid(int(child), 0)


def main():
    library = ctypes.CDLL(None)
    library.prctl(PR_SET_CHILD_SUBREAPER, 1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: sys.exit(128 + received))
    area = subprocess.Popen(sys.argv[1:], preexec_fn=lambda: library.prctl(PR_SET_PDEATHSIG, signal.SIGTERM))
    try:
        code = area.wait()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if area.poll() is None:
            area.send_signal(signal.SIGINT)  # as of a terminal: it removes its folders
            with contextlib.suppress(subprocess.TimeoutExpired):
                area.wait(timeout=10)
        end_children()
    sys.exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
