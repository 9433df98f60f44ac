#pragma once
//! \file
//! Interpreters that script/test makes in the cache folder, and what workers in Python leave in a store.

#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "tests/system/program.h"

namespace resolute::system_test {

//! The folder of an interpreter `python` in the cache folder of scripts: "torch-python" has PyTorch, "torchreid-python"
//! torchreid too. \return nullopt where script/test has not made it. \throws where script/test says that it has
inline std::optional<std::string> python_folder(const std::string& name) {
  const auto variable = [](const char* of) -> std::optional<fs::path> {
    const char* text = std::getenv(of);
    if (text == nullptr || *text == '\0') return std::nullopt;
    return text;
  };
  fs::path cache = variable("HOME").value_or("/root") / ".cache/resolute";
  if (const auto shared = variable("XDG_CACHE_HOME")) cache = *shared / "resolute";
  cache = variable("RESOLUTE_CACHE").value_or(cache);
  if (fs::exists(cache / name / "complete")) return (cache / name).string();
  if (variable("RESOLUTE_NEEDS_TORCH_PYTHON")) throw std::runtime_error("no " + name + " in the cache folder");
  return std::nullopt;
}

//! For PYTHONPATH: the package `resolute` of the build.
inline std::string python_package() { return (kBin.parent_path() / "python").string(); }

//! Everything that a run leaves and that must not depend on how it went: results, weights, features and scores of
//! queries by their names below the store.
inline std::map<std::string, std::string> left_in(const fs::path& store) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(store / "jobs")) {
    const std::string name = entry.path().filename();
    if (name == "result.json" || name == "features.h5" || name == "queries.csv" || name.starts_with("weights-"))
      files[fs::relative(entry.path(), store)] = text_of(entry.path());
  }
  return files;
}

}  // namespace resolute::system_test
