#include "experiments/store/stored_specification.h"

#include "core/error.h"
#include "core/files/json.h"
#include "core/hash/sha256.h"

namespace resolute::experiments {

std::optional<JobSpecification> read_stored_specification(core::FileSystem& files, const StoreLayout& store,
                                                          const JobId& job) {
  const std::string path = store.specification_file(job).string();
  const auto text = core::read_text_if_exists(files, path);
  if (!text) return std::nullopt;
  const core::Json json = core::parse_json(*text, path);
  // The hash is taken of what stands there, before defaults or a newer reader could change its meaning.
  if (const std::string found = core::sha256_hex(core::canonical_json(json)); found != job.hex)
    throw core::corrupt_error(fmt::format("'{}' is not the specification of job '{}'", path, job.hex),
                              fmt::format("its hash is {}", found));
  return specification_from_json(json, path);
}

}  // namespace resolute::experiments
