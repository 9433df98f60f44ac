#pragma once
//! \file
//! What a MetricsLog has written, for tests.

#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "core/files/json.h"

namespace resolute::workers {

//! The lines of a closed log, in their order.
inline std::vector<core::Json> metrics_lines(const std::filesystem::path& path) {
  std::istringstream text(core::read_text(core::real_file_system(), path));
  std::vector<core::Json> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(core::parse_json(line, path.string()));
  return lines;
}

}  // namespace resolute::workers
