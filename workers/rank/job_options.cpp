#include "workers/rank/job_options.h"

#include <fmt/format.h>

#include <utility>
#include <variant>

#include "core/error.h"
#include "core/hash/sha256.h"
#include "experiments/store/job_folder.h"

namespace resolute::workers {

void check(const JobOptions& options) {
  if (!core::is_sha256_hex(options.job))
    throw core::input_error(fmt::format("'{}' is no job id", options.job),
                            "an id has 64 lower-case hexadecimal digits");
  if (options.process_ranks < 1 || options.process_rank < 0 || options.process_rank >= options.process_ranks)
    throw core::input_error(fmt::format("process rank {} of {}", options.process_rank, options.process_ranks),
                            "ranks count from 0 to one less than their number");
  if (!options.go_on_from.empty() && !core::is_sha256_hex(options.go_on_from))
    throw core::input_error(fmt::format("--go-on-from '{}' is no job id", options.go_on_from),
                            "an id has 64 lower-case hexadecimal digits");
  if (options.attempt < 1) throw core::input_error(fmt::format("attempt {}", options.attempt), "attempts count from 1");
}

void check_process_ranks(const JobOptions& options, const experiments::JobSpecification& specification) {
  if (options.process_ranks == 1 || std::holds_alternative<experiments::TrainingSpecification>(specification)) return;
  throw core::input_error(fmt::format("{} process ranks for a job of kind {}", options.process_ranks,
                                      experiments::kind_name(specification)),
                          "only a training has more than one", "give --process-ranks 1");
}

experiments::JobSpecification read_specification(core::FileSystem& files, const experiments::StoreLayout& store,
                                                 const experiments::JobId& job) {
  auto specification = experiments::read_stored_specification(files, store, job);
  if (!specification)
    throw core::input_error(fmt::format("job '{}' has no spec.json", job.hex),
                            fmt::format("it is looked for at '{}'", store.specification_file(job).string()),
                            "check --store and --job");
  return std::move(*specification);
}

}  // namespace resolute::workers
