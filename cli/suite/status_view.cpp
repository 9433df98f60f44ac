#include "cli/suite/status_view.h"

#include <fmt/chrono.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "cli/columns.h"
#include "cli/suite/allocation_text.h"
#include "core/quantity_text.h"
#include "results/verdicts/mixed_rows.h"
#include "results/verdicts/numeric_classes.h"
#include "slurm/sbatch_script.h"

namespace resolute::cli {

namespace {

using orchestrator::LiveAgent;
using orchestrator::LiveAttempt;
using orchestrator::LiveRetry;

enum class Colour { kNone, kBold, kGreen, kYellow, kRed };

struct Line {
  std::string text;
  Colour colour = Colour::kNone;
  bool whole = false;  //!< a path to copy: not cut where there are rows enough
};

//! A heading and what may be shortened below it.
struct Section {
  Line heading;
  std::vector<Line> lines;
};

constexpr int kBarCells = 24;
constexpr std::size_t kWidestCell = 48;
constexpr std::uint64_t kLittleRoom = std::uint64_t{1} << 30;
constexpr double kStaleSeconds = 15;  // a run writes every two

std::string coloured(const Line& line, const Screen& screen) {
  std::string text = without_controls(line.text);
  if (screen.columns > 0 && !(line.whole && screen.rows == 0))
    text = cut(text, static_cast<std::size_t>(screen.columns));
  if (!screen.colour || line.colour == Colour::kNone) return text;
  const char* code = line.colour == Colour::kBold     ? "1"
                     : line.colour == Colour::kGreen  ? "32"
                     : line.colour == Colour::kYellow ? "33"
                                                      : "31";
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

std::string number_text(double value, int digits) { return value < 0 ? "" : fmt::format("{:.{}f}", value, digits); }

std::string step_text(const LiveAttempt& attempt) {
  if (attempt.step < 0) return "";
  return attempt.steps < 0 ? fmt::to_string(attempt.step) : fmt::format("{}/{}", attempt.step, attempt.steps);
}

// "node1", "node1 +3".
std::string hosts_text(const std::vector<std::string>& hosts) {
  if (hosts.empty()) return "";
  return hosts.size() == 1 ? hosts.front() : fmt::format("{} +{}", hosts.front(), hosts.size() - 1);
}

// A table's first row becomes the heading.
Section section(const std::vector<Cells>& rows, const std::set<std::size_t>& right,
                const std::vector<Colour>& colours) {
  const auto lines = columns(rows, right, kWidestCell);
  Section made{{lines.front(), Colour::kBold}, {}};
  for (std::size_t i = 1; i < lines.size(); ++i) made.lines.push_back({lines[i], colours[i - 1]});
  return made;
}

// A run keeps the plan that it began with: the file may have lost a job since.
std::string label_of(const StatusView& view, const experiments::JobId& job) {
  const auto label = view.labels.find(job);
  return label == view.labels.end() ? "(not in the suite's file any more)" : label->second;
}

std::optional<Section> running_section(const StatusView& view) {
  if (!view.live || view.live->running.empty()) return std::nullopt;
  std::vector<Cells> rows = {{"RUNNING", "WHAT", "TRY", "RANKS", "HOST", "STEP", "LOSS", "IMAGES/S", "SINCE", "LEFT"}};
  const bool gpus =
      std::ranges::any_of(view.live->running, [](const auto& attempt) { return attempt.gpu.has_value(); });
  if (gpus) rows.front().push_back("GPU");
  for (const LiveAttempt& attempt : view.live->running) {
    rows.push_back({experiments::short_id(attempt.job), label_of(view, attempt.job), fmt::to_string(attempt.attempt),
                    fmt::to_string(attempt.ranks), hosts_text(attempt.hosts), step_text(attempt),
                    attempt.loss ? fmt::format("{:.4f}", *attempt.loss) : "", number_text(attempt.images_per_second, 0),
                    duration_text(attempt.seconds), duration_text(attempt.seconds_left)});
    if (gpus) rows.back().push_back(attempt.gpu ? orchestrator::gpu_text(*attempt.gpu) : "");
  }
  return section(rows, {2, 3, 5, 6, 7, 8, 9}, std::vector<Colour>(rows.size() - 1, Colour::kNone));
}

// Jobs that have failed and go on: why, before it is too late.
std::optional<Section> retried_section(const StatusView& view) {
  if (!view.live || view.live->retried.empty()) return std::nullopt;
  std::vector<Cells> rows = {{"AGAIN", "WHAT", "TRY", "CAUSE", "SINCE", "EVIDENCE"}};
  for (const LiveRetry& retry : view.live->retried) {
    rows.push_back({experiments::short_id(retry.job), label_of(view, retry.job), fmt::to_string(retry.attempt),
                    retry.cause, duration_text(retry.seconds), retry.evidence});
  }
  return section(rows, {2, 4}, std::vector<Colour>(rows.size() - 1, Colour::kYellow));
}

// Agents of one host on one line.
std::optional<Section> nodes_section(const StatusView& view) {
  if (!view.live || view.live->agents.empty()) return std::nullopt;
  std::map<std::string, LiveAgent> hosts;
  for (const LiveAgent& agent : view.live->agents) {
    LiveAgent& host = hosts[agent.host];
    host.slots += agent.slots;
    host.free += agent.free;
    host.gpus += agent.gpus;
    host.free_gpus += agent.free_gpus;
    if (host.state.empty()) host.state = agent.why.empty() ? agent.state : agent.state + ": " + agent.why;
  }
  const bool gpus = std::ranges::any_of(hosts, [](const auto& host) { return host.second.gpus > 0; });
  std::vector<Cells> rows = {gpus ? Cells{"NODE", "SLOTS BUSY", "GPUS BUSY", "STATE"}
                                  : Cells{"NODE", "SLOTS BUSY", "STATE"}};
  std::vector<Colour> colours;
  for (const auto& [name, host] : hosts) {
    Cells row = {name, fmt::format("{} of {}", host.slots - host.free, host.slots)};
    if (gpus) row.push_back(fmt::format("{} of {}", host.gpus - host.free_gpus, host.gpus));
    row.push_back(host.state);
    rows.push_back(std::move(row));
    colours.push_back(host.state.empty() ? Colour::kNone : Colour::kYellow);
  }
  Section made = section(rows, {}, colours);
  if (const auto& classes = view.live->classes; classes.size() > 1)
    made.lines.push_back({results::classes_text({classes.begin(), classes.end()}) +
                              "; a row whose trials ran in several gets a footnote",
                          Colour::kYellow});
  return made;
}

std::optional<Section> failures_section(const StatusView& view) {
  if (view.status.failures.empty()) return std::nullopt;
  std::vector<Cells> rows = {{"FAILED", "WHAT", "CAUSE", "EVIDENCE"}};
  std::vector<Colour> colours;
  std::vector<experiments::JobId> jobs;  // of the rows
  // Jobs that failed by themselves come before those that fell with them.
  for (const bool fell : {false, true})
    for (const auto& failure : view.status.failures)
      if ((failure.cause == orchestrator::kNeedsFailed) == fell) {
        rows.push_back({experiments::short_id(failure.job), failure.label, failure.cause, failure.evidence});
        colours.push_back(fell ? Colour::kYellow : Colour::kRed);
        jobs.push_back(failure.job);
      }
  Section made = section(rows, {}, colours);
  std::vector<Line> lines;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    lines.push_back(made.lines[i]);
    const auto log = view.logs.find(jobs[i]);
    if (log == view.logs.end()) continue;
    lines.push_back({"  log: " + log->second.path, Colour::kNone, true});
    for (const std::string& line : log->second.end) lines.push_back({"    " + line, Colour::kNone});
  }
  made.lines = std::move(lines);
  if (!view.logs.empty()) {
    const auto first = std::ranges::find_if(jobs, [&](const auto& job) { return view.logs.contains(job); });
    made.lines.push_back({"→ " + where_a_job_tells(*first, view.store), Colour::kYellow, true});
  }
  return made;
}

std::optional<Section> allocations_section(const StatusView& view) {
  if (view.allocations.empty() && !view.untold) return std::nullopt;
  Section made{{view.allocations.empty() ? "NOTICES" : "ALLOCATIONS", Colour::kBold}, {}};
  const auto lines = allocation_lines(view.allocations, view.slurm, std::chrono::floor<std::chrono::seconds>(view.now));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const bool well = i < view.allocations.size() && view.allocations[i].advice.empty();
    made.lines.push_back({lines[i], well ? Colour::kNone : Colour::kYellow});
  }
  if (view.untold) made.lines.push_back({"notice of the end: " + *view.untold, Colour::kYellow});
  return made;
}

int total_of(const orchestrator::Counts& jobs) {
  return jobs.waiting + jobs.ready + jobs.running + jobs.succeeded + jobs.failed + jobs.cancelled;
}

double age_seconds(const StatusView& view) {
  return std::max(0.0, std::chrono::duration<double>(view.now - view.live->at).count());
}

std::string end_text(const StatusView& view) {
  if (view.live->seconds_left < 0) return "";
  const auto left = std::chrono::milliseconds(std::llround(1000 * view.live->seconds_left));
  const std::time_t end = std::chrono::system_clock::to_time_t(view.live->at + left);
  const bool soon = view.live->seconds_left < 20 * 3600;
  const std::tm local = fmt::localtime(end);
  return fmt::format("; done in about {}, {}", duration_text(view.live->seconds_left),
                     soon ? fmt::format("at {:%H:%M}", local) : fmt::format("on {:%a %d %b %H:%M}", local));
}

Line run_line(const StatusView& view) {
  if (!view.status.live) {
    if (is_complete(view)) return {"every result is there", Colour::kGreen};
    if (is_alive(view)) return {"no run is at work; an allocation is to come", Colour::kNone};
    return {"no run is at work", Colour::kYellow};
  }
  if (!view.live) return {"a run is at work", Colour::kNone};
  const double age = age_seconds(view);
  if (age > kStaleSeconds)
    return {
        fmt::format("a run is at work (epoch {}), but has said nothing for {}", view.live->epoch, duration_text(age)),
        Colour::kYellow};
  if (const auto& store = view.live->store)
    return {fmt::format("a run is at work (epoch {}), but has started nothing for {}: the store fails ({})",
                        view.live->epoch, duration_text(store->seconds), store->why),
            Colour::kYellow};
  return {fmt::format("a run is at work (epoch {}){}", view.live->epoch, end_text(view)), Colour::kNone};
}

std::vector<Line> head(const StatusView& view) {
  const auto& jobs = view.status.jobs;
  const int total = total_of(jobs);
  const int done = total == 0 ? kBarCells : jobs.succeeded * kBarCells / total;
  std::string bar;
  for (int cell = 0; cell < kBarCells; ++cell) bar += cell < done ? "█" : "░";
  std::vector<Line> lines = {
      {fmt::format("{}: {} of {} jobs succeeded; {} running, {} ready, {} waiting, {} failed, {} cancelled", view.suite,
                   jobs.succeeded, total, jobs.running, jobs.ready, jobs.waiting, jobs.failed, jobs.cancelled),
       Colour::kBold},
      {fmt::format("{} {}%", bar, total == 0 ? 100 : 100 * jobs.succeeded / total),
       jobs.failed > 0 ? Colour::kRed : Colour::kGreen},
      run_line(view)};
  if (view.room && *view.room < kLittleRoom)
    lines.push_back(
        {fmt::format("the store's disk is full, or nearly: {} left", core::byte_text(static_cast<double>(*view.room))),
         Colour::kRed});
  if (view.mixed_rows > 0) lines.push_back({results::mixed_rows_hint(view.mixed_rows), Colour::kYellow});
  if (view.suite_changed) lines.push_back({std::string(operations::kSuiteHasChanged), Colour::kYellow});
  return lines;
}

// Takes lines from the longest sections until all fit; each that was shortened ends with how many it left out.
void shorten(std::vector<Section>& sections, int rows) {
  std::vector<std::size_t> shown;
  int used = 0;
  for (const Section& one : sections) {
    shown.push_back(one.lines.size());
    used += 2 + static_cast<int>(one.lines.size());
  }
  for (; used > rows; --used) {
    const auto longest = std::ranges::max_element(shown);
    if (longest == shown.end() || *longest <= 1) break;
    --*longest;
  }
  for (std::size_t i = 0; i < sections.size(); ++i) {
    auto& lines = sections[i].lines;
    if (shown[i] == lines.size()) continue;
    const std::size_t left_out = lines.size() - shown[i] + 1;
    lines.resize(shown[i] - 1);
    lines.push_back({fmt::format("… and {} more", left_out), Colour::kNone});
  }
}

}  // namespace

bool is_complete(const StatusView& view) {
  return !view.waits && view.status.jobs.succeeded == total_of(view.status.jobs);
}

bool is_alive(const StatusView& view) {
  return view.status.live || std::ranges::any_of(view.allocations, [](const operations::AllocationView& one) {
           return operations::may_live(one.state);
         });
}

std::string where_a_job_tells(const experiments::JobId& job, const std::string& store) {
  const std::string about = experiments::short_id(job) + " --store " + slurm::shell_quoted(store);
  return fmt::format("`resolute logs {}` prints its log, `resolute explain {}` tells its story", about, about);
}

std::string duration_text(double seconds) {
  if (seconds < 0) return "";
  const auto whole = std::llround(seconds);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  if (whole < 86400) return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
  return fmt::format("{} d {:02} h", whole / 86400, whole % 86400 / 3600);
}

std::vector<std::string> status_lines(const StatusView& view, const Screen& screen) {
  std::vector<Line> all = head(view);
  std::vector<Section> sections;
  for (auto&& made : {running_section(view), retried_section(view), nodes_section(view), allocations_section(view),
                      failures_section(view)})
    if (made) sections.push_back(*made);
  if (screen.rows > 0) shorten(sections, screen.rows - static_cast<int>(all.size()));
  for (const Section& one : sections) {
    all.push_back({});
    all.push_back(one.heading);
    all.insert(all.end(), one.lines.begin(), one.lines.end());
  }
  if (screen.rows > 0 && all.size() > static_cast<std::size_t>(screen.rows))
    all.resize(static_cast<std::size_t>(screen.rows));
  std::vector<std::string> lines;
  for (const Line& line : all) lines.push_back(coloured(line, screen));
  return lines;
}

core::Json status_json(const StatusView& view) {
  const auto& jobs = view.status.jobs;
  core::Json failures = core::Json::array();
  for (const auto& failure : view.status.failures) {
    const auto log = view.logs.find(failure.job);
    failures.push_back({{"job", failure.job.hex},
                        {"label", failure.label},
                        {"cause", failure.cause},
                        {"evidence", failure.evidence},
                        {"log", log == view.logs.end() ? core::Json() : core::Json(log->second.path)},
                        {"log_end", log == view.logs.end() ? core::Json::array() : core::Json(log->second.end)}});
  }
  core::Json json = {{"suite", view.suite},
                     {"suite_changed", view.suite_changed},
                     {"mixed_rows", view.mixed_rows},
                     {"jobs",
                      {{"waiting", jobs.waiting},
                       {"ready", jobs.ready},
                       {"running", jobs.running},
                       {"succeeded", jobs.succeeded},
                       {"failed", jobs.failed},
                       {"cancelled", jobs.cancelled}}},
                     {"live", view.status.live},
                     {"failures", failures},
                     {"allocations", allocations_json(view.allocations)},
                     {"slurm", view.slurm.trouble ? core::Json(*view.slurm.trouble) : core::Json()},
                     {"untold", view.untold ? core::Json(*view.untold) : core::Json()}};
  if (!view.live) return json;
  json["epoch"] = view.live->epoch;
  json["age_seconds"] = age_seconds(view);
  json["seconds_left"] = view.live->seconds_left < 0 ? core::Json() : core::Json(view.live->seconds_left);
  json["store"] = view.live->store ? core::Json{{"why", view.live->store->why}, {"seconds", view.live->store->seconds}}
                                   : core::Json();
  json["running"] = core::Json::array();
  for (const LiveAttempt& attempt : view.live->running) {
    const auto label = view.labels.find(attempt.job);
    core::Json& one = json["running"].emplace_back(to_json(attempt));
    one["label"] = label == view.labels.end() ? "" : label->second;
    for (const char* key : {"step", "steps", "loss", "images_per_second", "seconds_left", "gpu"})
      one.emplace(key, nullptr);
  }
  json["retried"] = core::Json::array();
  for (const LiveRetry& retry : view.live->retried) json["retried"].push_back(to_json(retry));
  json["agents"] = core::Json::array();
  for (const LiveAgent& agent : view.live->agents) json["agents"].push_back(to_json(agent));
  return json;
}

std::string essence(const StatusView& view) {
  const auto& jobs = view.status.jobs;
  std::string text = fmt::format("{} {} {} {} {} {} {}", jobs.waiting, jobs.ready, jobs.running, jobs.succeeded,
                                 jobs.failed, jobs.cancelled, view.status.live);
  for (const auto& failure : view.status.failures) text += "\n" + failure.job.hex + failure.cause;
  for (const operations::AllocationView& one : view.allocations)
    text += fmt::format("\n{} {} {} {} {} {}", one.batch, one.job, name_of(one.state), one.slurm_state, one.node_list,
                        one.starts);
  if (view.slurm.trouble) text += "\nSLURM is silent";
  if (!view.live) return text;
  if (view.live->store) text += "\nthe store fails";
  for (const LiveAttempt& attempt : view.live->running)
    text += fmt::format("\n{} {}", attempt.job.hex, attempt.attempt);
  for (const LiveRetry& retry : view.live->retried) text += fmt::format("\n{} {}", retry.job.hex, retry.cause);
  for (const LiveAgent& agent : view.live->agents)
    text += fmt::format("\n{} {} {} {}", agent.host, agent.slots, agent.gpus, agent.state);
  return text;
}

}  // namespace resolute::cli
