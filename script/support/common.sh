# shellcheck shell=bash
# Functions of all scripts; sourced, never run. Sets: source_root, cache, logs; defines: step, install_packages,
# install_slurm, install_wheels, fetch_libtorch, configure, build_targets, build, build_programs.
set -euo pipefail

# Scripts read messages of programs: in English.
export LC_ALL=C.UTF-8

# An empty environment has no HOME, which CMake and pip look for too, and a PATH that bash keeps to itself.
: "${HOME:=$(getent passwd "$(id -u)" | cut -d: -f6)}"
export HOME PATH
source_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cache=${RESOLUTE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/resolute}
libtorch_folder=$cache/libtorch-2.11.0
logs=$source_root/build/logs
mkdir -p "$cache" "$logs"
export CCACHE_DIR=${CCACHE_DIR:-$cache/ccache}
# Debug information names the build folder; equal sources in build/release and build/asan may still share a preprocessing.
export CCACHE_NOHASHDIR=1

# Seconds between two lines about a step that takes long, where they go to no terminal.
progress_every=60
# Seconds that what ignores a signal may go on: apt-get lets dpkg finish.
grace=30
export NINJA_STATUS='[%f/%t] '

# progress NAME LOG SECONDS: how far a step is: the last count of ninja or ctest in its log and what that promises, or the
# time it took so far.
progress() {
  local count finished all left
  count=$(tail -n 200 "$2" | sed -nE -e 's@^\[([0-9]+/[0-9]+)\] .*@\1@p' -e 's@^ *([0-9]+/[0-9]+) Test .*@\1@p' | tail -n 1)
  finished=${count%/*} all=${count#*/}
  if [ "${all:-0}" = 0 ]; then
    printf '%s  %d s' "$1" "$3"
    return
  fi
  printf '%s  %d/%d  %d %%' "$1" "$finished" "$all" $((100 * finished / all))
  if [ "$finished" = 0 ] || [ "$finished" = "$all" ]; then return; fi
  # The longest tests run first: the first few tell nothing of the others.
  [ $((20 * finished)) -ge "$all" ] || return 0
  left=$(($3 * (all - finished) / finished))
  if [ "$left" -ge 60 ]; then printf '  about %d min left' $(((left + 30) / 60)); else printf '  under 1 min left'; fi
}

# with_descendants PROCESS: it and all that it started, parents first.
with_descendants() {
  local child children=()
  printf '%s\n' "$1"
  read -ra children 2>/dev/null <"/proc/$1/task/$1/children" || true
  for child in "${children[@]}"; do with_descendants "$child"; done
}

# A process that ended but was not waited for yet has no executable.
any_runs() {
  local process
  for process; do if [ -e "/proc/$process/exe" ]; then return 0; fi; done
  return 1
}

# interrupt_step SIGNAL PROCESS: hands a signal on to all of a step, waits until that is gone, and dies of the signal. Ninja
# gives each of its children a process group: a signal to ours would not reach them.
interrupt_step() {
  local processes again turn
  trap '' INT TERM HUP
  # The kernel's list of children may leave one out while another ends: what two looks agree on.
  for ((turn = 0; turn < 10; ++turn)); do
    mapfile -t processes < <(with_descendants "$2")
    mapfile -t again < <(with_descendants "$2")
    [ "${processes[*]}" != "${again[*]}" ] || break
  done
  kill -s "$1" "${processes[@]}" 2>/dev/null || true
  for ((turn = 0; turn < grace * 10; ++turn)); do
    any_runs "${processes[@]}" || break
    sleep 0.1
  done
  if any_runs "${processes[@]}"; then kill -KILL "${processes[@]}" 2>/dev/null || true; fi
  trap - "$1"
  kill -s "$1" "$BASHPID"
}

# step_log NAME: where the output of a step lies.
step_log() { printf '%s\n' "$logs/${1//[^a-z0-9]/-}.log"; }

# step NAME COMMAND…: runs COMMAND with its output in a log and says how far it is: on a terminal in one line that is written
# anew each second, elsewhere in a line per minute. On failure it names the step and its log and shows the end.
step() {
  local name=$1 code='' piece erase='' result process line; shift
  local log started=$SECONDS said=$SECONDS
  log=$(step_log "$name")
  if [ -t 2 ] && [ "${TERM:-dumb}" != dumb ] && [ -z "${NO_COLOR:-}" ]; then erase=$'\r\e[K'; fi
  : >"$log"
  # In the background, so that we can watch; its exit code comes through the pipe. Not `if "$@"`: inside a condition bash
  # ignores `set -e`, and a function that failed half-way would go on.
  exec {result}< <(trap - INT QUIT; set +e; (set -e; "$@") >"$log" 2>&1; echo $?)
  process=$!
  trap 'printf %s "$erase" >&2; interrupt_step INT "$process"' INT
  trap 'printf %s "$erase" >&2; interrupt_step TERM "$process"' TERM
  trap 'printf %s "$erase" >&2; interrupt_step HUP "$process"' HUP
  # A second that ends between the number and the end of its line leaves the number: what came before is kept.
  until read -rt 1 -u "$result" piece; do
    # The process has ended; it was killed if no number came.
    [ $? -gt 128 ] || { code=${code:-137}; break; }
    code+=$piece
    [ -n "$erase" ] || [ $((SECONDS - said)) -ge "$progress_every" ] || continue
    said=$SECONDS
    line=$(progress "$name" "$log" $((SECONDS - started)))
    # A line too long for the terminal is cut, not wrapped.
    if [ -n "$erase" ]; then printf '%s\e[?7l%s\e[?7h' "$erase" "$line" >&2; else printf '%s\n' "$line" >&2; fi
  done
  code+=$piece
  exec {result}<&-
  trap - INT TERM HUP
  printf %s "$erase" >&2
  if [ "$code" != 0 ]; then
    printf 'resolute: step "%s" failed (exit code %d); its log is %s, which ends:\n' "$name" "$code" "$log" >&2
    tail -n "${lines_shown:-25}" "$log" >&2
    exit 1
  fi
  printf '%-36s %4d s\n' "$name" $((SECONDS - started)) >&2
}

# packages LIST…
packages() { (cd "$source_root/script/support" && grep -hv '^#' "$@"); }

# missing_packages LIST…
missing_packages() {
  # dpkg-query names what it does not know on stderr and leaves it out of its list.
  comm -23 <(packages "$@" | sort -u) \
    <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' 2>/dev/null | sed -n 's/^installed //p' | sort -u)
}

# become_root COUNT COMMAND…: sets as_root to what goes before a command that needs root; where nothing helps, says that
# COUNT packages are missing and which COMMAND brings them.
become_root() {
  local name
  as_root=(env DEBIAN_FRONTEND=noninteractive)
  # sudo hands nothing on.
  for name in http_proxy https_proxy no_proxy; do [ -z "${!name:-}" ] || as_root+=("$name=${!name}"); done
  [ "$(id -u)" != 0 ] || return 0
  if ! sudo -n true 2>/dev/null; then
    printf 'resolute: packages are missing (%s); run as root, after apt-get update: %s\n' "$1" "${*:2}" >&2
    exit 2
  fi
  as_root=(sudo -n "${as_root[@]}")
}

# update_package_lists: no option of apt-get waits for the lock of its lists.
update_package_lists() {
  local try said
  for try in {1..30}; do
    if said=$("${as_root[@]}" apt-get update -q 2>&1); then printf '%s\n' "$said"; return 0; fi
    printf '%s\n' "$said"
    [[ $said == *"Could not get lock"* ]] || return 1
    sleep 10
  done
  return 1
}

# install_packages [LIST…]: those of lists beside this file that are missing; of packages.txt unless another is named.
install_packages() {
  local missing
  [ $# -gt 0 ] || set -- packages.txt
  missing=$(missing_packages "$@")
  [ -n "$missing" ] || return 0
  # shellcheck disable=SC2086
  become_root "$(wc -w <<<"$missing")" apt-get install -y --no-install-recommends $missing
  # A machine that has just started may be updating itself.
  step "package lists" update_package_lists
  # shellcheck disable=SC2086
  step "packages" "${as_root[@]}" apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=300 $missing
}

# The packages of the tests' own SLURM clusters; users need none of them. No daemon of the whole machine is started.
install_slurm() {
  local box=$source_root/tests/support/slurm-box
  if bash "$box" installed; then return 0; fi
  become_root "SLURM's" bash "$box" install
  step "slurm" "${as_root[@]}" bash "$box" install
}

# The lines of wheels.txt whose wheel is not unpacked yet. A wheel's dist-info folder is moved into place last, so it says
# that all of the wheel is there; and a list that grew fetches only what is new.
missing_wheels() {
  local line name version
  while read -r line; do
    name=${line%%==*} version=${line#*==}
    [ -d "$libtorch_folder/${name//-/_}-${version%% *}.dist-info" ] || printf '%s\n' "$line"
  done < <(grep -v '^#' "$source_root/script/support/wheels.txt")
}

# lock_cache NAME: checkouts share the cache: one makes what it is to hold under NAME, the others wait, until the caller's shell
# ends, and then find it there. Files that a killed one has left are removed: nobody is at work on them.
lock_cache() {
  exec 9>"$cache/$1.lock"
  flock 9
  rm -rf "$cache/$1-scratch".*
}

# The wheels are unpacked, not installed: no Python version need match.
download_and_unpack_wheels() {
  local scratch python platforms=() minor wheel folder
  python=/usr/bin/python3
  lock_cache libtorch
  [ -n "$(missing_wheels)" ] || return 0
  scratch=$(mktemp -d "$cache/libtorch-scratch.XXXXXX")
  missing_wheels >"$scratch/wheels.txt"
  for minor in $(seq 17 28); do platforms+=(--platform "manylinux_2_${minor}_x86_64"); done
  "$python" -m pip download -q --no-deps --only-binary=:all: --require-hashes --python-version 3.11 --implementation cp \
    --abi cp311 --abi abi3 --abi none "${platforms[@]}" --platform manylinux2014_x86_64 --platform manylinux1_x86_64 \
    -r "$scratch/wheels.txt" -d "$scratch/wheels"
  mkdir -p "$libtorch_folder/nvidia/cu13"
  for wheel in "$scratch"/wheels/*.whl; do
    rm -rf "$scratch/tree"
    mkdir "$scratch/tree"
    (cd "$scratch/tree" && "$python" -m zipfile -e "$wheel" .)
    # Several wheels share nvidia/cu13: their files are merged; all else is replaced whole.
    for folder in "$scratch"/tree/*; do
      case "$(basename "$folder")" in
        nvidia) cp -al --remove-destination "$folder/." "$libtorch_folder/nvidia/" ;;
        *.dist-info) ;;
        *) rm -rf "${libtorch_folder:?}/$(basename "$folder")" && mv "$folder" "$libtorch_folder/" ;;
      esac
    done
    for folder in "$scratch"/tree/*.dist-info; do
      rm -rf "${libtorch_folder:?}/$(basename "$folder")"
      mv "$folder" "$libtorch_folder/"
    done
  done
  rm -rf "$scratch"
  [ -s "$libtorch_folder/torch/lib/libtorch_cpu.so" ] && [ -z "$(missing_wheels)" ]
}

# install_wheels FOLDER <LIST: the wheels of a list, pinned by hash, for PYTHONPATH; FOLDER is there whole or not at all.
install_wheels() {
  local scratch
  scratch=$(mktemp -d "$1-scratch.XXXXXX")
  cat >"$scratch/wheels.txt"
  /usr/bin/python3 -m pip install -q --no-deps --only-binary=:all: --require-hashes --target "$scratch/packages" \
    -r "$scratch/wheels.txt"
  rm -rf "$1"
  mv "$scratch/packages" "$1"
  rm -rf "$scratch"
}

fetch_libtorch() {
  if [ -n "${LIBTORCH_ROOT:-}" ] || [ -z "$(missing_wheels)" ]; then return 0; fi
  step "libtorch" download_and_unpack_wheels
}

# is_stale PRESET: its folder was configured in another checkout, of which this one is a copy, or with another libtorch. CMake
# keeps what it has found of that.
is_stale() {
  local known=$source_root/build/$(build_folder "$1")/CMakeCache.txt home libtorch
  [ -e "$known" ] || return 1
  home=$(sed -n 's/^CMAKE_HOME_DIRECTORY:[A-Z]*=//p' "$known")
  libtorch=$(sed -n 's/^LIBTORCH_ROOT:[A-Z]*=//p' "$known")
  [ "$(realpath -m "$home")" != "$(realpath -m "$source_root")" ] ||
    [ "$(realpath -m "$libtorch")" != "$(realpath -m "${LIBTORCH_ROOT:-$libtorch_folder/torch}")" ]
}

# is_configured PRESET: its folder can be built in as it is: configured to the end, in this checkout, with this libtorch.
is_configured() {
  local folder file
  folder=$source_root/build/$(build_folder "$1")
  for file in CMakeCache.txt build.ninja CMakeFiles/rules.ninja; do [ -e "$folder/$file" ] || return 1; done
  ! is_stale "$1"
}

# alone_in PRESET COMMAND…: COMMAND while no other script configures or builds in the preset's folder. Its children hold the lock
# too, so that it is free only once they are gone.
alone_in() {
  local lock folder
  folder=$source_root/build/$(build_folder "$1")
  exec {lock}>"$folder.lock"
  if ! flock -n "$lock"; then
    printf 'resolute: waiting for another script that builds in %s\n' "$folder" >&2
    flock "$lock"
  fi
  "${@:2}"
  exec {lock}>&-
}

# configure PRESET
configure() { alone_in "$1" configure_here "$1"; }

configure_here() {
  local anew=()
  if is_stale "$1"; then anew=(--fresh); fi
  cd "$source_root"
  step "configure $1" cmake "${anew[@]}" --preset "$1" -DLIBTORCH_ROOT="${LIBTORCH_ROOT:-$libtorch_folder/torch}"
}

# build_targets PRESET [TARGET…]: builds these of a preset that is configured; all without any.
build_targets() { alone_in "$1" build_here "$@"; }

build_here() { step "build $1" ninja -C "$source_root/build/$(build_folder "$1")" "${@:2}"; }

# build PRESET [TARGET…]
build() { alone_in "$1" configure_and_build "$@"; }

configure_and_build() {
  configure_here "$1"
  build_here "$@"
}

# build_programs TARGET…: of the preset release. A checkout that runs the tests has the folder configured with them: that stays.
build_programs() { alone_in release build_programs_here "$@"; }

build_programs_here() {
  cd "$source_root" || exit
  is_configured release || configure_here release
  build_here release "$@"
}

build_folder() { if [ "$1" = ci ]; then echo release; else echo "$1"; fi; }

# Open MPI refuses root and more ranks than cores, and pins ranks to cores, unless told otherwise.
mpi_environment() {
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
}
