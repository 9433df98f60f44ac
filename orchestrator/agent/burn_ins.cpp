#include "orchestrator/agent/burn_ins.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "core/clock.h"
#include "core/files/json.h"
#include "core/process/last_words.h"
#include "core/process/side_by_side.h"
#include "orchestrator/agent/spawner.h"

namespace resolute::orchestrator {
namespace {

void read_answer(const core::CommandOutput& output, BurnIn& result) {
  if (!output.succeeded()) {
    result.problem = output.timed_out ? "no answer in time" : core::last_words(output.err);
    if (result.problem.empty()) result.problem = core::describe(output.status);
    return;
  }
  const core::Json json = core::Json::parse(output.out, nullptr, false);
  const auto number = [&](const char* key) {
    return json[key].is_number_unsigned() ? json[key].get<std::int64_t>() : std::int64_t{0};
  };
  if (json.is_object() && json.contains("digest") && json["digest"].is_string() && json.contains("images_a_minute") &&
      json.contains("free_mib")) {
    result.digest = json["digest"].get<std::string>();
    result.images_a_minute = number("images_a_minute");
    result.free_mib = number("free_mib");
  }
  if (result.digest.empty()) result.problem = "the worker knows no burn-in";
}

BurnIn burn_in(core::SpawnRequest request, const std::string& gpu, std::chrono::seconds time,
               std::chrono::seconds limit) {
  BurnIn result;
  result.gpu = gpu;
  request.arguments.insert(request.arguments.end(),
                           {"burn-in", gpu.empty() ? "cpu" : "cuda", std::to_string(time.count())});
  if (!gpu.empty()) request.environment["CUDA_VISIBLE_DEVICES"] = gpu;
  const auto begun = core::monotonic_clock().now();
  try {
    read_answer(core::run_command(request, limit), result);
  } catch (const core::RuntimeError& error) {
    result.problem = error.what();
  }
  result.took = std::chrono::duration_cast<Milliseconds>(core::monotonic_clock().now() - begun);
  return result;
}

// An agent's slots are given out together, so one processor that computes wrongly speaks against all.
BurnIn together(const std::vector<BurnIn>& processors, const std::vector<int>& cores) {
  BurnIn all = processors.front();
  for (std::size_t i = 1; i < processors.size(); ++i) {
    const BurnIn& one = processors[i];
    all.images_a_minute = std::min(all.images_a_minute, one.images_a_minute);
    all.took = std::max(all.took, one.took);
    if (all.problem.empty() && !one.problem.empty()) all.problem = one.problem;
    if (all.problem.empty() && one.digest != all.digest)
      all.problem = fmt::format("processors {} and {} computed other bits", cores[0], cores[i]);
  }
  if (!all.problem.empty()) all.digest.clear();
  return all;
}

}  // namespace

std::vector<BurnIn> burn_in(const std::vector<std::string>& worker, const Inventory& inventory, int slots,
                            std::chrono::seconds time, std::chrono::seconds limit) {
  core::SpawnRequest request;
  request.arguments = worker;
  request.environment = rank_environment(core::current_environment());
  const bool on_gpus = !inventory.gpus.empty();
  std::vector<BurnIn> done(on_gpus ? inventory.gpus.size()
                                   : std::min(inventory.cores.size(), static_cast<std::size_t>(slots)));
  if (done.empty()) return done;
  core::side_by_side(done.size(), done.size(), [&](std::size_t i) {
    core::SpawnRequest one = request;
    if (!on_gpus) one.processors = {inventory.cores[i]};
    done[i] = burn_in(std::move(one), on_gpus ? inventory.gpus[i] : "", time, limit);
  });
  if (on_gpus) return done;
  return {together(done, inventory.cores)};
}

Inventory slowest_last(const Inventory& inventory, const std::vector<BurnIn>& burn_ins) {
  std::map<std::string, std::int64_t> speeds;
  for (const BurnIn& done : burn_ins) speeds[done.gpu] = done.images_a_minute;
  std::vector<std::size_t> order(inventory.gpus.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t one, std::size_t other) {
    return speeds[inventory.gpus[one]] > speeds[inventory.gpus[other]];
  });
  Inventory sorted = inventory;
  for (std::size_t i = 0; i < order.size(); ++i) {
    sorted.gpus[i] = inventory.gpus[order[i]];
    if (inventory.near.size() == order.size()) sorted.near[i] = inventory.near[order[i]];
    if (inventory.models.size() == order.size()) sorted.models[i] = inventory.models[order[i]];
  }
  return sorted;
}

}  // namespace resolute::orchestrator
