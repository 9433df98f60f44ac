"""The page of `resolute suite watch --http` in a browser, while its run is killed, begun again and cancelled.

Usage: watch_page_test.py RESOLUTE
"""
import hashlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from report_browser import DESK, Browser, Driver  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[3]
SUITE = ROOT / "tests/system/tiny.toml"
PROGRAM = pathlib.Path(sys.argv.pop()).resolve()
LONG = ["--set", "train.steps=100000"]

LINE = "return document.getElementById('live').textContent"
BADGE = "return document.querySelector('header .badge').textContent"


def start(*words, **options):
    return subprocess.Popen([PROGRAM, *map(str, words)], stderr=subprocess.PIPE, text=True, **options)


def until(holds):
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)


def contents(folder):
    """Everything that stands in a folder: names, times, bytes."""
    found = {}
    for path in sorted(folder.rglob("*")):
        facts = path.stat()
        data = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path.relative_to(folder))] = (facts.st_ino, facts.st_mode, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, data)
    return found


class Served:
    """`resolute suite watch --http` and its address."""

    def __init__(self, test, store, *more):
        self.process = start("suite", "watch", SUITE, "--store", store, "--http", "127.0.0.1:0", "--json", *more,
                             stdout=subprocess.PIPE)
        test.addCleanup(self.process.kill)  # of a test that fails; nothing once it has been waited for
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        self.address = json.loads(line)["address"]
        parts = urllib.parse.urlsplit(self.address)
        self.host, self.token = parts.netloc, urllib.parse.parse_qs(parts.query)["token"][0]

    def document(self):
        with urllib.request.urlopen(f"http://{self.host}/document?token={self.token}") as answer:
            return json.load(answer)

    def end(self):
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(timeout=300)
        self.process.stdout.close()
        said = self.process.stderr.read()
        self.process.stderr.close()
        return code, said


class WatchedPage(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.store = pathlib.Path(scratch.name) / "store"
        self.store.mkdir()

    def run_in_background(self):
        # Its ranks must not outlive the test.
        run = start("suite", "run", SUITE, "--store", self.store, "--slots", "1", *LONG, stdout=subprocess.DEVNULL)
        self.addCleanup(run.stderr.close)
        self.addCleanup(run.wait)
        self.addCleanup(run.kill)
        return run

    def test_a_browser_sees_a_run_begin_die_and_begin_again_without_a_reload(self):
        served = Served(self, self.store, *LONG, "--interval", "0.5")
        driver = Driver()
        self.addCleanup(driver.close)
        browser = Browser(driver, DESK)
        browser.open(served.address)
        shows = lambda script, words, seconds=60: self.assertTrue(  # noqa: E731
            browser.until(f"{script}.includes(arguments[0])", words, seconds=seconds), (words, browser.run(script)))
        shows(LINE, "Live: no run is at work.")
        browser.run("window.stays = 'the same page'")
        run = self.run_in_background()
        shows(LINE, "Live: the run is at work.")
        shows(BADGE, "running")
        shows("return document.querySelector('header').textContent", "training: 0 of 4 done, 1 running")
        run.kill()
        killed = time.monotonic()
        shows(LINE, "Live: no run is at work.")
        print(f"a killed run shows as such after {time.monotonic() - killed:.1f} s")
        shows(BADGE, "not complete")
        shows("return document.getElementById('timeline').textContent", "fell silent")
        run = self.run_in_background()
        shows(LINE, "Live: the run is at work.")
        self.assertEqual(browser.run("return window.stays"), "the same page")
        code, said = served.end()
        self.assertEqual((code, said), (0, ""))
        shows(LINE, "The program that served this page has ended")
        problems = [entry["message"] for entry in browser.log("browser") if entry["level"] in ("SEVERE", "WARNING")]
        self.assertEqual(problems, [])
        run.send_signal(signal.SIGINT)
        run.wait(timeout=300)
        browser.close()

    def test_the_store_is_as_it_was(self):
        shared = os.environ.get("RESOLUTE_UNDISTURBED_STORE")
        if not shared:
            self.skipTest("suite/undisturbed_test makes the store")
        store = pathlib.Path(shared)
        before = contents(store)
        served = Served(self, store, "--interval", "0.1")
        stream = urllib.request.urlopen(f"http://{served.host}/events?token={served.token}")
        self.assertEqual(stream.headers["Content-Type"], "text/event-stream")
        self.assertTrue(served.document()["status"]["complete"])
        time.sleep(1)  # a few looks
        stream.close()
        self.assertEqual(served.end(), (0, ""))
        self.assertEqual(contents(store), before)

    def test_no_program_is_called_with_the_token(self):
        folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        opener, opened = folder / "xdg-open", folder / "opened"
        opener.write_text(f'#!/bin/sh\n{{ printf "%s\\n" "$*"; cat "$1"; }} >"{opened}.part" && mv "{opened}.part" "{opened}"\n')
        opener.chmod(0o755)
        watching = start("suite", "watch", SUITE, "--store", self.store, "--http", "127.0.0.1:0", "--json", "--open",
                         stdout=subprocess.PIPE, env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"})
        self.addCleanup(watching.kill)
        address = json.loads(watching.stdout.readline())["address"]
        token = urllib.parse.parse_qs(urllib.parse.urlsplit(address).query)["token"][0]
        until(opened.exists)
        called_with, page = opened.read_text().split("\n", 1)
        self.assertNotIn(token, called_with)
        self.assertIn(address, page)
        file = pathlib.Path(called_with)
        self.assertEqual(file.parent.stat().st_mode & 0o077, 0, "nobody else may look into it")
        watching.send_signal(signal.SIGINT)
        watching.communicate(timeout=300)
        self.assertEqual(watching.returncode, 0)
        self.assertFalse(file.parent.exists())

    def test_what_a_browser_would_not_send_is_refused_or_let_go(self):
        served = Served(self, self.store)
        host, port = served.host.split(":")
        for sent in (b"\x00\xff\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"G" * 100_000,
                     b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nX: " + b"y" * 20_000 + b"\r\n\r\n",
                     b"POST /document HTTP/1.1\r\nContent-Length: 99999999999999\r\n\r\nx", b"GET /?token"):
            with socket.create_connection((host, int(port)), timeout=300) as connection:
                try:
                    connection.sendall(sent)
                    connection.shutdown(socket.SHUT_WR)
                    said = connection.recv(1 << 20)
                except OSError:
                    continue
                self.assertNotIn(b"report", said)
                self.assertNotIn(b" 200 ", said.split(b"\r\n")[0])
        connection = http.client.HTTPConnection(host, int(port), timeout=300)
        connection.request("GET", f"/document?token={served.token}", headers={"Range": "bytes=5-9"})
        answer = connection.getresponse()
        self.assertEqual((answer.status, len(answer.read())), (206, 5))
        connection.close()
        self.assertEqual(served.document()["suite"], "tiny")
        self.assertEqual(served.end(), (0, ""))


if __name__ == "__main__":
    unittest.main()
