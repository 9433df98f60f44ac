# shellcheck shell=bash
# torchreid and timm in Python, for the examples of methods that train their networks. Sourced after torch_python.sh. Defines:
# torchreid_python, torchreid_source.

# The package as its authors' code was published on PyPI, in source alone: what builds it is not needed for its Python files.
torchreid_source='torchreid==0.2.5 --hash=sha256:bc1055c6fb8444968798708dd13fdad00148e9d7cf3cb18cf52f4b949857fe08'
# timm, whose ViT is another example. Beside it torchreid takes PyTorch, NumPy, pillow and torchvision, as reader_python has them.
torchreid_wheels='timm==1.0.22 --hash=sha256:888981753e65cbaacfc07494370138b1700a27b1f0af587f4f9b47bc024161d0'

make_torchreid_python() {
  local scratch
  lock_cache torchreid-python
  ! has_torchreid_python || return 0
  scratch=$(mktemp -d "$cache/torchreid-python-scratch.XXXXXX")
  install_wheels "$scratch/packages" <<<"$torchreid_wheels"
  mkdir "$scratch/source"
  echo "$torchreid_source" >"$scratch/source/list.txt"
  /usr/bin/python3 -m pip download -q --no-deps --no-binary=:all: --require-hashes -d "$scratch/source" \
    -r "$scratch/source/list.txt"
  tar -C "$scratch/source" -xf "$scratch"/source/torchreid-*.tar.gz
  mv "$scratch"/source/torchreid-*/torchreid "$scratch/packages"
  rm -rf "$scratch/source"
  torchreid_python_parts >"$scratch/complete"
  put_python_on reader-python "$scratch" torchreid-python
}

torchreid_python_parts() {
  cat "$cache/reader-python/complete"
  printf '%s\n' "$torchreid_source" "$torchreid_wheels"
}
has_torchreid_python() { torchreid_python_parts | cmp -s - "$cache/torchreid-python/complete"; }

# torchreid_python, after reader_python: makes it once, and again where its lists have changed; "$cache/torchreid-python/python" is
# reader_python's interpreter with torchreid.
torchreid_python() {
  has_torchreid_python || step "torchreid for python" make_torchreid_python
}
