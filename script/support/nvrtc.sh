# shellcheck shell=bash
# NVIDIA's compiler of kernels at run time, from PyPI, for the test that it takes ours: libtorch's CUDA packages have it on a machine
# with a GPU. Sourced after common.sh. Defines: nvrtc (fetches it once), nvrtc_library.

nvrtc_folder=$cache/nvrtc-13.0.88
nvrtc_library=$nvrtc_folder/nvidia/cu13/lib/libnvrtc.so.13

make_nvrtc() {
  install_wheels "$nvrtc_folder" <<'LIST'
nvidia-cuda-nvrtc==13.0.88 --hash=sha256:ad9b6d2ead2435f11cbb6868809d2adeeee302e9bb94bcf0539c7a40d80e8575
LIST
}

nvrtc() {
  if [ -d "$nvrtc_folder" ]; then return 0; fi
  step "NVIDIA's compiler" make_nvrtc
}
