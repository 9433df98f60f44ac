# torch in Python, for benchmarks that compare with it and for the examples of external workers; and what draws figures and reads
# the weights and graphs that we give away. Sourced after common.sh. Defines: torch_python, reader_python.

# Packages that `import torch` wants besides the wheel of torch that we link to, pure Python but for numpy and markupsafe; and those
# with which the example of an external worker (experiments/examples/) reads packs and writes weights.
torch_python_packages=(typing_extensions==4.15.0 filelock==3.20.0 sympy==1.14.0 mpmath==1.3.0 networkx==3.5 jinja2==3.1.6
  markupsafe==3.0.3 fsspec==2025.9.0 numpy==2.3.3 h5py==3.14.0 safetensors==0.6.2 packaging==25.0)

make_torch_python() {
  local scratch library wheels
  wheels=$(dirname "${LIBTORCH_ROOT:-$libtorch_folder/torch}")
  lock_cache torch-python
  ! has_torch_python || return 0
  scratch=$(mktemp -d "$cache/torch-python-scratch.XXXXXX")
  /usr/bin/python3 -m pip install -q --no-deps --only-binary=:all: --target "$scratch/packages" "${torch_python_packages[@]}"
  # torch's Python module wants libraries for GPUs that nothing here calls: ones whose functions do nothing satisfy the
  # loader, if they have the versions that are asked for (ld.so stops at a library without any).
  mkdir "$scratch/libraries"
  objdump -p "$wheels"/torch/lib/lib*.so >"$scratch/needs"
  nm -D --undefined-only "$wheels"/torch/lib/lib*.so | awk '{sub(/@.*/, "", $2); print $2}' | sort -u |
    grep -E '^(cuFile|cusparse|nvshmem|cufft|curand|cublas|cudnn|cusolver|nvJitLink)' |
    sed 's/.*/void &(void) {}/' >"$scratch/nothing.c"
  for library in $(LD_LIBRARY_PATH="$wheels/torch/lib" ldd "$wheels/torch/lib/libtorch_python.so" |
    sed -n 's/^\s*\(\S*\) => not found$/\1/p' | sort -u); do
    awk -v file="$library:" '/required from/ { here = $3 == file } here && /^ *0x/ && !seen[$4]++ {
      print $4 (n++ ? " { };" : " { global: *; };") }' "$scratch/needs" >"$scratch/versions"
    [ -s "$scratch/versions" ] || echo '{ global: *; };' >"$scratch/versions"
    gcc -shared -fPIC -w -Wl,-soname,"$library" -Wl,--version-script="$scratch/versions" -o "$scratch/libraries/$library" \
      "$scratch/nothing.c"
  done
  rm -rf "$cache/torch-python"
  mv "$scratch" "$cache/torch-python"
  torch_python_start >"$cache/torch-python/python"
  chmod +x "$cache/torch-python/python"
  "$cache/torch-python/python" -c 'import torch; torch.zeros(2).sum().item()'
  torch_python_parts >"$cache/torch-python/complete"
}

# The interpreter; what PYTHONPATH names is found behind its own packages.
torch_python_start() {
  cat <<END
#!/bin/sh
PYTHONPATH='$(dirname "${LIBTORCH_ROOT:-$libtorch_folder/torch}"):$cache/torch-python/packages'"\${PYTHONPATH:+:\$PYTHONPATH}" \\
  LD_LIBRARY_PATH='$cache/torch-python/libraries' exec /usr/bin/python3 "\$@"
END
}

# How it starts, where its torch lies, and what is beside it: it is made again where any is another.
torch_python_parts() {
  torch_python_start
  printf '%s\n' "${torch_python_packages[@]}"
}
has_torch_python() { torch_python_parts | cmp -s - "$cache/torch-python/complete"; }

# torch_python: makes it once, and again where the list above has changed; "$cache/torch-python/python" is the interpreter.
torch_python() {
  has_torch_python || step "torch for python" make_torch_python
}

make_reader_python() {
  local scratch
  lock_cache reader-python
  ! has_reader_python || return 0
  scratch=$(mktemp -d "$cache/reader-python-scratch.XXXXXX")
  install_wheels "$scratch/packages" <"$source_root/script/support/reader_wheels.txt"
  reader_python_parts >"$scratch/complete"
  put_python_on torch-python "$scratch" reader-python
}

# put_python_on BASE SCRATCH NAME: the packages of SCRATCH before those of another interpreter of the cache.
put_python_on() {
  sed "s|PYTHONPATH='|&$cache/$3/packages:|" "$cache/$1/python" >"$2/python"
  chmod +x "$2/python"
  rm -rf "${cache:?}/$3"
  mv "$2" "$cache/$3"
}

reader_python_parts() { cat "$cache/torch-python/complete" "$source_root/script/support/reader_wheels.txt"; }
has_reader_python() { reader_python_parts | cmp -s - "$cache/reader-python/complete"; }

# reader_python, after torch_python: makes it once, and again where its list has changed; "$cache/reader-python/python" is torch's
# interpreter with the packages of reader_wheels.txt.
reader_python() {
  has_reader_python || step "readers of weights and matplotlib for python" make_reader_python
}
