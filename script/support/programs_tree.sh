# shellcheck shell=bash
# Programs and the shared libraries that they need, as they run on a machine that has none of them; sourced after common.sh.
# Defines: programs_tree, carry_libraries.

# The glibc with which they run, or a newer one.
older_glibc=2.28

# programs_tree TREE TORCH FILE…: files of build/release/bin into TREE/bin, their libraries but torch's into TREE/lib, all stripped,
# found from where the files lie. TORCH: what torch's libraries are found by, "" where somebody else's path leads to them.
programs_tree() {
  local tree=$1 torch=$2 file; shift 2
  mkdir -p "$tree/bin" "$tree/lib"
  for file; do
    strip --strip-unneeded -o "$tree/bin/$file" "$source_root/build/release/bin/$file"
    patchelf --force-rpath --set-rpath "\$ORIGIN:\$ORIGIN/../lib${torch:+:$torch}" "$tree/bin/$file"
  done
  carry_libraries "$tree/lib" "$tree"/bin/*
}

# carry_libraries FOLDER FILE…: copies into FOLDER what programs and libraries load that is not there, less the C library, which every
# system has, and lets all of it run with glibc $older_glibc, x86-64. The files find FOLDER by their RPATH. Each copy has a name of
# ours: what a process has loaded already, such as a libjpeg of a Python environment, is never taken for it.
carry_libraries() {
  local folder=$1 file library name stand_ins copies=() renamed=(); shift
  stand_ins=$(mktemp -d)
  shared_library older_glibc "$folder/libresolute_glibc.so"
  shared_library no_curl "$stand_ins/libcurl.so.4" -Wl,--version-script=/dev/stdin <<<'CURL_OPENSSL_4 { curl_*; };'
  while read -r library; do
    case "$library" in
      "$(realpath "$folder")"/* | */libc.so.* | */libm.so.* | */libdl.so.* | */libpthread.so.* | */librt.so.* | */libutil.so.* | \
        */libresolv.so.* | */ld-linux* | */libgcc_s.so.*) continue ;;
    esac
    name=$(basename "$library")
    renamed+=(--replace-needed "$name" "libresolute-${name#lib}")
    copies+=("$folder/libresolute-${name#lib}")
    strip --strip-unneeded -o "${copies[-1]}" "$(readlink -f "$library")"
    patchelf --set-soname "libresolute-${name#lib}" "${copies[-1]}"
  done < <(loaded_libraries "$stand_ins" "$@")
  rm -r "$stand_ins"
  # RPATH is handed down, RUNPATH is not. One thing a call: patchelf mixes up the names of several.
  for file in "${copies[@]}"; do patchelf --force-rpath --set-rpath '$ORIGIN' "$file"; done
  for file in "$@" "${copies[@]}"; do
    patchelf "${renamed[@]}" "$file"
    patchelf --add-needed libresolute_glibc.so "$file"
  done
  # In older ones these names are in libraries of their own.
  for library in libpthread.so.0 libdl.so.2 librt.so.1 libresolv.so.2 libm.so.6; do
    patchelf --add-needed "$library" "$folder/libresolute_glibc.so"
  done
  /usr/bin/python3 "$source_root/script/support/older_glibc.py" "$older_glibc" "$folder/libresolute_glibc.so" \
    "$folder/libresolute_glibc.so" "$@" "${copies[@]}"
}

# loaded_libraries FOLDER FILE…: paths of what the loader finds for the files and for what $loaded_by_name names; FOLDER's before others.
# The CUDA module needs nothing else: besides libraries of the worker's it has CUDA's, which come with torch.
loaded_libraries() {
  local folder=$1 file library; shift
  {
    for file; do [[ $file == */libresolute_cuda.so ]] || LD_LIBRARY_PATH=$folder ldd "$file"; done
    for library in ${loaded_by_name:-}; do
      library=$(ldconfig -p | sed -n "s/.*\b$library .*=> //p" | head -n 1)
      printf 'by name => %s (0)\n' "$library"
      ldd "$library"
    done
  } | sed -n 's/.* => \(\/[^ ]*\) (.*/\1/p' | sort -u
}

# shared_library SOURCE FILE OPTION…: packaging/SOURCE.c as a shared library
shared_library() {
  local source=$1 file=$2; shift 2
  cc -O2 -fPIC -shared -fvisibility=hidden -Wl,-soname,"$(basename "$file")" "$@" -o "$file" "$source_root/packaging/$source.c"
  strip --strip-unneeded "$file"
}
