#include "core/files/drawing_folder.h"

#include <stdlib.h>

#include <cerrno>
#include <string>
#include <system_error>

#include "core/error.h"

namespace resolute::core {

DrawingFolder::DrawingFolder(std::string_view name) {
  std::string pattern = (std::filesystem::temp_directory_path() / fmt::format("resolute-{}-XXXXXX", name)).string();
  if (::mkdtemp(pattern.data()) == nullptr)
    throw system_error(fmt::format("no folder to draw in can be made beside '{}'", pattern), errno);
  path_ = pattern;
}

DrawingFolder::~DrawingFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace resolute::core
