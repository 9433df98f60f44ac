#include "experiments/store/suite_source.h"

#include <fmt/format.h>

#include <optional>
#include <system_error>

#include "core/error.h"
#include "core/hash/sha256.h"
#include "core/log.h"

namespace resolute::experiments {
namespace {

namespace fs = std::filesystem;

fs::path source_file(const StoreLayout& store, const std::string& suite) {
  return store.suite_folder(suite) / "source.json";
}

// A path as JSON can hold it: one that is no UTF-8 by the numbers of its bytes, so that no two become one.
std::string text_of(const fs::path& path) {
  std::error_code ignored;
  const std::string name = fs::weakly_canonical(path, ignored).string();
  if (core::is_utf8(name)) return name;
  std::string text;
  for (const char byte : name)
    text += byte > 0 ? std::string(1, byte) : fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
  return text;
}

bool lies_in(const fs::path& folder, const std::string& path) {
  const std::string inside = text_of(folder) + "/";
  return path.starts_with(inside);
}

std::optional<SuiteSource> read_source(core::FileSystem& files, const fs::path& file) {
  SuiteSource source;
  const bool known = read_suite_file(
      files, file, "it is not known which file this suite is made from", [&](core::ObjectReader& reader) {
        source = {reader.required<std::string>("path"), reader.required<std::string>("sha256")};
      });
  return known ? std::optional(source) : std::nullopt;
}

}  // namespace

bool read_suite_file(core::FileSystem& files, const fs::path& file, std::string_view unknown,
                     const std::function<void(core::ObjectReader&)>& read) {
  try {
    const auto text = core::read_text_if_exists(files, file);
    if (!text) return false;
    const core::Json json = core::parse_json(*text, file.string());
    core::ObjectReader reader(json, file.string());
    if (const int version = reader.required<int>("version"); version != kSuiteFileVersion)
      throw core::input_error(fmt::format("'{}' has version {}", file.string(), version));
    read(reader);
    reader.finish();
    return true;
  } catch (const core::RuntimeError& error) {
    if (error.is_storage()) throw;
    core::log_warning("{}: {}", unknown, error.what());
    return false;
  }
}

SuiteSource source_of(core::FileSystem& files, const fs::path& suite_file) {
  std::error_code ignored;
  SuiteSource source{{}, core::sha256_hex(core::read_named_text(files, suite_file))};
  if (fs::is_regular_file(suite_file, ignored)) source.path = text_of(suite_file);
  return source;
}

void require_own_suite(core::FileSystem& files, const StoreLayout& store, const std::string& suite,
                       const SuiteSource& given) {
  if (is_own_copy(store, suite, given)) return;
  const auto stored = read_source(files, source_file(store, suite));
  if (!stored || stored->sha256 == given.sha256 || (!given.path.empty() && stored->path == given.path)) return;
  throw core::input_error(
      fmt::format("suite '{}' of this store is another file's, {}", suite,
                  stored->path.empty() ? std::string("which was read from a pipe") : "'" + stored->path + "'"),
      "the two differ, and would write over each other's tables and stop each other's runs",
      "give one of them another name (its key 'suite'; `resolute suite rename` then takes what the store has along), "
      "or "
      "say --same-suite if it is that file, moved and changed");
}

bool is_own_copy(const StoreLayout& store, const std::string& suite, const SuiteSource& given) {
  return lies_in(store.suite_folder(suite), given.path);
}

bool is_noted(core::FileSystem& files, const StoreLayout& store, const std::string& suite, const SuiteSource& given) {
  const auto stored = read_source(files, source_file(store, suite));
  return stored && stored->sha256 == given.sha256;
}

void note_source(core::FileSystem& files, const StoreLayout& store, const std::string& suite,
                 const SuiteSource& given) {
  if (is_own_copy(store, suite, given)) return;
  const fs::path file = source_file(store, suite);
  const std::string text =
      core::canonical_json({{"path", given.path}, {"sha256", given.sha256}, {"version", kSuiteFileVersion}}) + "\n";
  if (core::read_text_if_exists(files, file) != text) core::write_atomic(files, file, text);
}

}  // namespace resolute::experiments
