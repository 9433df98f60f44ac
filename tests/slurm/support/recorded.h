#pragma once
//! \file
//! The output of a real SLURM's commands.

#include <filesystem>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "tests/support/folders.h"

namespace resolute::tests {

inline const std::filesystem::path kRecorded = source_folder() / "tests/slurm/recorded";

//! \param file COMMAND-SCENE \return what SLURM 22.05 printed
inline std::string recorded(const std::string& file) {
  return core::read_text(core::real_file_system(), kRecorded / "22.05" / (file + ".txt"));
}
inline std::vector<std::string> recorded(const std::string& command, const std::vector<std::string>& scenes) {
  std::vector<std::string> texts;
  for (const std::string& scene : scenes) texts.push_back(recorded(command + "-" + scene));
  return texts;
}

}  // namespace resolute::tests
