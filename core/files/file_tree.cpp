#include "core/files/file_tree.h"

#include <set>

#include "core/error.h"
#include "core/files/json.h"
#include "core/hash/sha256.h"

namespace resolute::core {
namespace {

// Fewer than the links that a path may have: a folder within itself would end there without a word.
constexpr int kDeepest = 32;

// Names, relative to `folder`, of a file or of all files of a folder.
std::set<std::string> names_of(const fs::path& folder, const fs::path& name) {
  std::error_code error, no_file;
  if (!fs::is_directory(folder / name, no_file)) return {name.generic_string()};
  std::set<std::string> names;
  fs::recursive_directory_iterator at(folder / name, fs::directory_options::follow_directory_symlink, error);
  for (const fs::recursive_directory_iterator end; !error && at != end; at.increment(error)) {
    if (at.depth() == kDeepest)
      throw input_error(fmt::format("'{}' lies more than {} folders deep", at->path().string(), kDeepest),
                        "a link may lead back to its own folder", "name the files of the program alone");
    const std::string file_name = at->path().filename().string();
    if (file_name.starts_with('.') || file_name == "__pycache__") {
      at.disable_recursion_pending();
    } else if (at->is_regular_file(no_file)) {
      names.insert((name / at->path().lexically_relative(folder / name)).lexically_normal().generic_string());
      if (names.size() > kMostHashedFiles) break;
    }
  }
  if (error) throw system_error(fmt::format("cannot list '{}'", (folder / name).string()), error.value());
  if (names.empty()) throw input_error(fmt::format("'{}' holds no file", (folder / name).string()), {}, "leave it out");
  return names;
}

}  // namespace

std::string sha256_of_files(FileSystem& files, const fs::path& folder, const std::vector<std::string>& names) {
  std::set<std::string> all;
  for (const std::string& name : names) {
    fs::path relative = fs::path(name).lexically_normal();
    if (!relative.has_filename()) relative = relative.parent_path();  // "net/"
    if (relative.empty() || relative.is_absolute())
      throw input_error(fmt::format("'{}' is no relative path", name), {}, "name a file or a folder as 'own.py'");
    if (!files.exists(folder / relative))
      throw input_error(fmt::format("'{}' does not exist", (folder / relative).string()), {}, "correct the name");
    all.merge(names_of(folder, relative));
    if (all.size() > kMostHashedFiles)
      throw input_error(fmt::format("there are more than {} files", kMostHashedFiles),
                        fmt::format("with those of '{}'", name), "name the files of the program alone");
  }
  Sha256 hash;
  std::uint64_t left = kMostHashedBytes;
  for (const std::string& name : all) {
    const auto file = files.open_for_read(folder / name);
    if (file->size() > left)
      throw input_error(fmt::format("the files have more than {} MiB", kMostHashedBytes >> 20),
                        fmt::format("with '{}'", name), "name the files of the program alone");
    left -= file->size();
    hash.update(canonical_json(Json::array({name, sha256_of(*file)})) + "\n");
  }
  return hash.finish_hex();
}

}  // namespace resolute::core
