// `resolute doctor`: what works on this machine and on its cluster, what does not, and what to do.

#include <fmt/format.h>

#include <cstdlib>
#include <future>
#include <iostream>
#include <thread>

#include "cli/columns.h"
#include "cli/doctor/checks.h"
#include "cli/subcommands.h"
#include "cli/terminal.h"
#include "core/error.h"
#include "slurm/client.h"

namespace resolute::cli {

namespace {

constexpr CommandHelp kDoctorHelp{
    "resolute doctor [--store STORE] [--allocation-trial] [--nodes N] [--json]",
    R"(What works here and what does not: worker, GPUs, CUDA and NCCL, MPI (two processes pass a message around), the
site file, SLURM, and the file system of a store. Inside an allocation it passes a message around its nodes with
each launcher that a submission would use, then kills one of the processes and sees whether the others live on;
--allocation-trial asks SLURM for an allocation to do that in. A line a check: ok, warn or fail, what was found, what
to do. Nothing is left behind. Exit codes: 0 nothing failed, 1
something did. NO_COLOR is obeyed.)",
    "  resolute doctor\n"
    "  resolute doctor --store /shared/store --allocation-trial\n"
    "  srun -N1 resolute doctor --store /shared/store\n"};

// A file system that hangs cannot be interrupted.
constexpr std::chrono::seconds kStoreLimit{30};

// Checks in a thread, which is left behind if it takes too long. \return true if it ended
bool add_store_findings(const std::filesystem::path& store, Findings& findings) {
  std::packaged_task<Findings()> task([store] { return check_store(store); });
  auto result = task.get_future();
  std::thread(std::move(task)).detach();
  if (result.wait_for(kStoreLimit) != std::future_status::ready) {
    findings.push_back({Level::kFail, "store",
                        fmt::format("'{}' did not answer within {} s", store.string(), kStoreLimit.count()),
                        "its file server may be away"});
    return false;
  }
  for (Finding& finding : result.get()) findings.push_back(std::move(finding));
  return true;
}

std::string line_of(const Finding& finding, bool colour) {
  const char* code = finding.level == Level::kOk ? "32" : finding.level == Level::kWarn ? "33" : "31";
  std::string level = fmt::format("{:<4}", name_of(finding.level));
  if (colour) level = fmt::format("\x1b[{}m{}\x1b[0m", code, level);
  std::string text = finding.what;
  if (!finding.advice.empty()) text += " → " + finding.advice;
  return fmt::format("{}  {:<16}  {}\n", level, finding.name,
                     without_controls(text));  // other programs wrote some of it
}

void write_out(const Findings& findings, bool json) {
  if (json) {
    print_json(findings_json(findings));
  } else {
    const bool colour = colours_wanted();
    for (const Finding& finding : findings) std::cout << line_of(finding, colour);
  }
  flush_output("the findings");
}

struct Wishes {
  std::optional<std::filesystem::path> store;
  bool trial = false;
  int nodes = 2;
};

// Slow ones side by side. \return whether all ended
bool examine(const Environment& environment, const Wishes& wishes, Findings& findings) {
  const bool allocated = environment.contains("SLURM_JOB_ID");
  const bool submits = !allocated && core::program_on_path(environment, "sbatch").has_value();
  auto worker = std::async(std::launch::async, [&] { return check_worker(submits); });
  auto gpus = std::async(std::launch::async, [&] { return check_gpus(environment, submits); });
  SiteCheck site = check_site(environment);
  Environment at_cluster = environment;  // inside of an allocation its own cluster is asked
  const auto named = core::variable_in(environment, slurm::cluster_variable(environment));
  if (const auto cluster = site.site.slurm.cluster.value_or(named); !allocated && !cluster.empty())
    at_cluster["SLURM_CLUSTERS"] = cluster;
  auto slurm = std::async(std::launch::async, [&] { return check_slurm(at_cluster, site.site); });
  std::vector<Findings> groups{check_mpi(environment), check_processes(), std::move(site.findings)};
  groups.insert(groups.begin(), {worker.get(), gpus.get()});
  groups.push_back(slurm.get());
  if (allocated)
    groups.push_back(try_launchers(environment, site.site));
  else if (wishes.trial)
    groups.push_back(try_allocation(at_cluster, site.site, wishes.nodes));
  for (Findings& group : groups) findings.insert(findings.end(), group.begin(), group.end());
  if (wishes.store) return add_store_findings(*wishes.store, findings);
  findings.push_back({Level::kWarn, "store", "not looked at", "give --store STORE"});
  return true;
}

}  // namespace

int doctor(const Arguments& arguments) {
  const Environment environment = core::current_environment();
  // Commands that the doctor starts itself; no user types them.
  if (arguments == Arguments{"--ring"}) return pass_around(false);
  if (arguments == Arguments{"--ring", "--lose"}) return pass_around(true);
  if (arguments == Arguments{"--launchers"}) {
    const Findings findings = try_launchers(environment, check_site(environment).site);
    write_out(findings, true);
    return nothing_failed(findings) ? 0 : 1;
  }
  Wishes wishes;
  options::options_description visible;
  auto add = visible.add_options();
  add("store", options::value<std::string>(), "a store: look at its file system");
  add("allocation-trial", "ask SLURM for an allocation and try the launchers over its nodes; waits up to a minute");
  add("nodes", options::value(&wishes.nodes)->default_value(wishes.nodes), "of that allocation");
  add("json", "one JSON document on stdout");
  const auto values = parse_options(arguments, kDoctorHelp, visible, {});
  if (!values) return 0;
  if (values->count("store") > 0) wishes.store = required_value(*values, "store");
  if (wishes.nodes < 1) throw core::input_error(fmt::format("--nodes is {}", wishes.nodes), "1 is the least");
  wishes.trial = values->count("allocation-trial") > 0;
  Findings findings;
  const bool all_ended = examine(environment, wishes, findings);
  write_out(findings, values->count("json") > 0);
  const int code = nothing_failed(findings) ? 0 : 1;
  // A thread still waits for the file system.
  if (!all_ended) std::_Exit(code);
  return code;
}

}  // namespace resolute::cli
