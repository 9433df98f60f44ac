"""A checkout in small, for tests of what scripts share."""

import os
import shutil
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def checkout(test, *names):
    """A folder with these files of script/support, gone with the test, and an environment with a cache of its own in it."""
    folder = Path(tempfile.mkdtemp())
    test.addCleanup(shutil.rmtree, folder)
    support = folder / "script/support"
    support.mkdir(parents=True)
    for name in names:
        shutil.copy(ROOT / "script/support" / name, support)
    return folder, {**os.environ, "RESOLUTE_CACHE": str(folder / "cache")}
