#include "orchestrator/store/live.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "core/files/utf8.h"

namespace resolute::orchestrator {
namespace {

// A reader reckons with these times: one that no run has is taken for unknown.
double believed(double seconds) {
  return seconds >= 0 && seconds <= std::chrono::duration<double>(kLongestTime).count() ? seconds : -1;
}

constexpr std::array kGpuMembers = {
    std::pair("busy_percent", &LiveGpu::busy_percent), std::pair("clock_mhz", &LiveGpu::clock_mhz),
    std::pair("memory_mib", &LiveGpu::memory_mib), std::pair("memory_total_mib", &LiveGpu::memory_total_mib)};

fs::path live_file(const fs::path& suite_folder) { return suite_folder / "live.json"; }

LiveAttempt attempt_from(const core::Json& json, const std::string& where) {
  core::ObjectReader reader(json, where);
  LiveAttempt attempt;
  attempt.job.hex = reader.required<std::string>("job");
  attempt.attempt = reader.required<int>("attempt");
  attempt.hosts = reader.required<std::vector<std::string>>("hosts");
  attempt.ranks = reader.required<int>("ranks");
  attempt.seconds = believed(reader.required<double>("seconds"));
  attempt.step = reader.optional<std::int64_t>("step", -1);
  attempt.steps = reader.optional<std::int64_t>("steps", -1);
  if (json.contains("loss")) attempt.loss = reader.required<double>("loss");
  attempt.images_per_second = reader.optional<double>("images_per_second", -1);
  attempt.seconds_left = believed(reader.optional<double>("seconds_left", -1));
  if (json.contains("gpu")) {
    const auto gpu = reader.required<core::Json>("gpu");
    core::ObjectReader inner(gpu, where);
    attempt.gpu.emplace();
    for (const auto& [name, member] : kGpuMembers) *attempt.gpu.*member = inner.optional<double>(name, -1);
    inner.finish();
  }
  reader.finish();
  return attempt;
}

LiveRetry retry_from(const core::Json& json, const std::string& where) {
  core::ObjectReader reader(json, where);
  LiveRetry retry;
  retry.job.hex = reader.required<std::string>("job");
  retry.attempt = reader.required<int>("attempt");
  retry.cause = reader.required<std::string>("cause");
  retry.evidence = reader.required<std::string>("evidence");
  retry.seconds = believed(reader.required<double>("seconds"));
  reader.finish();
  return retry;
}

LiveAgent agent_from(const core::Json& json, const std::string& where) {
  core::ObjectReader reader(json, where);
  LiveAgent agent;
  agent.host = reader.required<std::string>("host");
  agent.slots = reader.required<int>("slots");
  agent.free = reader.required<int>("free");
  agent.gpus = reader.required<int>("gpus");
  agent.free_gpus = reader.required<int>("free_gpus");
  agent.state = reader.required<std::string>("state");
  agent.why = reader.optional<std::string>("why", "");
  reader.finish();
  return agent;
}

}  // namespace

core::Json to_json(const LiveGpu& gpu) {
  core::Json json = core::Json::object();
  for (const auto& [name, member] : kGpuMembers)
    if (gpu.*member >= 0) json[name] = gpu.*member;
  return json;
}

std::string gpu_text(const LiveGpu& gpu) {
  constexpr double kGib = 1024;  // MiB
  std::vector<std::string> parts;
  if (gpu.busy_percent >= 0) parts.push_back(fmt::format("{:.0f} %", gpu.busy_percent));
  if (gpu.memory_mib >= 0 && gpu.memory_total_mib >= 0)
    parts.push_back(fmt::format("{:.1f} of {:.1f} GiB", gpu.memory_mib / kGib, gpu.memory_total_mib / kGib));
  if (gpu.clock_mhz >= 0) parts.push_back(fmt::format("{:.0f} MHz", gpu.clock_mhz));
  return fmt::format("{}", fmt::join(parts, ", "));
}

core::Json to_json(const LiveAttempt& attempt) {
  core::Json json = {{"job", attempt.job.hex},
                     {"attempt", attempt.attempt},
                     {"hosts", attempt.hosts},
                     {"ranks", attempt.ranks},
                     {"seconds", attempt.seconds}};
  if (attempt.step >= 0) json["step"] = attempt.step;
  if (attempt.steps >= 0) json["steps"] = attempt.steps;
  if (attempt.loss) json["loss"] = *attempt.loss;
  if (attempt.images_per_second >= 0) json["images_per_second"] = attempt.images_per_second;
  if (attempt.seconds_left >= 0) json["seconds_left"] = attempt.seconds_left;
  if (attempt.gpu) json["gpu"] = to_json(*attempt.gpu);
  return json;
}

core::Json to_json(const LiveAgent& agent) {
  return {{"host", agent.host},
          {"slots", agent.slots},
          {"free", agent.free},
          {"gpus", agent.gpus},
          {"free_gpus", agent.free_gpus},
          {"state", agent.state},
          {"why", core::as_utf8(agent.why)}};
}

core::Json to_json(const LiveRetry& retry) {
  return {{"job", retry.job.hex},
          {"attempt", retry.attempt},
          {"cause", retry.cause},
          {"evidence", core::as_utf8(retry.evidence)},
          {"seconds", retry.seconds}};
}

void read_progress_line(const std::string& line, LiveAttempt& live) {
  const core::Json json = core::Json::parse(line, nullptr, false);
  if (!json.is_object()) return;
  auto number_in = [](const core::Json& object, const char* key, double otherwise) {
    auto found = object.find(key);
    return found != object.end() && found->is_number() ? found->get<double>() : otherwise;
  };
  auto number = [&](const char* key, double otherwise) { return number_in(json, key, otherwise); };
  live.step = static_cast<std::int64_t>(std::clamp(number("step", -1), -1.0, 1e15));
  live.steps = static_cast<std::int64_t>(std::clamp(number("steps", -1), -1.0, 1e15));
  const double loss = number("loss", NAN);
  live.loss = std::isfinite(loss) ? std::optional(loss) : std::nullopt;
  live.images_per_second = number("images_per_second", -1);
  live.gpu.reset();
  if (const auto gpu = json.find("gpu"); gpu != json.end() && gpu->is_object()) {
    live.gpu.emplace();
    for (const auto& [name, member] : kGpuMembers) *live.gpu.*member = number_in(*gpu, name, -1);
  }
}

void write_live(core::FileSystem& files, const fs::path& suite_folder, const LiveStatus& status) {
  core::Json json = {{"epoch", status.epoch},
                     {"at", status.at.time_since_epoch().count()},
                     {"agents", core::Json::array()},
                     {"running", core::Json::array()}};
  if (status.seconds_left >= 0) json["seconds_left"] = status.seconds_left;
  if (status.store) json["store"] = {{"why", core::as_utf8(status.store->why)}, {"seconds", status.store->seconds}};
  for (const LiveAgent& agent : status.agents) json["agents"].push_back(to_json(agent));
  for (const std::string& one : status.classes) json["classes"].push_back(core::as_utf8(one));
  for (const LiveAttempt& attempt : status.running) json["running"].push_back(to_json(attempt));
  for (const LiveRetry& retry : status.retried) json["retried"].push_back(to_json(retry));
  core::replace_unsynced(files, live_file(suite_folder), core::canonical_json(json) + "\n", core::Folders::kMustExist);
}

std::optional<LiveStatus> read_live(core::FileSystem& files, const fs::path& suite_folder) {
  const std::string where = live_file(suite_folder).string();
  try {
    const auto text = core::read_text_if_exists(files, where);
    if (!text) return std::nullopt;
    const core::Json json = core::parse_json(*text, where);
    core::ObjectReader reader(json, where);
    LiveStatus status;
    status.epoch = reader.required<std::int64_t>("epoch");
    status.at = Instant(Milliseconds(reader.required<std::int64_t>("at")));
    status.seconds_left = believed(reader.optional<double>("seconds_left", -1));
    for (const core::Json& agent : reader.required<core::Json>("agents"))
      status.agents.push_back(agent_from(agent, where));
    for (const core::Json& one : reader.required<core::Json>("running"))
      status.running.push_back(attempt_from(one, where));
    if (json.contains("classes"))
      for (auto& one : reader.required<std::vector<std::string>>("classes")) status.classes.insert(std::move(one));
    if (json.contains("retried"))
      for (const core::Json& one : reader.required<core::Json>("retried"))
        status.retried.push_back(retry_from(one, where));
    if (json.contains("store")) {
      const auto store = reader.required<core::Json>("store");
      core::ObjectReader inner(store, where);
      status.store = LiveStoreFailure{inner.required<std::string>("why"), believed(inner.required<double>("seconds"))};
      inner.finish();
    }
    reader.finish();
    if (status.at < Instant{} || status.at.time_since_epoch() > kLongestTime) return std::nullopt;
    return status;
  } catch (const core::RuntimeError&) {
    return std::nullopt;
  }
}

void keep_newest(std::vector<LiveRetry>& retried) {
  std::ranges::stable_sort(retried, {}, &LiveRetry::seconds);
  if (retried.size() > kMostRetried) retried.resize(kMostRetried);
}

LiveStatus together(const std::vector<LiveStatus>& runs) {
  LiveStatus all = runs.front();
  double speed = all.seconds_left > 0 ? 1 / all.seconds_left : 0;
  for (std::size_t i = 1; i < runs.size(); ++i) {
    const LiveStatus& run = runs[i];
    all.at = std::max(all.at, run.at);
    all.agents.insert(all.agents.end(), run.agents.begin(), run.agents.end());
    all.running.insert(all.running.end(), run.running.begin(), run.running.end());
    all.retried.insert(all.retried.end(), run.retried.begin(), run.retried.end());
    all.classes.insert(run.classes.begin(), run.classes.end());
    if (!all.store) all.store = run.store;
    if (run.seconds_left > 0) speed += 1 / run.seconds_left;
  }
  keep_newest(all.retried);
  if (runs.size() > 1) all.seconds_left = speed > 0 ? 1 / speed : -1;
  return all;
}

LiveStatus side_by_side(const std::vector<LiveStatus>& runs, int jobs_left) {
  LiveStatus all = together(runs);
  const bool known = std::ranges::all_of(runs, [](const LiveStatus& run) { return run.seconds_left >= 0; });
  all.seconds_left = -1;
  if (known && std::cmp_less_equal(jobs_left, all.running.size()))
    for (const LiveStatus& run : runs) all.seconds_left = std::max(all.seconds_left, run.seconds_left);
  return all;
}

void remove_live(core::FileSystem& files, const fs::path& suite_folder) { files.remove(live_file(suite_folder)); }

}  // namespace resolute::orchestrator
