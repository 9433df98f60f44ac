# shellcheck shell=bash
# How scripts build and run tests; sourced after common.sh. Sets: RESOLUTE_SLICE; defines: tests_in_memory, build_tests,
# run_tests, begin_tests, finish_tests.

# Each commit runs a slice of long lists of cases (tests/support/slice.h); tests with the label `long` run all.
RESOLUTE_SLICE=${RESOLUTE_SLICE-$(git -C "$source_root" rev-parse HEAD 2>/dev/null || true)}
export RESOLUTE_SLICE

# Processes of begin_tests and files of tests in memory end with the script.
begun=() memory=''
at_exit() {
  kill "${begun[@]}" 2>/dev/null || true
  finish_tests 2>/dev/null || true
  [ -z "$memory" ] || rm -rf "$memory"
}

# tests_in_memory: tests have their folders in memory where 4 GiB of it are to be had (they fill 0.7) and nobody has said where they
# shall be. Together they make and remove a hundred thousand files, and ext4 looks at every inode that was freed in the last seconds
# before it gives a new one. Containers often let nothing run there, and tests write programs. Sets: TMPDIR.
tests_in_memory() {
  local folder=/dev/shm free
  free=$(df --output=avail "$folder" 2>/dev/null | tail -n 1) || free=0
  [ -z "${TMPDIR:-}" ] && [ "${free:-0}" -ge $((4 << 20)) ] || return 0
  trap at_exit EXIT
  memory=$(mktemp -d "$folder/resolute.XXXXXX")
  printf '#!/bin/sh\n' >"$memory/program"
  chmod +x "$memory/program"
  if ! "$memory/program" 2>/dev/null; then
    rm -rf "$memory"
    memory=''
    return 0
  fi
  rm "$memory/program"
  chmod 1777 "$memory"  # tests become other users
  export TMPDIR=$memory
}

# chosen_tests PRESET CTEST-ARGUMENT…: the names of the tests that ctest would run.
chosen_tests() {
  ctest --test-dir "$source_root/build/$(build_folder "$1")" -N "${@:2}" | sed -nE 's/^ *Test +#[0-9]+: //p'
}

# build_tests PRESET CTEST-ARGUMENT…: builds what the chosen tests need and nothing else. The preset is configured.
build_tests() {
  local targets
  mapfile -t targets < <(chosen_tests "$@" | sort |
    join - <(sort "$source_root/build/$(build_folder "$1")/test_targets.txt") | cut -d ' ' -f 2- | tr ' ' '\n' | sort -u)
  [ ${#targets[@]} = 0 ] || build_targets "$1" "${targets[@]}"
}

# run_and_repeat CTEST-ARGUMENT…: ctest; at the end, where one looks first, once more what each failed test found. Its output
# is the file $log.
run_and_repeat() {
  local code=0
  ctest --output-on-failure --no-tests=error --no-label-summary "$@" || code=$?
  [ "$code" != 0 ] || return 0
  printf '\nWhat they found:\n'
  grep -A 6 -E ': Failure$|^(FAIL|ERROR): |^[A-Za-z]+Error: |runtime error: |ERROR: [A-Za-z]+Sanitizer' "$log" |
    cut -c -300 | tail -n 60
  return "$code"
}

# run_tests PRESET NAME CTEST-ARGUMENT…: a step that runs the chosen tests, and one line on stdout of how many passed.
run_tests() {
  # A failed test has more to read than a failed build.
  local preset=$1 name=$2 log lines_shown=400; shift 2
  log=$(step_log "$name")
  step "$name" run_and_repeat --test-dir "$source_root/build/$(build_folder "$preset")" "$@"
  grep -E '^[0-9]+% tests passed' "$log"
}

# begin_tests PRESET NAME CTEST-ARGUMENT…: run_tests beside what follows. A script that ends before that ends it.
begin_tests() {
  trap at_exit EXIT
  run_tests "$@" &
  begun+=("$!")
}

# finish_tests: waits for all that was begun, so that one run says all that fails; fails where one did.
finish_tests() {
  local process failed=0
  for process in "${begun[@]}"; do wait "$process" || failed=1; done
  begun=()
  return "$failed"
}
