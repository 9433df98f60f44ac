# HyperQueue's Python module, which holds its server and worker, for script/bench orchestrator; sourced after common.sh.
# Defines: hyperqueue_python (fetches it once), hyperqueue_folder (for PYTHONPATH).

hyperqueue_folder=$cache/hyperqueue-0.27.0

fetch_hyperqueue() {
  install_wheels "$hyperqueue_folder" <<'LIST'
hyperqueue==0.27.0 --hash=sha256:4d97be83ee737d946728bbc66932fcc7ad5a48fb0e3d7f96aa39279b8e27a505
tqdm==4.67.1 --hash=sha256:26445eca388f82e72884e0d580d5464cd801a3ea01e63e5601bdff9ba6a48de2
cloudpickle==3.1.1 --hash=sha256:c8c5a44295039331ee9dad40ba100a9c7297b6f988e50e87ccdf3765a668350e
LIST
}

hyperqueue_python() {
  if [ -d "$hyperqueue_folder" ]; then return 0; fi
  step "hyperqueue" fetch_hyperqueue
}
