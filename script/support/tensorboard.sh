# shellcheck shell=bash
# TensorBoard's own client and reader, from PyPI, for the test of live curves; sourced after common.sh. Defines: tensorboard_packages (fetches them once), tensorboard_folder.

tensorboard_folder=$cache/tensorboard-2.21.0

# Beside NumPy (python3-numpy), TensorBoard's client and reader need these two alone.
make_tensorboard_packages() {
  install_wheels "$tensorboard_folder" <<'LIST'
tensorboard==2.21.0 --hash=sha256:7279316dcb6bd5bc391d623dea841531299cde1887310e8133bc34a996d32255
protobuf==6.33.0 --hash=sha256:35be49fd3f4fefa4e6e2aacc35e8b837d6703c37a2168a55ac21e9b1bc7559ef
absl-py==2.3.1 --hash=sha256:eeecf07f0c2a93ace0772c92e596ace6d3d3996c042b2128459aaae2a76de11d
LIST
}

tensorboard_packages() {
  if [ -d "$tensorboard_folder" ]; then return 0; fi
  step "TensorBoard for python" make_tensorboard_packages
}
