#include "results/records/output_file.h"

#include "core/error.h"
#include "core/hash/sha256.h"

namespace resolute::results {

namespace {

constexpr const char* kAgain = "remove the job's result.json and run the suite again";

void check_there(core::FileSystem& files, const std::filesystem::path& path) {
  if (files.exists(path)) return;
  throw core::corrupt_error(fmt::format("'{}' is missing", path.string()), "the job's result names it", kAgain);
}

void check_hash(const std::filesystem::path& path, const std::string& found, const std::string& sha256) {
  if (found == sha256) return;
  throw core::corrupt_error(fmt::format("'{}' is not the file that the job's result names", path.string()),
                            fmt::format("its hash is {}, not {}", found, sha256), kAgain);
}

}  // namespace

core::Bytes bytes_of(std::string_view text) {
  const auto bytes = core::as_byte_span(text);
  return {bytes.begin(), bytes.end()};
}

std::map<std::string, std::string> write_outputs(core::FileSystem& files, const std::filesystem::path& folder,
                                                 const OutputFiles& outputs) {
  std::map<std::string, std::string> hashes;
  for (const auto& [name, bytes] : outputs) {
    core::write_atomic(files, folder / name, bytes);
    hashes[name] = core::sha256_hex(bytes);
  }
  return hashes;
}

core::Bytes read_output(core::FileSystem& files, const std::filesystem::path& path, const std::string& sha256,
                        std::uint64_t limit) {
  check_there(files, path);
  core::Bytes bytes = files.read(path, limit);
  check_hash(path, core::sha256_hex(bytes), sha256);
  return bytes;
}

void check_output(core::FileSystem& files, const std::filesystem::path& path, const std::string& sha256) {
  check_there(files, path);
  check_hash(path, core::sha256_of(*files.open_for_read(path)), sha256);
}

}  // namespace resolute::results
