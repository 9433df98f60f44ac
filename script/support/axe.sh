# shellcheck shell=bash
# axe-core 4.12.1, rules of accessibility for web pages, which PyPI's axe-playwright-python carries; sourced after common.sh.
# Defines: axe_rules (fetches them once), axe_file.

axe_folder=$cache/axe-4.12.1
axe_file=$axe_folder/axe_playwright_python/axe.min.js

make_axe_rules() {
  install_wheels "$axe_folder" <<'LIST'
axe-playwright-python==0.1.8 --hash=sha256:fdd263c998388f1a8e67cad02677e612d946248bd44d163be5e8650ea31f95f8
LIST
}

axe_rules() {
  if [ -s "$axe_file" ]; then return 0; fi
  step "axe-core" make_axe_rules
}
