#include "cli/results/store_reader.h"

#include <algorithm>
#include <utility>

#include "cli/terminal.h"
#include "experiments/store/bundle.h"

namespace resolute::cli {

std::chrono::milliseconds pause_between_looks(std::chrono::nanoseconds look, std::chrono::milliseconds shortest) {
  const auto pause = pause_after(look, shortest);
  if (look > kLongestLook) return pause;
  // A look may miss the end of the silence by a moment: the rest of it, the pause and the next look come on top.
  const auto left = std::chrono::floor<std::chrono::milliseconds>(kShownWithin - report::kReportSilence - 2 * look);
  return std::min(pause, std::max(shortest, left));
}

StoreReader::StoreReader(core::FileSystem& files, experiments::StoreLayout store, experiments::Plan plan,
                         bool with_hosts)
    : files_(files), store_(std::move(store)), plan_(std::move(plan)), with_hosts_(with_hosts) {}

core::Json StoreReader::look() {
  // Anew: `suite compact` may have packed logs since.
  experiments::BundledFiles files(files_, store_);
  return report::suite_report({plan_, files, store_}, {.with_hosts = with_hosts_, .memory = &memory_});
}

}  // namespace resolute::cli
