"""Items of a run, each in a process of its own: one that fails, hangs or is killed leaves the others their time, and no process behind."""

import ctypes
import multiprocessing
import multiprocessing.connection
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import time

LONGEST = 90  # seconds of an item
SHARES = 5    # equal shares of the time that is left, which an item may take
GRACE = 10    # seconds in which an item ends what it has started
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
ERRORS, LAST_WORDS = "errors.txt", 300  # of an item's programs: a file, characters that its trouble ends with
FORK = multiprocessing.get_context("fork")


def children():
    """Those of this process. A process whose parent ends becomes a child of its next subreaper."""
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if int((process / "stat").read_text().rpartition(")")[2].split()[1]) == os.getpid():
                yield int(process.name)
        except (OSError, IndexError):  # it has ended
            pass


def end_children(wait=0):
    """wait: os.WNOHANG leaves those behind whom the kernel does not let go"""
    while found := list(children()):
        for child in found:
            try:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, wait)
            except OSError:
                pass
        if wait:
            return


def text_of(trouble):
    name = "" if isinstance(trouble, (SystemExit, OSError, ValueError)) else type(trouble).__name__ + ": "
    return " ".join(f"{name}{trouble}".split())[-800:]


def work_alone(work, folder, send, parent):
    """The item's own process."""
    library = ctypes.CDLL(None)
    os.setsid()  # a terminal's Ctrl-C is the run's alone
    library.prctl(PR_SET_CHILD_SUBREAPER, 1)

    def stop(*_):
        end_children()
        os._exit(1)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    library.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)  # also where the run is killed
    if os.getppid() != parent:
        stop()
    # The last words of its programs tell why it failed.
    with open(folder / ERRORS, "wb") as errors:
        os.dup2(errors.fileno(), 2)
    # Temporary files of this item and its programs go with it.
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    try:
        answer = (work(), None)
    except (Exception, SystemExit) as trouble:  # noqa: BLE001 - a mistake of this script is one item's
        answer = (None, text_of(trouble))
    send.send(answer)
    end_children()


class Items:
    def __init__(self, seconds, turns, scratch, longest=LONGEST):
        """seconds: of all. turns: how often at_once() will be called. longest: of an item"""
        self.begun = time.monotonic()
        self.end = self.begun + seconds
        self.turns, self.scratch, self.longest, self.limit, self.number = turns, scratch, longest, 0, 0
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda received, _: sys.exit(128 + received))

    def spent(self):
        return time.monotonic() - self.begun

    def next_limit(self):
        """Seconds: several shares, so that a slow item has room and one that hangs leaves most to the others; the last may take all."""
        return min(self.longest, (self.end - time.monotonic()) * SHARES / (max(1, self.turns) + SHARES - 1))

    def at_once(self, works):
        """Yields (name, value, None) or (name, None, trouble) of each as it ends. works: {name: function}, which run beside one another"""
        self.limit = self.next_limit()
        self.turns -= 1
        if self.limit < 1:
            yield from ((name, None, "no time was left") for name in works)
            return
        end = time.monotonic() + self.limit
        running = {self.start(work): name for name, work in works.items()}
        try:
            while running:
                pipes = {pipe: process for pipe, process in running}
                ready = multiprocessing.connection.wait(list(pipes), max(0, end - time.monotonic()))
                for process in pipes.values() if not ready else ():
                    process.terminate()
                for pipe in ready or list(pipes):
                    name = running.pop((pipe, pipes[pipe]))
                    value, trouble = None, f"it took more than {self.limit:.0f} s"
                    if ready:
                        try:
                            value, trouble = pipe.recv()
                        except EOFError:
                            trouble = "its process was killed"
                    words = self.stop(pipes[pipe])
                    yield name, value, f"{trouble}; {words}" if trouble and words else trouble
        finally:
            for _, process in running:
                process.terminate()
            for _, process in running:
                self.stop(process)
            end_children(os.WNOHANG)

    def start(self, work):
        self.number += 1
        folder = self.scratch / f"item-{self.number}"
        folder.mkdir()
        (folder / ERRORS).touch()
        receive, send = FORK.Pipe(duplex=False)
        sys.stdout.flush()
        process = FORK.Process(target=work_alone, args=(work, folder, send, os.getpid()))
        process.folder = folder
        process.start()
        send.close()
        return receive, process

    def stop(self, process):
        """Its last words."""
        process.join(GRACE)
        if process.is_alive():
            process.kill()
            process.join(1)
        errors = (process.folder / ERRORS).read_text(encoding="utf-8", errors="replace")
        sys.stderr.write(errors)
        shutil.rmtree(process.folder, ignore_errors=True)
        return " ".join(errors.split())[-LAST_WORDS:]
