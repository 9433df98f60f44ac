// `resolute doctor`: SLURM's commands, its controller and how it is set up.

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <sstream>

#include "cli/command.h"
#include "cli/doctor/checks.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/numbers.h"
#include "core/split.h"
#include "settings/names.h"
#include "slurm/client.h"
#include "slurm/launcher.h"
#include "slurm/partitions.h"

namespace resolute::cli {

namespace {

constexpr std::chrono::seconds kLimit{10};  // squeue waits 4 to 8 s for a controller that is away
constexpr std::chrono::seconds kSlow{2};
constexpr std::size_t kMostPartitions = 12;
constexpr int kShortKillWait = 30;
constexpr int kOldestTried = 22;

using Settings = std::map<std::string, std::string>;

std::string trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(" \t");
  return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// "KEY = VALUE" lines of `scontrol show config`.
Settings read_settings(const std::string& text) {
  Settings settings;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (const auto at = line.find('='); at != std::string::npos)
      settings[trimmed(line.substr(0, at))] = trimmed(line.substr(at + 1));
  return settings;
}

// The number that a value opens with, "30 sec"; nothing for any other text.
std::optional<int> number_of(const Settings& settings, const std::string& key) {
  const std::string value = core::variable_in(settings, key);
  return core::number_of<int>(value.substr(0, value.find_first_not_of("0123456789")));
}

Finding judge_version(const Settings& settings) {
  const std::string version = core::variable_in(settings, "SLURM_VERSION");
  if (version.empty()) return {Level::kWarn, "slurm version", "the controller does not say", ""};
  const bool old = number_of(settings, "SLURM_VERSION").value_or(0) < kOldestTried;
  return {old ? Level::kWarn : Level::kOk, "slurm version", version, old ? "22.05 is the oldest that was tried" : ""};
}

Finding judge_requeue(const Settings& settings) {
  const auto requeue = number_of(settings, "JobRequeue");
  if (requeue == 1) return {Level::kOk, "slurm requeue", "jobs may be requeued", ""};
  return {Level::kWarn, "slurm requeue", requeue == 0 ? "off unless a job asks for it, as ours do" : "not known",
          "if jobs end at their time limit all the same: continue = \"chain\" in the site file"};
}

Finding judge_kill_wait(const Settings& settings) {
  const auto seconds = number_of(settings, "KillWait");
  if (!seconds) return {Level::kOk, "slurm KillWait", "not known", ""};
  const bool is_short = *seconds < kShortKillWait;
  return {is_short ? Level::kWarn : Level::kOk, "slurm KillWait", fmt::format("{} s from SIGTERM to SIGKILL", *seconds),
          is_short ? "checkpoints may not be written in time when a job is cancelled or preempted; at the time limit "
                     "the notice (--notice) comes first"
                   : ""};
}

Finding judge_accounting(const Settings& settings, const Environment& environment) {
  const std::string type = core::variable_in(settings, "AccountingStorageType");
  if (type.empty() || type.ends_with("/none") || type == "(null)")
    return {Level::kOk, "slurm accounting", "none; our own records tell what became of a job", ""};
  if (!core::program_on_path(environment, "sacct"))
    return {Level::kWarn, "slurm accounting", "there, but no sacct on PATH", "nothing waits for it"};
  const auto output = run_briefly({"sacct", "-n", "-X", "-o", "JobIDRaw", "-S", "now-1minutes"}, environment, kLimit);
  if (output.succeeded()) return {Level::kOk, "slurm accounting", "sacct answers", ""};
  return {Level::kWarn, "slurm accounting", "sacct: " + failure_text(output, kLimit), "nothing waits for it"};
}

Finding judge_partitions(const Environment& environment) {
  const auto output = run_briefly({"sinfo", "-h", "-o", "%P|%a|%l|%D"}, environment, kLimit);
  if (!output.succeeded()) return {Level::kWarn, "slurm partitions", failure_text(output, kLimit), ""};
  std::vector<std::string> open;
  for (const std::string_view line : core::split(output.out, '\n')) {
    const auto parts = core::split(line, '|');
    if (parts.size() == 4 && parts[1] == "up") open.push_back(fmt::format("{} {} × {}", parts[0], parts[3], parts[2]));
  }
  if (open.empty()) return {Level::kFail, "slurm partitions", "none is open to you", "ask the site"};
  return {Level::kOk, "slurm partitions", settings::first_names(open, kMostPartitions) + " (nodes × longest time)", ""};
}

slurm::Resources refine(slurm::Resources resources, const experiments::Site::Asked& asked) {
  settings::for_each_sbatch_text(
      [&](const auto&, auto member) { member(resources) = member(asked).value_or(member(resources)); });
  resources.gpus_per_node = asked.gpus_per_node.value_or(resources.gpus_per_node);
  resources.cpus_per_node = asked.cpus_per_node.value_or(resources.cpus_per_node);
  return resources;
}

Finding look_at_nodes(const Environment& environment, const Environment& given, const experiments::Site& site) {
  const auto output = run_briefly(slurm::sinfo_command(), environment, kLimit);
  try {
    if (output.succeeded()) return judge_node_kinds(slurm::parse_partitions(output.out), given, site);
  } catch (const core::RuntimeError&) {
    // Another sinfo than those that were tried.
  }
  return {Level::kOk, "slurm nodes", "their kinds are not known", ""};
}

Finding look_at_mpi(const Environment& environment, const std::optional<std::string>& site_mpi) {
  const auto output = run_briefly({"srun", "--mpi=list"}, environment, kLimit);
  return judge_mpi_kinds(output.succeeded() ? output.out + output.err : "", site_mpi);
}

Findings judge_controller(const core::CommandOutput& output, std::chrono::milliseconds took) {
  if (output.succeeded()) {
    const bool slow = took > kSlow;
    return {{slow ? Level::kWarn : Level::kOk, "slurm", fmt::format("the controller answers in {} ms", took.count()),
             slow ? "it is busy; ours asks it seldom" : ""}};
  }
  const std::string why = failure_text(output, kLimit);
  if (slurm::classify(output) == slurm::Trouble::kMissing)
    return {{Level::kWarn, "slurm", "its commands are here, but no cluster: " + why,
             "set SLURM_CONF where there is one; `resolute suite run` needs none"}};
  return {{Level::kFail, "slurm", "the controller does not answer: " + why,
           "jobs that run go on without it; try again later"}};
}

}  // namespace

Finding judge_mpi_kinds(std::string_view list, const std::optional<std::string>& site_mpi) {
  const auto kinds = slurm::mpi_kinds(list);
  const auto has = [&](std::string_view kind) { return std::ranges::find(kinds, kind) != kinds.end(); };
  const std::string named =
      kinds.empty() ? "nothing that processes find each other by" : fmt::format("{}", fmt::join(kinds, ", "));
  const std::string wanted = site_mpi.value_or(slurm::LaunchOptions().mpi);
  if (has(wanted)) return {Level::kOk, "slurm mpi", fmt::format("srun --mpi={} is there, of {}", wanted, named), ""};
  constexpr const char* kElse = "allocations of several nodes use mpirun, where it is, instead";
  const auto set = [](std::string_view kind) {
    return fmt::format("set mpi = \"{}\" in [environment] of the site file", kind);
  };
  const std::string what = fmt::format("srun has no {}, but {}", wanted, named);
  if (has("pmix")) return {Level::kWarn, "slurm mpi", what, set("pmix")};
  // The newest: an older library than srun's is spoken to as well.
  std::string newest;
  for (const std::string& kind : kinds)
    if (kind.starts_with("pmix_v") && (newest.size() < kind.size() || (newest.size() == kind.size() && newest < kind)))
      newest = kind;
  if (!newest.empty()) return {Level::kWarn, "slurm mpi", what, set(newest)};
  if (has("cray_shasta"))
    return {Level::kWarn, "slurm mpi", what,
            set("cray_shasta") + fmt::format(" if Open MPI was built with Cray's PMI; {}", kElse)};
  if (has("pmi2"))
    return {Level::kWarn, "slurm mpi", what,
            set("pmi2") + fmt::format(" if the MPI library was built with PMI2; {}", kElse)};
  return {Level::kWarn, "slurm mpi", what, kElse};
}

slurm::Resources asked_without_options(const Environment& environment, const experiments::Site::Asked& asked) {
  slurm::Resources resources;
  settings::for_each_sbatch_text([&](const auto& text, auto member) {
    if (text.variable != nullptr) member(resources) = core::variable_in(environment, text.variable);
  });
  return refine(resources, asked);
}

Finding judge_node_kinds(const std::vector<slurm::Partition>& partitions, const Environment& environment,
                         const experiments::Site& site) {
  std::vector<slurm::Resources> all;
  const auto add = [&](const slurm::Resources& plain, const std::vector<experiments::Site::Asked>& shapes) {
    all.push_back(plain);
    for (const auto& shape : shapes) all.push_back(refine(plain, shape));
  };
  const slurm::Resources of_all = asked_without_options(environment, site.slurm);
  add(of_all, site.slurm.shapes);
  for (const auto& [kind, asked] : site.resources) add(refine(of_all, asked), asked.shapes);
  for (slurm::Resources& resources : all) {
    auto kinds = slurm::several_kinds(partitions, resources);
    // The number of GPUs is mostly an option of the submission.
    if (resources.gpus_per_node == 0) {
      resources.gpus_per_node = 1;
      if (auto of_gpus = slurm::several_kinds(partitions, resources)) kinds = std::move(of_gpus);
    }
    if (kinds) return {Level::kWarn, "slurm nodes", *kinds, slurm::kOneKindAdvice};
  }
  return {Level::kOk, "slurm nodes", "alike, or the site file chooses", ""};
}

Findings check_slurm(const Environment& given, const experiments::Site& site) {
  constexpr std::array kPrograms{"sbatch", "squeue", "scontrol", "scancel", "srun", "sinfo"};
  std::vector<std::string_view> missing;
  std::ranges::copy_if(kPrograms, std::back_inserter(missing),
                       [&](const char* name) { return !core::program_on_path(given, name); });
  if (missing.size() == kPrograms.size())
    return {{Level::kWarn, "slurm", "not here: none of its commands is on PATH",
             "`resolute suite run` needs none; to submit, be on a machine of a cluster"}};
  if (!missing.empty())
    return {{Level::kFail, "slurm", fmt::format("commands are missing: {}", fmt::join(missing, ", ")),
             "install SLURM's client commands"}};
  const Environment environment = slurm::command_environment(given);
  const auto begin = core::monotonic_clock().now();
  const auto output = run_briefly({"scontrol", "show", "config"}, environment, kLimit);
  Findings findings = judge_controller(
      output, std::chrono::duration_cast<std::chrono::milliseconds>(core::monotonic_clock().now() - begin));
  if (!output.succeeded()) return findings;
  const Settings settings = read_settings(output.out);
  for (const Finding& finding :
       {judge_version(settings), judge_partitions(environment), judge_accounting(settings, environment),
        judge_requeue(settings), judge_kill_wait(settings), look_at_nodes(environment, given, site),
        look_at_mpi(environment, site.mpi)})
    findings.push_back(finding);
  return findings;
}

}  // namespace resolute::cli
