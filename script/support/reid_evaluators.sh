# shellcheck shell=bash
# The evaluators of fast-reid and torchreid, from PyPI, for script/bench ranking; sourced after common.sh.
# Defines: reid_evaluators (fetches and compiles them once), reid_evaluators_folder.

# shellcheck source=script/support/torchreid.sh
. "$source_root/script/support/torchreid.sh"
reid_evaluators_folder=$cache/reid-evaluators-1

make_reid_evaluators() {
  local scratch
  scratch=$(mktemp -d "$cache/reid-evaluators-scratch.XXXXXX")
  cat >"$scratch/sources.txt" <<LIST
fastreid==1.4.0 --hash=sha256:5343cc3c69699af67b0f057c79401dc11546cceb8c2501aa60d1a895ee07245e
$torchreid_source
LIST
  echo 'cython==3.1.4 --hash=sha256:a928bd7d446247855f54f359057ab4a32c465219c8c1e299906a483393a59a9e' >"$scratch/cython.txt"
  /usr/bin/python3 -m pip download -q --no-deps --no-binary=:all: --require-hashes -d "$scratch" -r "$scratch/sources.txt"
  /usr/bin/python3 -m pip install -q --no-deps --require-hashes --target "$scratch/cython" -r "$scratch/cython.txt"
  for archive in "$scratch"/*.tar.gz; do tar -C "$scratch" -xf "$archive"; done
  # The modules alone: the packages round them import what nothing here needs.
  mkdir -p "$scratch/made/fastreid_parts/utils" "$scratch/made/torchreid_parts"
  cp -r "$scratch/fastreid-1.4.0/fastreid/evaluation" "$scratch/made/fastreid_parts/evaluation"
  cp "$scratch"/fastreid-1.4.0/fastreid/utils/{compute_dist,faiss_utils}.py "$scratch/made/fastreid_parts/utils"
  cp "$scratch"/torchreid-0.2.5/torchreid/reid/metrics/{rank,distance}.py "$scratch/made/torchreid_parts"
  for folder in fastreid_parts fastreid_parts/utils fastreid_parts/evaluation torchreid_parts; do
    : >"$scratch/made/$folder/__init__.py"
  done
  (cd "$scratch/made/fastreid_parts/evaluation/rank_cylib" &&
    PYTHONPATH="$scratch/cython:$cache/torch-python/packages" /usr/bin/python3 setup.py -q build_ext --inplace)
  ls "$scratch"/made/fastreid_parts/evaluation/rank_cylib/rank_cy*.so
  rm -rf "$reid_evaluators_folder"
  mv "$scratch/made" "$reid_evaluators_folder"
  rm -rf "$scratch"
}

# After torch_python: the evaluator is compiled against its NumPy.
reid_evaluators() {
  if [ -d "$reid_evaluators_folder" ]; then return 0; fi
  step "re-ID evaluators" make_reid_evaluators
}
