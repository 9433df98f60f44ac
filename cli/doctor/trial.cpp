// `resolute doctor`: a message around the processes of an MPI launch, and who can launch it.

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <set>
#include <sstream>
#include <thread>

#include "cli/command.h"
#include "cli/doctor/checks.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/numbers.h"
#include "core/process/process.h"
#include "operations/start/launched_run.h"
#include "orchestrator/transport/mpi.h"
#include "slurm/client.h"
#include "slurm/launcher.h"

namespace resolute::cli {

namespace {

using orchestrator::MpiTransport;

// MPI may hang: then the process ends by SIGALRM. Once the ring is reported the others have their own time.
constexpr unsigned kRingSeconds = 25;
constexpr unsigned kLossSeconds = 13;
// UCX over InfiniBand tries a dead process for about 9 s, and then ends the one that wrote to it.
constexpr std::chrono::seconds kWatch{10};
constexpr std::chrono::milliseconds kBetweenRounds{100};
constexpr std::chrono::milliseconds kBetweenPolls{1};
constexpr int kRounds = 20;
constexpr std::chrono::seconds kLauncherLimit{40};
static_assert(kWatch.count() < kLossSeconds && kRingSeconds + kLossSeconds < kLauncherLimit.count());
constexpr int kWaitForNodes = 60;  // seconds
constexpr std::chrono::seconds kAllocationLimit{kWaitForNodes + 2 * kLauncherLimit.count() + 20};
constexpr const char* kOpensReport = "{\"ring\":";
constexpr const char* kOpensSurvivors = "{\"survivors\":";

std::string node_name() {
  // Nodes of a test cluster may share their machine's name.
  if (const char* node = std::getenv("SLURMD_NODENAME"); node != nullptr && *node != '\0') return node;
  return core::host_name();
}

std::string wait_for_message(MpiTransport& transport) {
  for (int tries = 0;; ++tries) {
    if (auto delivery = transport.receive()) return std::move(delivery->bytes);
    // Eager at first, so that the time measured is the network's; a sleeper is woken sooner than one who only yields
    // where the machine is busy.
    if (tries > 500) std::this_thread::sleep_for(std::chrono::microseconds(20));
  }
}

// Messages: names so far, each with a newline before it; "p", which is only passed on; "l", after which the last is no
// member, and which kills the last when it comes to it; "e", after which all leave. \return the members at the end
int follow_ring(MpiTransport& transport) {
  int members = transport.size();
  for (bool end = false; !end;) {
    std::string message = wait_for_message(transport);
    end = message == "e";
    if (message.starts_with("\n")) message += "\n" + node_name();
    if (message == "l") {
      if (transport.self() == members - 1) ::raise(SIGKILL);
      --members;
      ::alarm(kLossSeconds);
    }
    transport.send((transport.self() + 1) % members, std::move(message));
  }
  transport.flush(std::chrono::seconds(2));
  return members;
}

// From the first of so many members back to it.
std::string pass_once(MpiTransport& transport, int members, std::string message) {
  transport.send(1 % members, std::move(message));
  return wait_for_message(transport);
}

RingReport lead_ring(MpiTransport& transport) {
  RingReport report;
  report.processes = transport.size();
  report.hosts = {node_name()};
  report.library = orchestrator::mpi_library();
  if (transport.size() == 1) return report;
  std::istringstream names(pass_once(transport, transport.size(), "\n" + node_name()));
  std::set<std::string> hosts;
  for (std::string name; std::getline(names, name);)
    if (!name.empty()) hosts.insert(name);
  report.hosts.assign(hosts.begin(), hosts.end());
  // The fastest: what else the machine does is not the network's time.
  for (int i = 0; i < kRounds; ++i) {
    const auto begin = core::monotonic_clock().now();
    pass_once(transport, transport.size(), "p");
    const double took = std::chrono::duration<double, std::micro>(core::monotonic_clock().now() - begin).count();
    report.microseconds = i == 0 ? took : std::min(report.microseconds, took);
  }
  return report;
}

// The last member dies as on a lost node. The others go on as a run does: the leader still writes to the dead one, as
// it answers an agent that it does not yet know to be lost. It polls as often as a run does: Open MPI 4.1 that makes no
// progress between two messages to a dead process may never return from MPI_Test.
void outlive_last(MpiTransport& transport) {
  const int last = transport.size() - 1;
  ::alarm(kLossSeconds);
  pass_once(transport, last, "l");
  transport.send(last, "l");
  const auto now = [] { return core::monotonic_clock().now(); };
  for (const auto end = now() + kWatch; now() < end;) {
    for (const auto next = now() + kBetweenRounds; now() < next; std::this_thread::sleep_for(kBetweenPolls))
      transport.receive();
    transport.send(last, "p");
    pass_once(transport, last, "p");
  }
}

// A launcher may end all members with the one that is lost: a line is written as soon as it is known.
// \return the members at the end
int lead_and_report(MpiTransport& transport, bool loses) {
  int members = transport.size();
  const RingReport report = lead_ring(transport);
  loses = loses && members > 1;
  std::cout << core::Json{{"ring",
                           {{"processes", report.processes},
                            {"hosts", report.hosts},
                            {"microseconds", report.microseconds},
                            {"library", report.library},
                            {"loses", loses}}}}
                   .dump()
            << std::endl;
  if (loses) {
    outlive_last(transport);
    --members;
    std::cout << core::Json{{"survivors", members}}.dump() << std::endl;
  }
  pass_once(transport, members, "e");
  return members;
}

// \param mpirun whose the launcher is, where that is known
Finding judge_ring(const std::string& name, const RingReport& report, int processes, int hosts, slurm::Mpirun mpirun) {
  if (report.processes != processes)
    return {
        Level::kFail, name, fmt::format("{} processes were asked for, and each found {}", processes, report.processes),
        fmt::format("{}, and resolute loads {}: load the module of one Open MPI for both, or set mpi in [environment] "
                    "of the site file",
                    mpirun == slurm::Mpirun::kOpenMpi ? "the launcher belongs to another MPI"
                                                      : fmt::format("mpirun is {}'s", settings::word(mpirun)),
                    report.library)};
  const int found = static_cast<int>(report.hosts.size());
  std::string what = fmt::format("{} processes on {} host{}; a message around them takes {:.0f} µs at best", processes,
                                 found, found == 1 ? "" : "s", report.microseconds);
  if (hosts > 0 && found != hosts)
    return {Level::kFail, name, what, fmt::format("{} nodes were asked for: see how the launcher is set up", hosts)};
  if (!report.loses) return {Level::kOk, name, what, ""};
  if (report.survivors == processes - 1) return {Level::kOk, name, what + "; the loss of one leaves the others", ""};
  return {Level::kWarn, name, what + "; the loss of one ends the others",
          "the loss of a node ends the run under this launcher, and the next start goes on from its checkpoints: use "
          "srun or Open MPI's mpirun (launcher in the site file), and let Open MPI use TCP: OMPI_MCA_pml=ob1 and "
          "OMPI_MCA_btl=self,tcp, as resolute sets them unless OMPI_MCA_pml, _mtl or _btl is set"};
}

bool refuses_root(const std::string& error) {
  return error.find("run as root") != std::string::npos || error.find("running mpirun as root") != std::string::npos;
}

std::string advice_for(const std::string& error) {
  if (refuses_root(error))
    return "set OMPI_ALLOW_RUN_AS_ROOT=1 and OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1, or be another user";
  if (error.find("OPAL ERROR: Unreachable") != std::string::npos || error.find("PMI") != std::string::npos)
    return "the launcher's PMI and the library's do not fit: set mpi, or launcher, in the site file to what works";
  return "`resolute suite run` works on one machine; for several see docs/clusters.md";
}

int number_in(const Environment& environment, const char* name, int otherwise) {
  const std::string text = core::variable_in(environment, name);
  const auto number = core::number_of<int>(text.substr(0, text.find('(')));
  return number > 0 ? *number : otherwise;
}

// It asks for the same nodes as a submission without options does.
std::vector<std::string> allocation_command(const Environment& environment, const std::string& name,
                                            const experiments::Site& site, int nodes) {
  std::vector<std::string> command{"salloc", "-Q", "-J",
                                   name,     "-N", std::to_string(nodes),
                                   "-t",     "5",  "--immediate=" + std::to_string(kWaitForNodes)};
  const slurm::Resources asked = asked_without_options(environment, site.slurm);
  settings::for_each_sbatch_text([&](const auto& text, auto member) {
    if (text.variable != nullptr && !member(asked).empty())
      command.push_back(fmt::format("--{}={}", text.word, member(asked)));
  });
  command.insert(command.end(), {core::own_program().string(), "doctor", "--launchers"});
  return command;
}

// For a site whose submissions have one node.
Finding one_process(int nodes) {
  return {Level::kWarn, "launch", fmt::format("launcher = \"none\" of the site file starts one process, not {}", nodes),
          "submit with --nodes 1, or name another launcher"};
}

// salloc takes its allocation with it, unless it was killed.
void give_back_allocation(const std::string& name, const std::string& cluster) {
  try {
    slurm::Client(slurm::real_effects(),
                  {.command_limit = std::chrono::seconds(5), .patience = std::chrono::seconds(5)})
        .at(cluster)
        .cancel(name);
  } catch (const core::RuntimeError&) {
    // It ends by its time limit.
  }
}

}  // namespace

Environment launcher_environment(Environment environment) {
  // Two processes on a machine with one core are enough for a message; insert() leaves what the user has set.
  environment.insert({"OMPI_MCA_rmaps_base_oversubscribe", "1"});
  environment.insert({"OMPI_MCA_hwloc_base_binding_policy", "none"});
  environment.insert({"PRTE_MCA_rmaps_default_mapping_policy", ":oversubscribe"});
  return environment;
}

int pass_around(bool loses) {
  ::signal(SIGALRM, SIG_DFL);
  ::alarm(kRingSeconds);
  const auto transport = MpiTransport::start();
  const int members = transport->self() == 0 ? lead_and_report(*transport, loses) : follow_ring(*transport);
  // MPI_Finalize would wait for the dead.
  orchestrator::leave_mpi(members == transport->size(), 0);
}

std::optional<RingReport> read_ring_report(std::string_view output) {
  std::optional<RingReport> report;
  std::istringstream lines{std::string(output)};
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(report ? kOpensSurvivors : kOpensReport)) continue;
    try {
      const core::Json json = core::parse_json(line, "ring");
      if (report) {
        report->survivors = json.at("survivors").get<int>();
        break;
      }
      core::ObjectReader ring(json.at("ring"), "ring");
      report = {.processes = ring.required<int>("processes"),
                .hosts = ring.required<std::vector<std::string>>("hosts"),
                .microseconds = ring.required<double>("microseconds"),
                .library = ring.required<std::string>("library"),
                .loses = ring.required<bool>("loses")};
    } catch (const std::exception&) {
      // Two processes wrote into one line.
    }
  }
  return report;
}

Finding try_ring(const std::string& name, const std::vector<std::string>& command, const Environment& environment,
                 int processes, int hosts, std::chrono::milliseconds limit) {
  const auto output = run_briefly(command, environment, limit);
  const auto report = read_ring_report(output.out);
  // The launcher's own exit code says little; what was passed around says all.
  const bool by_mpirun = std::filesystem::path(command.front()).filename() == "mpirun";
  if (report && !output.timed_out)
    return judge_ring(name, *report, processes, hosts,
                      by_mpirun ? operations::mpirun_here(environment) : slurm::Mpirun::kOpenMpi);
  const std::string printed = output.err + output.out;
  // On one machine a suite runs without it, as root too.
  if (hosts == 0 && refuses_root(printed))
    return {Level::kWarn, name, failure_text(output, limit),
            "one machine needs none; for several " + advice_for(printed)};
  return {Level::kFail, name, failure_text(output, limit), advice_for(printed)};
}

Findings try_launchers(const Environment& environment, const experiments::Site& site) {
  const int nodes = number_in(environment, "SLURM_JOB_NUM_NODES", 1);
  if (nodes == 1) return {{Level::kOk, "launch", "one node: no MPI is needed", ""}};
  slurm::LaunchOptions options;
  options.mpi = site.mpi.value_or(options.mpi);
  options.words = site.launcher_options;
  if (site.launcher == slurm::name_of(slurm::Launcher::kNone)) return {one_process(nodes)};
  // One that the site file names is the only one that a submission uses.
  const std::string wanted = site.launcher.value_or("auto");
  std::vector<slurm::Launcher> launchers;
  try {
    launchers = wanted == "auto" ? operations::launchers_here(nodes, environment, options.mpi)
                                 : std::vector{slurm::parse_launcher(wanted)};
  } catch (const core::RuntimeError& error) {
    if (error.kind() != core::ErrorKind::kTransient) throw;
    return {{Level::kFail, "launch", error.what(), "try again"}};
  }
  if (launchers.empty())
    return {{Level::kFail, "launch", fmt::format("nothing can start processes on {} nodes", nodes),
             "PMIx for srun (or another kind: mpi in the site file) or mpirun is needed; else submit with --nodes 1"}};
  Findings findings;
  bool works = false;
  for (const slurm::Launcher launcher : launchers) {
    const auto mpirun = launcher == slurm::Launcher::kMpirun ? operations::mpirun_here(environment) : slurm::Mpirun{};
    findings.push_back(
        try_ring("launch " + std::string(slurm::name_of(launcher)),
                 slurm::launch_command(launcher, nodes, {core::own_program().string(), "doctor", "--ring", "--lose"},
                                       options, mpirun),
                 launcher_environment(environment), nodes, nodes, kLauncherLimit));
    works = works || findings.back().level != Level::kFail;
  }
  // One that works is enough: it is what an allocation falls back to.
  for (Finding& finding : findings)
    if (works && finding.level == Level::kFail) finding.level = Level::kWarn;
  return findings;
}

Findings try_allocation(const Environment& environment, const experiments::Site& site, int nodes) {
  if (!core::program_on_path(environment, "salloc"))
    return {{Level::kWarn, "launch", "not tried: there is no salloc on PATH", "try it inside a job: resolute doctor"}};
  if (nodes > 1 && site.launcher == slurm::name_of(slurm::Launcher::kNone)) return {one_process(nodes)};
  const std::string name = fmt::format("resolute-doctor-{}", ::getpid());
  const auto output = run_briefly(allocation_command(environment, name, site, nodes),
                                  slurm::command_environment(environment), kAllocationLimit);
  if (output.timed_out) give_back_allocation(name, core::variable_in(environment, "SLURM_CLUSTERS"));
  try {
    return findings_from_json(core::parse_json(output.out, "doctor --launchers"));
  } catch (const core::RuntimeError&) {
    return {{Level::kFail, "launch", "no allocation to try it in: " + failure_text(output, kAllocationLimit),
             "try again when nodes are free, or inside a job: resolute doctor"}};
  }
}

}  // namespace resolute::cli
