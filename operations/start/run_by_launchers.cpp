#include "operations/start/run_by_launchers.h"

#include <algorithm>
#include <set>
#include <variant>
#include <vector>

#include "core/error.h"
#include "core/log.h"
#include "operations/liveness/run_watch.h"

namespace resolute::operations {

namespace {

// The outcome of a launcher. kRefused: the run did not begin and said why, with exit code 2, which srun
// (SLURM_EXIT_ERROR) and mpirun never have of their own. kSilent: mpirun ends with 0 whatever its processes said, so
// that another launcher's outcome counts. kStoreFailed: the store kept the run from its begin. kFailed: the launcher
// failed, or the run crashed.
enum class Start { kBegan, kRefused, kSilent, kStoreFailed, kFailed };

// The launcher that worked in this submission before comes first.
std::vector<slurm::Launcher> launchers(const SuiteToRun& suite) {
  if (suite.request.launcher != "auto") return {slurm::parse_launcher(suite.request.launcher)};
  auto list = suite.world.launchers(suite.nodes, suite.environment, suite.request.launch.mpi);
  std::vector<slurm::ScriptStart> runs;
  for (const auto& batch : suite.request.batches)
    for (auto& run : slurm::read_runs(suite.world.files, suite.folder.batch_folder(batch)))
      if (!run.launcher.empty()) runs.push_back(std::move(run));
  const auto latest =
      std::ranges::max_element(runs, [](const auto& a, const auto& b) { return order_of(a) < order_of(b); });
  if (latest != runs.end())
    std::stable_partition(list.begin(), list.end(),
                          [&](slurm::Launcher one) { return slurm::name_of(one) == latest->launcher; });
  return list;
}

Start launch_with(slurm::Launcher launcher, const SuiteToRun& suite, RunWatch& watch) {
  watch.expect(suite.time.begin_limit());
  bool begun = false;
  const auto note_that_it_works = [&] {
    if (begun || !watch.began()) return;
    begun = true;
    suite.begun(launcher);
  };
  const auto over = [&] {
    note_that_it_works();
    const core::MonotonicTime begin = suite.world.clock.now();
    suite.beside();
    watch.leave_out(suite.world.clock.now() - begin);
    return watch.over();
  };
  const auto mpirun =
      launcher == slurm::Launcher::kMpirun ? suite.world.mpirun(suite.environment) : slurm::Mpirun::kOpenMpi;
  const auto command = slurm::launch_command(launcher, suite.nodes, suite.work.suite_run, suite.request.launch, mpirun);
  try {
    const auto launched = suite.world.launch(command, suite.environment, {[&] { return watch.began(); }, over});
    note_that_it_works();
    core::log_info("launcher '{}': {}{}", slurm::name_of(launcher), core::describe(launched.status),
                   begun ? "" : "; no run began");
    if (begun) return Start::kBegan;
    const auto* exited = std::get_if<core::Exited>(&launched.status);
    if (exited != nullptr && exited->code == 2) return Start::kRefused;
    if (exited != nullptr && exited->code == kToBeRunAgain) return Start::kStoreFailed;
    return launcher == slurm::Launcher::kMpirun && exited != nullptr && exited->code == 0 ? Start::kSilent
                                                                                          : Start::kFailed;
  } catch (const core::RuntimeError& error) {
    core::log_warning("launcher '{}': {}", slurm::name_of(launcher), error.what());
    return Start::kFailed;
  }
}

void try_launchers(const SuiteToRun& suite, slurm::AllocationEnding& ending, RunWatch& watch) {
  std::vector<slurm::Launcher> list;
  try {
    list = launchers(suite);
    ending.wrong_usage = list.empty();
    if (list.empty())
      core::log_error("{} nodes cannot be used: neither `srun --mpi={}` nor mpirun is here; see 'mpi' in the site file",
                      suite.nodes, suite.request.launch.mpi);
  } catch (const core::RuntimeError& error) {
    if (error.kind() != core::ErrorKind::kTransient || error.is_storage()) throw;
    core::log_error("no launcher is known: {}", error.what());  // the next start asks again
  }
  std::set<Start> starts;
  for (const auto launcher : list) {
    if (suite.time.told_to_go()) return;
    starts.insert(launch_with(launcher, suite, watch));
    ending.began = starts.contains(Start::kBegan);
    if (ending.began || watch.other_moved()) return;
  }
  // The store may have failed although no exit code says so.
  if (!starts.contains(Start::kRefused)) core::probe_storage(suite.world.files, suite.folder.batch_folder(suite.batch));
  if (starts.contains(Start::kStoreFailed)) throw core::system_error("the store failed the run at its begin", EIO);
  ending.wrong_usage = ending.wrong_usage || (starts.contains(Start::kRefused) && !starts.contains(Start::kFailed));
}

}  // namespace

void run_by_launchers(const SuiteToRun& suite, slurm::AllocationEnding& ending) {
  for (;;) {
    RunWatch watch(suite.world.files, suite.work.run_folder, suite.world.clock);
    ending.wrong_usage = false;
    try_launchers(suite, ending, watch);
    ending.another_run = !ending.began && watch.other_moved();
    if (!ending.another_run) return;
    core::log_warning("the suite is still being run by {}, of an earlier start: waiting for its end", watch.other());
    if (!wait_for_end(
            watch, [&] { return suite.time.too_late_to_run(); }, suite.world.slurm.sleep))
      return;
    const Outcome outcome = read_outcome(suite.world.files, suite.work);
    if (outcome.complete || outcome.asked_to_stop) return;
  }
}

}  // namespace resolute::operations
