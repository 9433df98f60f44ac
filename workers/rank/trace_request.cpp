#include "workers/rank/trace_request.h"

#include <fmt/format.h>

#include "core/error.h"
#include "core/numbers.h"

namespace resolute::workers {

void read_steps(std::string_view text, TraceRequest& request) {
  const auto dots = text.find("..");
  const auto first = core::number_of<std::uint64_t>(text.substr(0, dots));
  const auto last = dots == std::string_view::npos ? first : core::number_of<std::uint64_t>(text.substr(dots + 2));
  if (!first || !last || *first == 0 || *last < *first)
    throw core::input_error(fmt::format("--steps '{}' names no steps", text), "steps count from 1",
                            "write FIRST..LAST, as in --steps 20..24");
  if (*last - *first >= TraceRequest::kMostSteps)
    throw core::input_error(fmt::format("--steps '{}' names more than {} steps", text, TraceRequest::kMostSteps),
                            "a trace of them is too large to look at", "give fewer");
  request.first_step = *first;
  request.last_step = *last;
}

std::filesystem::path trace_file(const std::filesystem::path& file, int process_rank) {
  if (process_rank == 0) return file;
  std::filesystem::path other = file;
  return other.replace_extension(fmt::format("rank{}{}", process_rank, file.extension().string()));
}

}  // namespace resolute::workers
