#include "cli/suite/live_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <thread>

#include "cli/command.h"
#include "core/clock.h"
#include "core/error.h"
#include "operations/liveness/run_signs.h"

namespace resolute::cli {

namespace {

constexpr std::chrono::seconds kPatience(15);  // a run looks once a second

}  // namespace

std::vector<operations::SuiteRun> live_runs(core::FileSystem& files, const experiments::StoreLayout& store,
                                            const experiments::Plan& plan) {
  auto runs = operations::read_corrected_status(files, store, plan).runs;
  std::erase_if(runs, [](const operations::SuiteRun& run) { return !run.live; });
  return runs;
}

std::vector<operations::SuiteRun> require_live_runs(core::FileSystem& files, const experiments::StoreLayout& store,
                                                    const experiments::Plan& plan) {
  auto runs = live_runs(files, store, plan);
  if (runs.empty())
    throw core::input_error(
        fmt::format("no run of suite '{}' is at work in store '{}'", plan.suite, store.root().string()), {},
        "there is nobody to ask; `resolute suite status` shows how far it is");
  return runs;
}

bool ask(core::FileSystem& files, const experiments::StoreLayout& store, const std::vector<operations::SuiteRun>& runs,
         const std::vector<orchestrator::Request>& requests) {
  for (const auto& run : runs)
    for (const auto& request : requests)
      orchestrator::write_request(files, store.suite_folder(run.name), run.epoch, request);
  const auto all_taken = [&](const operations::SuiteRun& run) {
    const auto names = files.list(store.suite_folder(run.name) / "requests");
    return std::ranges::none_of(names, [](const std::string& name) { return name.ends_with(".json"); });
  };
  const auto end = core::monotonic_clock().now() + kPatience;
  while (!std::ranges::all_of(runs, all_taken)) {
    if (core::monotonic_clock().now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return true;
}

int report_asked(bool taken, const std::string& what, bool json) {
  if (json)
    print_json({{"asked", what}, {"taken", taken}});
  else if (taken)
    std::cout << what << "\n";
  if (taken) return 0;
  if (!json)
    std::cout << fmt::format(
        "asked, but the run has not taken it within {} s: it is busy or stands still, and takes "
        "it when it goes on ({})\n",
        kPatience.count(), what);
  return 1;
}

}  // namespace resolute::cli
