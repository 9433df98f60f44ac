#pragma once
//! \file
//! What the path of an image may be, told apart from the code that decides it.

#include <filesystem>
#include <string>

#include "tests/fuzz/targets.h"

namespace resolute::tests {

//! \throws std::logic_error for a path that leads, or could lead, out of the folder that it is looked up in
inline void require_plain_path(const std::string& path) {
  const std::filesystem::path joined = (std::filesystem::path("/set") / path).lexically_normal();
  require(!path.empty() && joined == std::filesystem::path("/set/" + path),
          "a path leads out of its data set, or has two names");
  require(path.find('\\') == std::string::npos, "a path has other separators");
  for (const char character : path)
    require(static_cast<unsigned char>(character) >= 32, "a path has control characters");
}

}  // namespace resolute::tests
