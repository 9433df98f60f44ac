"""Files that script/support/older_glibc.py has changed want no glibc after 2.28, and run as before.

Usage: older_glibc_test.py [UNITTEST_ARGUMENT...]
"""

import re
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = r"""
#include <condition_variable>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <mutex>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>
#include <random>
struct Count { int made; Count() : made(++total) {} static int total; };
int Count::total = 0;
static Count one, two;
int main(int argc, char** argv) {
  std::mutex mutex;
  std::condition_variable changed;
  bool ready = false;
  const auto start = std::chrono::steady_clock::now();
  std::unique_lock lock(mutex);
  const bool early = changed.wait_for(lock, std::chrono::milliseconds(30), [&] { return ready; });
  const bool waited = std::chrono::steady_clock::now() - start >= std::chrono::milliseconds(30);
  lock.unlock();
  std::thread other([&] { std::lock_guard held(mutex); ready = true; changed.notify_one(); });
  lock.lock();
  const bool late = changed.wait_for(lock, std::chrono::seconds(60), [&] { return ready; });
  other.join();
  struct stat file {};
  struct stat link {};
  struct stat open {};
  const bool same = stat(argv[1], &file) == 0 && lstat(argv[1], &link) == 0 && fstat(STDIN_FILENO, &open) == 0 && file.st_ino == link.st_ino;
  std::random_device draw;
  unsigned bits = 0;
  for (int i = 0; i < 100; ++i) bits |= draw();
  std::printf("%d %d %d %d %d %lld %d %.17g %d %d", Count::total, one.made + two.made, early, waited, late, (long long)file.st_size, same,
              std::hypot(3.0, argc + 2.0), gettid() == syscall(SYS_gettid), bits == ~0u);
}
"""


class OlderGlibc(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)
        self.library = self.folder / "libresolute_glibc.so"
        self.compile("cc", ROOT / "packaging/older_glibc.c", "libresolute_glibc.so", "-fPIC", "-shared", "-fvisibility=hidden",
                     "-Wl,-soname,libresolute_glibc.so")

    def compile(self, compiler, source, name, *options):
        subprocess.run([compiler, "-O1", source, "-o", self.folder / name, *options], check=True)
        return self.folder / name

    def program(self, text, *options):
        source = self.folder / "program.cpp"
        source.write_text(text)
        return self.compile("c++", source, "program", "-std=c++20", "-pthread", *options)

    def make_older(self, *files):
        return subprocess.run(["/usr/bin/python3", ROOT / "script/support/older_glibc.py", "2.28", self.library, *files],
                              check=False, capture_output=True, text=True)

    def newest(self, file):
        said = subprocess.run(["readelf", "-V", file], check=True, capture_output=True, text=True).stdout
        return max(int(minor) for minor in re.findall(r"Name: GLIBC_2\.(\d+)", said))

    def output_of(self, program, *arguments):
        with open(ROOT / "LICENSE", encoding="utf-8") as standard_input:
            return subprocess.run([program, *arguments], check=True, capture_output=True, text=True, stdin=standard_input).stdout

    def test_constructors_run_once_and_files_clocks_threads_and_numbers_are_as_before(self):
        for options in ([], ["-no-pie"], ["-static-libstdc++"]):
            with self.subTest(options=options):
                program = self.program(PROGRAM, *options)
                self.assertGreater(self.newest(program), 28)
                before = self.output_of(program, ROOT / "LICENSE")
                self.assertRegex(before, r"^2 3 0 1 1 \d+ 1 5 1 1$")
                subprocess.run(["patchelf", "--force-rpath", "--set-rpath", "$ORIGIN", program], check=True)
                subprocess.run(["patchelf", "--add-needed", self.library.name, program], check=True)
                said = self.make_older(self.library, program)
                self.assertEqual((0, ""), (said.returncode, said.stderr))
                self.assertLessEqual(max(self.newest(program), self.newest(self.library)), 28)
                self.assertEqual(before, self.output_of(program, ROOT / "LICENSE"))

    def test_what_no_older_glibc_has_is_refused_by_name(self):
        program = self.program('#include <sys/stat.h>\nint main() { return mknod("", 0, 0); }')
        before = program.read_bytes()
        said = self.make_older(program)
        self.assertEqual(1, said.returncode)
        self.assertIn("glibc 2.28 has no 'mknod'", said.stderr)
        self.assertEqual(before, program.read_bytes())

    def test_what_is_no_program_is_refused(self):
        said = self.make_older(ROOT / "LICENSE")
        self.assertEqual(1, said.returncode)
        self.assertIn("not an ELF file", said.stderr)


if __name__ == "__main__":
    unittest.main()
