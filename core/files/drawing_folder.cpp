#include "core/files/drawing_folder.h"

#include <stdlib.h>

#include <cerrno>
#include <string>
#include <system_error>

#include "core/error.h"

namespace resolute::core {

DrawingFolder::DrawingFolder(std::string_view name) {
  std::error_code wrong;
  const std::filesystem::path folder = std::filesystem::temp_directory_path(wrong);
  std::string pattern = (folder / fmt::format("resolute-{}-XXXXXX", name)).string();
  if (wrong || ::mkdtemp(pattern.data()) == nullptr)
    throw system_error("no folder to draw in can be made", wrong ? wrong.value() : errno,
                       "name a folder that takes files in TMPDIR");
  path_ = pattern;
}

DrawingFolder::~DrawingFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace resolute::core
