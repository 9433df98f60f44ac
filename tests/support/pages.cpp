#include "tests/support/pages.h"

#include <sstream>
#include <stdexcept>

#include "core/files/file_system.h"
#include "tests/support/folders.h"

namespace resolute::tests {

std::string page_text(const std::string& name) {
  return core::read_text(core::real_file_system(), source_folder() / "docs" / name);
}

std::vector<std::string> fenced_blocks(const std::string& text, const std::string& language) {
  const std::string fence = "```";
  std::vector<std::string> blocks;
  bool inside = false, wanted = false;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(fence)) {
      wanted = !inside && line == fence + language;
      inside = !inside;
      if (wanted) blocks.emplace_back();
    } else if (wanted) {
      blocks.back() += line + '\n';
    }
  }
  if (blocks.empty()) throw std::runtime_error("no block of '" + language + "' on the page");
  return blocks;
}

}  // namespace resolute::tests
