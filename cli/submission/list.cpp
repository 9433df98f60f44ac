// `resolute suite list`: every suite of a store.

#include <fmt/format.h>

#include <iostream>
#include <map>
#include <set>

#include "cli/columns.h"
#include "cli/command.h"
#include "cli/subcommands.h"
#include "cli/suite/arguments.h"
#include "core/error.h"
#include "core/log.h"
#include "core/process/side_by_side.h"
#include "core/quantity_text.h"
#include "experiments/store/job_folder.h"
#include "operations/liveness/suite_list.h"
#include "operations/look/explain.h"
#include "orchestrator/store/wall_clock.h"

namespace resolute::cli {

namespace {

constexpr CommandHelp kSuiteListHelp{
    "resolute suite list --store STORE [--no-disk] [--json]",
    R"(Every suite of a store, without its file: state, jobs done of all, node- and GPU-hours, disk, and how its last run
ended. Below a suite that was run with several plans (other --set, --profile or --datasets are other jobs) stands a line
for each.

States: running, waits (SLURM has a job of it), held, complete, incomplete (jobs failed), cancelled, given-up,
interrupted, not-begun, unknown (SLURM does not answer; it is asked once). Jobs are those that the suite's runs were
to make; a job is cancelled where one that it needs has failed, or where the user gave it up.

Node-hours are what SLURM was asked for: each start of a batch script, from its begin to its end, times its nodes;
GPU-hours the same times the GPUs of each node. Of runs outside of SLURM they are the hosts of their agents, and the
GPUs that attempts held. A start without an end counts to the last word of a run in it. What lies in the journals that
a snapshot replaced is not known.

Disk is that of packs and of jobs' folders; what other suites of the store use too is said. --no-disk leaves it out:
it looks at every file.)",
    "  resolute suite list --store /shared/store\n"
    "  resolute suite list --store /shared/store --no-disk --json\n"};

namespace fs = std::filesystem;

std::uintmax_t bytes_below(const fs::path& folder) {
  std::uintmax_t bytes = 0;
  std::error_code ignored;
  for (fs::recursive_directory_iterator at(folder, fs::directory_options::skip_permission_denied, ignored), end;
       !ignored && at != end; at.increment(ignored)) {
    std::error_code gone;
    if (!at->is_regular_file(gone) || gone) continue;
    if (const auto size = at->file_size(gone); !gone) bytes += size;
  }
  return bytes;
}

struct Disk {
  std::uintmax_t bytes = 0;
  std::uintmax_t shared = 0;  // of them, in folders that other suites use too
};

std::string jobs_text(int all, int done, int failed, int cancelled) {
  std::string jobs = all > 0 ? fmt::format("{} of {}", done, all) : "–";
  if (failed > 0) jobs += fmt::format(", {} failed", failed);
  if (cancelled > 0) jobs += fmt::format(", {} cancelled", cancelled);
  return jobs;
}

// A line for each plan of a suite that was run with several, or with options. The suite's own line has all their jobs.
std::vector<std::string> plan_lines(const operations::ListedSuite& suite) {
  const bool plain =
      suite.plans.empty() || (suite.plans.size() == 1 && suite.plans.front().arguments.value_or(Arguments()).empty());
  std::vector<std::string> lines;
  for (const auto& plan : suite.plans) {
    if (plain) break;
    const std::string options = plan.arguments ? options_text(*plan.arguments) : plan.file;
    const bool is_last = &plan == &suite.plans.back() && plan.arguments;
    const char* which = is_last ? " (last run)" : plan.of_earlier_text ? " (earlier text of the file)" : "";
    lines.push_back(fmt::format("  {}{}: {}{}", options, which, jobs_text(plan.all, plan.done, plan.failed, 0),
                                plan.done == plan.all ? ", complete" : ""));
  }
  return lines;
}

// Each folder is looked at once, however many suites share it.
std::map<std::string, Disk> disk_of(core::FileSystem& files, const experiments::StoreLayout& store,
                                    const std::vector<operations::ListedSuite>& suites) {
  std::map<fs::path, std::set<std::string>> users;
  for (const auto& suite : suites) {
    for (const auto& job : suite.jobs) users[store.job_folder(job)].insert(suite.name);
    for (const auto& seal : suite.seals) {
      try {
        const auto specification = experiments::read_stored_specification(files, store, seal);
        if (!specification) continue;
        if (const auto* pack = std::get_if<experiments::SealSpecification>(&*specification))
          users[store.pack_folder(pack->pack)].insert(suite.name);
      } catch (const core::RuntimeError& error) {
        core::log_warning("a pack of suite {} is not counted: {}", suite.name, error.what());
      }
    }
  }
  std::vector<fs::path> folders;
  for (const auto& [folder, names] : users) folders.push_back(folder);
  std::vector<std::uintmax_t> bytes(folders.size());
  core::side_by_side(folders.size(), [&](std::size_t i) { bytes[i] = bytes_below(folders[i]); });
  std::map<std::string, Disk> disk;
  for (std::size_t i = 0; i < folders.size(); ++i) {
    const std::set<std::string>& names = users.at(folders[i]);
    for (const std::string& name : names) {
      disk[name].bytes += bytes[i];
      if (names.size() > 1) disk[name].shared += bytes[i];
    }
  }
  return disk;
}

double hours(double seconds) { return seconds / 3600; }

core::Json list_json(const operations::ListedSuite& suite, const Disk* disk) {
  core::Json json{{"suite", suite.name},
                  {"state", settings::word(suite.state)},
                  {"jobs",
                   {{"all", suite.all},
                    {"done", suite.done},
                    {"running", suite.running},
                    {"failed", suite.failed},
                    {"cancelled", suite.cancelled}}},
                  {"node_hours", hours(suite.usage.node_seconds)},
                  {"gpu_hours", hours(suite.usage.gpu_seconds)},
                  {"gpu_hours_useful", hours(suite.usage.useful_gpu_seconds)},
                  {"gpu_hours_idle", hours(operations::idle_gpu_seconds(suite.usage))},
                  {"gpu_hours_aside", hours(suite.usage.aside_gpu_seconds)},
                  {"gpu_hours_lost", core::Json::object()},
                  {"starts", suite.usage.starts},
                  {"starts_without_end", suite.usage.silent},
                  {"runs_outside_slurm", suite.usage.runs},
                  {"plans", core::Json::array()},
                  {"disk", nullptr},
                  {"last_end", nullptr},
                  {"damage", suite.damage ? core::Json(*suite.damage) : core::Json()}};
  for (const auto& plan : suite.plans)
    json["plans"].push_back({{"plan", plan.file},
                             {"options", plan.arguments ? core::Json(*plan.arguments) : core::Json()},
                             {"earlier_text", plan.of_earlier_text},
                             {"jobs", {{"all", plan.all}, {"done", plan.done}, {"failed", plan.failed}}}});
  for (const auto& [cause, seconds] : suite.usage.lost_gpu_seconds) json["gpu_hours_lost"][cause] = hours(seconds);
  if (disk != nullptr) json["disk"] = {{"bytes", disk->bytes}, {"shared_bytes", disk->shared}};
  if (suite.last_end) json["last_end"] = {{"time", operations::time_text(*suite.last_end)}, {"how", suite.last_words}};
  return json;
}

Cells cells_of(const operations::ListedSuite& suite, const Disk* disk) {
  const std::string jobs = jobs_text(suite.all, suite.done, suite.failed, suite.cancelled);
  std::string last = suite.last_end ? operations::time_text(*suite.last_end).substr(0, 16) + "Z" : "–";
  if (!suite.last_words.empty()) last += " " + suite.last_words;
  if (suite.damage) last += fmt::format("; {}", *suite.damage);
  const std::string use = operations::gpu_use_text(suite.usage);
  std::string size = "–";
  if (disk != nullptr) {
    size = core::byte_text(static_cast<double>(disk->bytes));
    if (disk->shared > 0) size += fmt::format(", {} shared", core::byte_text(static_cast<double>(disk->shared)));
  }
  return {suite.name,
          std::string(settings::word(suite.state)),
          jobs,
          fmt::format("{:.2f}", hours(suite.usage.node_seconds)),
          use.empty() ? "0.00" : fmt::format("{:.2f}: {}", hours(suite.usage.gpu_seconds), use),
          size,
          without_controls(last)};
}

}  // namespace

int suite_list(const Arguments& arguments) {
  options::options_description visible;
  auto add = visible.add_options();
  add("store", options::value<std::string>(), kStoreHelp);
  add("no-disk", "do not look how large packs and jobs are");
  add("json", "one JSON document on stdout");
  const auto values = parse_options(arguments, kSuiteListHelp, visible, {});
  if (!values) return 0;
  const experiments::StoreLayout store(required_value(*values, "store"));
  require_store(store.root());
  auto& files = core::real_file_system();
  const auto ask = [](const operations::NamesByCluster& names) {
    return operations::ask_slurm(operations::interactive_client(), names);
  };
  const auto suites = operations::list_suites(files, store, ask, orchestrator::wall_clock());
  const bool with_disk = values->count("no-disk") == 0;
  const auto disk = with_disk ? disk_of(files, store, suites) : std::map<std::string, Disk>();
  const auto disk_of_suite = [&](const std::string& name) {
    static constexpr Disk kNothing;
    const auto found = disk.find(name);
    return !with_disk ? nullptr : found == disk.end() ? &kNothing : &found->second;
  };
  if (values->count("json") > 0) {
    core::Json list = core::Json::array();
    for (const auto& suite : suites) list.push_back(list_json(suite, disk_of_suite(suite.name)));
    print_json({{"suites", list}});
    return 0;
  }
  if (suites.empty()) {
    std::cout << fmt::format("no suite was ever run in '{}'\n", store.root().string());
    return 0;
  }
  std::vector<Cells> rows{{"SUITE", "STATE", "JOBS", "NODE-HOURS", "GPU-HOURS", "DISK", "LAST END"}};
  for (const auto& suite : suites) rows.push_back(cells_of(suite, disk_of_suite(suite.name)));
  const auto lines = columns(rows);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::cout << lines[i] << '\n';
    if (i == 0) continue;
    for (const std::string& line : plan_lines(suites[i - 1])) std::cout << without_controls(line) << '\n';
  }
  return 0;
}

}  // namespace resolute::cli
