#include "cli/live_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <thread>

#include "core/clock.h"
#include "core/error.h"
#include "core/json.h"
#include "orchestrator/run.h"

namespace resolute::cli {

namespace {

constexpr std::chrono::seconds kPatience(15);  // a run looks once a second

}  // namespace

std::int64_t require_live_run(core::FileSystem& files, const experiments::StoreLayout& store,
                              const experiments::Plan& plan) {
  const auto status = orchestrator::read_status(files, store, plan);
  if (!status.live)
    throw core::input_error(
        fmt::format("no run of suite '{}' is at work in store '{}'", plan.suite, store.root().string()), {},
        "there is nobody to ask; `resolute suite status` shows how far it is");
  return status.run_epoch;
}

bool ask(core::FileSystem& files, const experiments::StoreLayout& store, const experiments::Plan& plan,
         std::int64_t run, const std::vector<orchestrator::Request>& requests) {
  const auto folder = store.suite_folder(plan.suite);
  for (const auto& request : requests) orchestrator::write_request(files, folder, run, request);
  const auto end = core::monotonic_clock().now() + kPatience;
  for (;;) {
    const auto names = files.list(folder / "requests");
    if (std::none_of(names.begin(), names.end(), [](const std::string& name) { return name.ends_with(".json"); }))
      return true;
    if (core::monotonic_clock().now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

int report_asked(bool taken, const std::string& what, bool json) {
  if (json)
    std::cout << core::Json{{"asked", what}, {"taken", taken}}.dump(1) << "\n";
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
