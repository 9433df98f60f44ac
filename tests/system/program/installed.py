"""What tests of an installed tree share: how its programs are called, and a suite that they run to its table."""
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[3]
SUITE = ROOT / "tests/system/tiny.toml"


def output_of(*words, **more):
    """What a program that succeeds prints; `more` is subprocess.run's."""
    answer = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=600, check=False, **more)
    assert answer.returncode == 0, f"{words}: {answer.stdout[-2000:]}{answer.stderr}"
    return answer.stdout


def table_of_a_run(program, suite, store, **more):
    """Of a suite's first row, trained and evaluated by `program`."""
    output_of(program, "suite", "run", suite, "--store", store, "--only", "main/baseline", "--slots", "2", **more)
    return output_of(program, "suite", "table", suite, "--store", store, **more)
