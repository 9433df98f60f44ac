#include "operations/start/allocation.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "core/error.h"
#include "core/log.h"
#include "operations/growth/grow.h"
#include "operations/notices/notice.h"
#include "operations/start/conclude.h"
#include "operations/start/job_in_waiting.h"
#include "operations/start/run_by_launchers.h"
#include "operations/start/time_left.h"
#include "operations/submissions/stored_submission.h"
#include "orchestrator/run/run.h"
#include "orchestrator/store/wall_clock.h"
#include "slurm/launcher.h"

namespace resolute::operations {

namespace {

using namespace std::chrono_literals;
using slurm::EndCause;
using slurm::Time;

constexpr auto kBetweenTurns = 10s;
constexpr std::chrono::seconds kLinger{30};
constexpr int kMostInATurn = 4;

// The batch script's, which started this process. Empty where another did: the script puts the process that follows a
// killed one in the place of its own shell.
Environment environment_of_script() {
  const auto current = core::current_environment();
  auto born = core::environment_at_birth(::getppid());
  if (core::variable_in(born, "SLURM_JOB_ID") != core::variable_in(current, "SLURM_JOB_ID")) return {};
  return slurm::job_environment(std::move(born), current);
}

const slurm::Batch& batch_of(const slurm::SubmissionRequest& request, int number) {
  for (const auto& batch : request.batches)
    if (batch.number == number) return batch;
  throw core::input_error(fmt::format("--batch is {}", number),
                          fmt::format("submission {} has {}", request.token, request.batches.size()));
}

class Allocation {
 public:
  Allocation(const AllocationWorld& world, const AllocationOrder& order, Environment environment)
      : world_(world),
        folder_(files_, order.submission),
        request_(own_request()),
        batch_(batch_of(request_, order.batch)),
        slurm_(slurm::read_allocation_environment(environment)),
        environment_(std::move(environment)),
        killed_by_(order.killed_by) {
    run_.job = slurm_.job;
    run_.restart = slurm_.restart;
    run_.generation = order.generation;
    run_.node_list = slurm_.node_list;
    run_.begin = world_.now();
    std::vector<slurm::ScriptStart> runs;
    time_.patiently([&] { runs = slurm::read_runs(files_, folder_.batch_folder(batch_)); });
    const auto is_this_start = [this](const slurm::ScriptStart& run) {
      return run.job == run_.job && run.restart == run_.restart;
    };
    if (const auto begun = std::find_if(runs.rbegin(), runs.rend(), is_this_start);
        killed_by_ && begun != runs.rend()) {
      run_ = std::move(*begun);
      runs.erase(std::next(begun).base());
      record_there_ = true;
    } else {
      run_.repeat = static_cast<int>(std::ranges::count_if(runs, is_this_start));
    }
    earlier_ = std::move(runs);
    waiting_.emplace(served_, run_.generation);
  }

  int run() {
    slurm::AllocationEnding ending;
    ending.restart = slurm_.restart;
    ending.notice = request_.notice;
    ending.killed = killed_by_.has_value();
    if (killed_by_)
      core::log_error("signal {} killed the process that served this job", *killed_by_);
    else  // one log holds all starts of a job
      core::log_info("start {}, SLURM job {}, node{} {}, resolute {}", earlier_.size() + 1, slurm_.job,
                     slurm_.nodes == 1 ? "" : "s", slurm_.node_list, world_.version);
    const bool settled = ended_for_good(run_) && !run_.verdict.empty();
    if (record_there_ && (run_.given_up || settled)) return kToBeRunAgain;
    read_own_job();
    Outcome before;
    bool replaced = false;
    slurm::GenerationState generation;
    try {
      time_.patiently([&] {
        replaced = folder_.ended();
        if (run_.generation > 0) generation = folder_.generation(batch_, run_.generation);
        before = read_anew();
      });
    } catch (const core::RuntimeError& error) {
      core::log_error("{}", error.what());
      ending.wrong_usage = error.kind() == core::ErrorKind::kInput;
      ending.store_failed = error.is_storage();
      return concluded(std::move(ending));
    }
    if (!record_there_) run_.before = before.achieved;
    run_.after = before.achieved;
    if (killed_by_) {
      ending.began = !run_.launcher.empty();
      return settle(std::move(ending));
    }
    if (before.complete || before.stuck) {
      ending.complete = before.complete;
      ending.given_up = before.stuck;
      return concluded(std::move(ending));
    }
    settle_before(before.achieved);
    if (replaced) return leave_undone("its submission had ended", EndCause::kCancelled);
    if (const auto* settled = settled_before(generation)) {
      run_.given_up = settled->given_up;
      return leave_undone("the start before it had the last word", *settled->cause);
    }
    return work(std::move(ending));
  }

 private:
  // Begins its record, runs the suite, and sees what came of it.
  int work(slurm::AllocationEnding ending) {
    // The work is done for which this allocation was asked.
    ending.idle = batch_.on_demand && !is_work_ready();
    if (ending.idle) return concluded(std::move(ending));
    try {
      time_.patiently([&] { slurm::write_run(files_, folder_.batch_folder(batch_), run_); });
    } catch (const core::RuntimeError& error) {
      if (!error.is_storage()) throw;
      ending.store_failed = true;
      return concluded(std::move(ending));
    }
    try {
      time_.patiently([&] { run_by_launchers(suite_to_run(), ending); });
    } catch (const core::RuntimeError& error) {
      if (!error.is_storage()) throw;
      core::log_error("the run has not begun: {}", error.what());
      ending.store_failed = true;
    }
    return settle(std::move(ending));
  }

  int concluded(slurm::AllocationEnding ending) {
    return conclude({served_, environment_, killed_by_, earlier_, work_ ? &*work_ : nullptr, *waiting_, reason_, run_},
                    std::move(ending));
  }

  // Reads from the store how the run ended, and concludes.
  int settle(slurm::AllocationEnding ending) {
    Outcome after;
    try {
      // Results may have made the plan longer meanwhile.
      time_.patiently([&] { after = work_->suite.waits() ? read_anew() : read_outcome(files_, *work_, ending.began); });
    } catch (const core::RuntimeError& error) {
      core::log_error("cannot read how the run ended: {}", error.what());
      ending.store_failed = true;
      run_.after.steps.reset();
      return concluded(std::move(ending));
    }
    run_.after = after.achieved;
    if (!ending.began) after.end.reset();
    ending.complete = after.complete || after.end == orchestrator::RunEnd::kComplete;
    ending.idle = after.end == orchestrator::RunEnd::kIdle;
    ending.given_up =
        after.stuck || after.end == orchestrator::RunEnd::kIncomplete || after.end == orchestrator::RunEnd::kLimited;
    ending.store_failed = ending.given_up && after.store_failed;
    ending.asked_to_stop = (ending.began || ending.another_run) && after.asked_to_stop;
    if (ending.began) reason_ = after.reason;
    return concluded(std::move(ending));
  }

  // Plans until no result has come that makes the plan longer. The plan grows with each turn, and so they end.
  Outcome read_anew() {
    for (std::size_t jobs = 0;;) {
      work_ = read_work(folder_, request_, batch_, world_.plan_of);
      Outcome outcome = read_outcome(files_, *work_);
      if (!outcome.stuck || jobs == work_->suite.jobs.size()) return outcome;
      jobs = work_->suite.jobs.size();
    }
  }

  // The request's commands run here as this user.
  slurm::SubmissionRequest own_request() {
    std::optional<slurm::SubmissionRequest> request;
    time_.patiently([&] {
      folder_.require_own();
      request = folder_.request();
    });
    return *request;
  }

  // Before 23.02 the environment does not say when the allocation ends; nor does it hear of a limit that was changed.
  void read_own_job() {
    std::optional<Time> end, submitted;
    try {
      const auto answer = time_.client(kShortPatience).show(slurm_.job, batch_.job_name);
      if (const auto* job = std::get_if<slurm::ShownJob>(&answer)) {
        end = job->end;
        run_.slurm_begin = job->begin;
        // A requeue gives it another time: no word of the first is better.
        if (job->restarts == 0) submitted = job->submitted;
      } else {
        core::log_warning("SLURM does not know job {} by the name of {}: it lost it", slurm_.job, batch_.job_name);
      }
    } catch (const core::RuntimeError& error) {
      core::log_warning("the end of the allocation is not known: {}", error.what());
    }
    if (const auto named = orchestrator::allocation_end(environment_); named && !end)
      end = std::chrono::floor<std::chrono::seconds>(*named);
    time_.learn(end, request_.notice);
    if (end) environment_["SLURM_JOB_END_TIME"] = std::to_string(end->time_since_epoch().count());
    environment_[kSubmissionVariable] = folder_.path();
    environment_[core::kLogTimesVariable] = "1";
    // srun's own errors must not look like the run's.
    environment_["SLURM_EXIT_ERROR"] = "1";
    record_own_job(submitted);
  }

  // The submitter may have died before it wrote the job down. No failure here may keep the run from its begin.
  void record_own_job(const std::optional<Time>& submitted) {
    try {
      const auto standing = folder_.accept(batch_, run_.generation, {slurm_.job, "", submitted});
      if (standing.id != slurm_.job)
        core::log_warning("job {} is a double of job {}: generation {} of '{}'", slurm_.job, standing.id,
                          run_.generation, batch_.job_name);
    } catch (const std::exception& error) {
      core::log_warning("cannot write down that SLURM has job {}: {}", slurm_.job, error.what());
    }
  }

  SuiteToRun suite_to_run() {
    const auto begun = [this](slurm::Launcher launcher) {
      run_.launcher = slurm::name_of(launcher);
      write_record(served_, run_);
    };
    const auto beside = [this] {
      if (!run_.launcher.empty()) waiting_->see_to_it();
      grow_by_turns();
    };
    return {served_, *work_, slurm_.nodes, environment_, begun, beside};
  }

  // The job before this one ended without a record. SLURM may know why: ends in a row by the batch's own fault count.
  void settle_before(const slurm::Achieved& achieved) {
    if (earlier_.empty() || earlier_.back().end || earlier_.back().generation >= run_.generation) return;
    slurm::ScriptStart& last = earlier_.back();
    try {
      const auto answer = time_.client(kShortPatience).show(last.job, batch_.job_name);
      const auto* job = std::get_if<slurm::ShownJob>(&answer);
      std::optional<slurm::JobState> state;
      if (job != nullptr) {
        if (slurm::phase_of(job->state) != slurm::Phase::kEnded) return;
        state = job->state;
        last.end = job->end;
        last.verdict = fmt::format("SLURM has ended it: {}", slurm::name_of(job->state));
      }
      if (!last.end) last.end = run_.begin;
      last.cause = slurm::cause_of(state);
      last.after = achieved;
      slurm::write_run(files_, folder_.batch_folder(batch_), last);
    } catch (const core::RuntimeError& error) {
      core::log_warning("the end of job {} is not known: {}", last.job, error.what());
    }
  }

  // The start before this armed one left nothing to it, and SLURM did not hear that.
  const slurm::ScriptStart* settled_before(const slurm::GenerationState& generation) const {
    const auto* job = std::get_if<slurm::KnownJob>(&generation);
    const bool before =
        job != nullptr && job->armed && !earlier_.empty() && earlier_.back().generation < run_.generation;
    return before && nothing_follows(earlier_.back()) ? &earlier_.back() : nullptr;
  }

  bool is_work_ready() const {
    try {
      // No earlier run of this allocation can be at work: this start has taken its place.
      const auto status =
          read_standings(files_, work_->store, work_->suite, world_.now, {work_->run_folder.filename().string()});
      return has_work(batch_, work_->suite, status.standings);
    } catch (const core::RuntimeError& error) {
      core::log_warning("cannot tell if there is work: {}", error.what());
      return true;
    }
  }

  // While a run is at work, one of the allocations asks once a minute for those on demand. No failure here may disturb
  // the run, and SLURM's notice must not wait long.
  void grow_by_turns() {
    if (!has_pools(request_) || world_.clock.now() < next_turn_ || time_.too_late_to_run()) return;
    next_turn_ = world_.clock.now() + kBetweenTurns;
    try {
      if (take_turn(files_, folder_, world_.now())) {
        auto asked = time_.client(kShortPatience);
        grow({files_, asked, world_.slurm, folder_, work_->suite, world_.now, Pardon::kNo, 0, kMostInATurn});
      }
    } catch (const std::exception& error) {
      core::log_warning("cannot look for more allocations: {}", error.what());
    }
  }

  // Nobody wants this job any more. A notice of the end was sent before.
  int leave_undone(const std::string& why, EndCause cause) {
    run_.cause = cause;
    run_.end = world_.now();
    record_end(served_, run_, "nothing was done: " + why);
    return 0;
  }

  const AllocationWorld& world_;
  core::FileSystem& files_ = world_.files;
  TimeLeft time_{world_};
  slurm::SubmissionFolder folder_;
  const slurm::SubmissionRequest request_;
  const slurm::Batch& batch_;
  const ServedBatch served_{world_, time_, folder_, request_, batch_};
  const slurm::AllocationEnvironment slurm_;
  Environment environment_;
  const std::optional<int> killed_by_;
  bool record_there_ = false;        // the process that was killed began run_
  std::string reason_;               // why the run stopped, by its journal
  core::MonotonicTime next_turn_{};  // of grow_by_turns()
  std::vector<slurm::ScriptStart> earlier_;
  slurm::ScriptStart run_;
  std::optional<AllocationWork> work_;
  std::optional<JobInWaiting> waiting_;
};

}  // namespace

AllocationWorld real_allocation_world(const AllocationSignals& signals, PlanOf plan_of, std::string version) {
  return {core::real_file_system(),
          core::monotonic_clock(),
          signals,
          orchestrator::wall_clock_seconds,
          slurm::real_effects(environment_of_script()),
          std::move(plan_of),
          launchers_here,
          [&signals](const auto& command, const auto& environment, const auto& run) {
            return run_launcher(command, environment, signals, run, core::monotonic_clock(), kLinger);
          },
          std::move(version)};
}

int run_allocation(const AllocationWorld& world, const AllocationOrder& order, Environment environment) {
  return Allocation(world, order, std::move(environment)).run();
}

}  // namespace resolute::operations
