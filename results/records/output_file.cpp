#include "results/records/output_file.h"

#include "core/error.h"
#include "core/hash/sha256.h"

namespace resolute::results {

core::Bytes read_output(core::FileSystem& files, const std::filesystem::path& path, const std::string& sha256,
                        std::uint64_t limit) {
  const char* again = "remove the job's result.json and run the suite again";
  if (!files.exists(path))
    throw core::corrupt_error(fmt::format("'{}' is missing", path.string()), "the job's result names it", again);
  core::Bytes bytes = files.read(path, limit);
  if (const std::string found = core::sha256_hex(bytes); found != sha256)
    throw core::corrupt_error(fmt::format("'{}' is not the file that the job's result names", path.string()),
                              fmt::format("its hash is {}, not {}", found, sha256), again);
  return bytes;
}

}  // namespace resolute::results
