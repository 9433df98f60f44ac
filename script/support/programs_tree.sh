# shellcheck shell=bash
# Programs and the shared libraries that they need besides torch, as they run on a machine that has neither; sourced after
# common.sh. Defines: programs_tree.

# programs_tree TREE TORCH FILE…: files of build/release/bin into TREE/bin, their libraries into TREE/lib, all stripped, found from
# where the files lie. TORCH: what torch's libraries are found by, "" where somebody else's path leads to them.
programs_tree() {
  local tree=$1 torch=$2 file library; shift 2
  local bin=$source_root/build/release/bin torch_root
  mkdir -p "$tree/bin" "$tree/lib"
  for file; do strip --strip-unneeded -o "$tree/bin/$file" "$bin/$file"; done
  # What the loader finds, less the C and C++ libraries, which every system has of its own, and less what comes with torch. The
  # CUDA module needs nothing else: besides libraries of the worker's it has libtorch_cuda's, which come with torch.
  torch_root=$(dirname "${LIBTORCH_ROOT:-$libtorch_folder/torch}")
  {
    for file; do [ "$file" = libresolute_cuda.so ] || ldd "$bin/$file"; done
    # What is loaded by name, and what that needs.
    for library in ${loaded_by_name:-}; do
      library=$(ldconfig -p | sed -n "s/.*\b$library .*=> //p" | head -n 1)
      printf 'by name => %s (0)\n' "$library"
      ldd "$library"
    done
  } | sed -n 's/.* => \(\/[^ ]*\) (.*/\1/p' | sort -u |
    while read -r library; do
      case "$library" in
        "$torch_root"/* | */torch/lib/* | */nvidia/*) continue ;;
      esac
      case "$(basename "$library")" in
        libc.so.* | libm.so.* | libdl.so.* | libpthread.so.* | librt.so.* | libutil.so.* | libresolv.so.* | ld-linux* | \
          libgcc_s.so.* | libstdc++.so.*) continue ;;
      esac
      strip --strip-unneeded -o "$tree/lib/$(basename "$library")" "$(readlink -f "$library")"
    done
  # Found from where the files lie, and by what they load in turn: RPATH is handed down, RUNPATH is not.
  for file in "$tree"/bin/*; do patchelf --force-rpath --set-rpath "\$ORIGIN:\$ORIGIN/../lib${torch:+:$torch}" "$file"; done
  for file in "$tree"/lib/*; do patchelf --force-rpath --set-rpath '$ORIGIN' "$file"; done
}
