#include "slurm/launcher.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/numbers.h"
#include "core/split.h"

namespace resolute::slurm {
namespace {

std::string_view trimmed(std::string_view line) {
  constexpr std::string_view kBlanks = " \t\r";
  const auto begin = line.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return line.substr(begin, line.find_last_not_of(kBlanks) - begin + 1);
}

// Every option is given that a cluster's configuration or the submitter's environment could decide otherwise. WaitTime
// would end the others some seconds after the first process, KillOnBadExit after the first failure. --quiet leaves only
// srun's own errors in the log. --cpus-per-task would make the step --exact (22.05), which leaves a part of the node
// unused.
std::vector<std::string> srun_command(int nodes, const std::string& mpi) {
  return {"srun",
          "--quiet",
          "--export=ALL",
          "--mpi=" + (nodes > 1 ? mpi : "none"),
          fmt::format("--nodes={}", nodes),
          fmt::format("--ntasks={}", nodes),
          "--ntasks-per-node=1",
          "--cpu-bind=none",
          "--mem=0",
          "--no-kill",
          "--kill-on-bad-exit=0",
          "--wait=0",
          "--input=none"};
}

// One process per node, bound to nothing, which outlives the others. An mpirun ends at an option that it does not know.
std::vector<std::string> mpirun_command(int nodes, Mpirun mpirun) {
  switch (mpirun) {
    case Mpirun::kOpenMpi:
      return {"mpirun", "--map-by", "ppr:1:node", "--bind-to", "none", "--enable-recovery"};
    case Mpirun::kPrrte:  // one that was built without fault tolerance does not know --enable-recovery
      return {"mpirun", "--map-by", "ppr:1:node", "--bind-to", "none", "--prtemca", "prte_enable_recovery", "1"};
    case Mpirun::kMpich:
      return {"mpirun", "-ppn", "1", "-bind-to", "none", "-disable-auto-cleanup", "-n", std::to_string(nodes)};
    case Mpirun::kIntel:
      return {"mpirun", "-ppn", "1", "-genv", "I_MPI_PIN", "0", "-disable-auto-cleanup", "-n", std::to_string(nodes)};
  }
  throw core::ContractError("an unknown mpirun");
}

}  // namespace

Launcher parse_launcher(const std::string& text) { return settings::parse_word<Launcher>(text, "launcher"); }

Mpirun mpirun_of(std::string_view version) {
  const auto has = [&](std::string_view part) { return version.find(part) != std::string_view::npos; };
  if (has("Intel(R) MPI")) return Mpirun::kIntel;
  if (has("HYDRA build details")) return Mpirun::kMpich;
  // "mpirun (Open MPI) 5.0.7"
  constexpr std::string_view kOpenMpi = "(Open MPI) ";
  const auto at = version.find(kOpenMpi);
  if (at == std::string_view::npos) return has("PRRTE") ? Mpirun::kPrrte : Mpirun::kOpenMpi;
  const std::string_view number = version.substr(at + kOpenMpi.size());
  return core::number_of<int>(number.substr(0, number.find('.'))) >= 5 ? Mpirun::kPrrte : Mpirun::kOpenMpi;
}

bool is_mpi_kind(std::string_view text) {
  constexpr std::string_view kSigns = "abcdefghijklmnopqrstuvwxyz0123456789_";
  return !text.empty() && text.size() <= 32 && text != "none" &&
         text.find_first_not_of(kSigns) == std::string_view::npos;
}

// "\tpmix" on stdout (22.05 and later), "srun: pmix" on stderr (before); never a word inside another line, as an error
// has them, but for the one that lists versions: "specific pmix plugin versions available: pmix_v4,pmix_v3".
std::vector<std::string> mpi_kinds(std::string_view list) {
  std::vector<std::string> kinds;
  const auto add = [&](std::string_view word) {
    if (is_mpi_kind(word) && std::ranges::find(kinds, word) == kinds.end()) kinds.emplace_back(word);
  };
  for (std::string_view line : core::split(list, '\n')) {
    line = trimmed(line);
    if (constexpr std::string_view kBefore = "srun:"; line.starts_with(kBefore))
      line = trimmed(line.substr(kBefore.size()));
    if (constexpr std::string_view kVersions = "specific pmix plugin versions available:";
        line.starts_with(kVersions)) {
      for (const std::string_view version : core::split(line.substr(kVersions.size()), ',')) add(trimmed(version));
      continue;
    }
    add(line);
  }
  return kinds;
}

std::vector<Launcher> launchers_to_try(int nodes, const std::string& srun_mpi_list, bool mpirun_there,
                                       std::string_view mpi) {
  RESOLUTE_EXPECT(nodes >= 1, "an allocation has a node");
  std::vector<Launcher> launchers;
  if (nodes == 1) {
    if (!srun_mpi_list.empty()) launchers.push_back(Launcher::kSrun);
    launchers.push_back(Launcher::kNone);
    return launchers;
  }
  const auto kinds = mpi_kinds(srun_mpi_list);
  if (std::ranges::find(kinds, mpi) != kinds.end()) launchers.push_back(Launcher::kSrun);
  if (mpirun_there) launchers.push_back(Launcher::kMpirun);
  return launchers;
}

void require_launcher(const std::string& launcher, int nodes) {
  if (launcher != "auto" && parse_launcher(launcher) == Launcher::kNone && nodes > 1)
    throw core::input_error("launcher 'none' starts one process", fmt::format("of {} nodes", nodes),
                            "give auto, srun or mpirun");
}

std::vector<std::string> launch_command(Launcher launcher, int nodes, const std::vector<std::string>& program,
                                        const LaunchOptions& options, Mpirun mpirun) {
  RESOLUTE_EXPECT(nodes >= 1 && !program.empty(), "an allocation has a node and something to run");
  if (launcher == Launcher::kNone) {
    RESOLUTE_EXPECT(nodes == 1, "several nodes need a launcher");
    return program;
  }
  std::vector<std::string> command =
      launcher == Launcher::kSrun ? srun_command(nodes, options.mpi) : mpirun_command(nodes, mpirun);
  command.insert(command.end(), options.words.begin(), options.words.end());
  command.insert(command.end(), program.begin(), program.end());
  return command;
}

}  // namespace resolute::slurm
