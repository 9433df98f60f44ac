#include "allocations/start/allocation.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <limits>

#include "allocations/growth/grow.h"
#include "allocations/notices/notice.h"
#include "allocations/start/job_in_waiting.h"
#include "allocations/start/run_by_launchers.h"
#include "allocations/start/time_left.h"
#include "allocations/submissions/stored_submission.h"
#include "allocations/submissions/usage.h"
#include "core/error.h"
#include "core/log.h"
#include "core/overloaded.h"
#include "orchestrator/look/places_aside.h"
#include "orchestrator/look/timeline.h"
#include "orchestrator/store/stored_jobs.h"
#include "results/records/record.h"
#include "slurm/launcher.h"

namespace resolute::allocations {

namespace {

using namespace std::chrono_literals;
using slurm::EndCause;
using slurm::Time;

constexpr auto kLinger = 30s;
constexpr auto kBetweenTurns = 10s;
constexpr int kMostInATurn = 4;

const slurm::Batch& batch_of(const slurm::SubmissionRequest& request, int number) {
  for (const auto& batch : request.batches)
    if (batch.number == number) return batch;
  throw core::input_error(fmt::format("--batch is {}", number),
                          fmt::format("submission {} has {}", request.token, request.batches.size()));
}

// The life of one start of the script.
class Allocation {
 public:
  Allocation(const AllocationWorld& world, const AllocationOrder& order, Environment environment)
      : world_(world),
        folder_(files_, order.submission),
        request_(own_request()),
        batch_(batch_of(request_, order.batch)),
        here_(slurm::read_allocation_environment(environment)),
        environment_(std::move(environment)),
        killed_by_(order.killed_by) {
    run_.job = here_.job;
    run_.restart = here_.restart;
    run_.generation = order.generation;
    run_.node_list = here_.node_list;
    run_.begin = world_.now();
    std::vector<slurm::ScriptStart> runs;
    time_.patiently([&] { runs = slurm::read_runs(files_, folder_.batch_folder(batch_)); });
    const auto of_this_start = [this](const slurm::ScriptStart& run) {
      return run.job == run_.job && run.restart == run_.restart;
    };
    if (const auto begun = std::find_if(runs.rbegin(), runs.rend(), of_this_start);
        killed_by_ && begun != runs.rend()) {
      run_ = std::move(*begun);
      runs.erase(std::next(begun).base());
      record_there_ = true;
    } else {
      run_.repeat = static_cast<int>(std::count_if(runs.begin(), runs.end(), of_this_start));
    }
    earlier_ = std::move(runs);
    waiting_.emplace(world_, time_, folder_, request_, batch_, run_.generation);
  }

  int run() {
    slurm::AllocationEnding ending;
    ending.restart = here_.restart;
    ending.notice = request_.notice;
    ending.killed = killed_by_.has_value();
    if (killed_by_)
      core::log_error("the process that saw to this job was killed by signal {}", *killed_by_);
    else  // one log holds all starts of a job
      core::log_info("start {}, SLURM job {}, node{} {}, resolute {}", earlier_.size() + 1, here_.job,
                     here_.nodes == 1 ? "" : "s", here_.node_list, world_.version);
    const bool settled = ended_for_good(run_) && !run_.verdict.empty();
    if (record_there_ && (run_.given_up || settled)) return kToBeRunAgain;
    read_own_job();
    Outcome before;
    bool replaced = false;
    try {
      time_.patiently([&] {
        replaced = folder_.ended();
        work_ = read_work(folder_, request_, batch_, world_.plan_of);
        before = read_outcome(files_, *work_);
      });
    } catch (const core::RuntimeError& error) {
      core::log_error("{}", error.what());
      ending.wrong_usage = error.kind() == core::ErrorKind::kInput;
      ending.store_failed = error.is_storage();
      return conclude(std::move(ending));
    }
    if (!record_there_) run_.before = before.achieved;
    run_.after = before.achieved;
    if (killed_by_) {
      ending.began = !run_.launcher.empty();
      return settle(std::move(ending));
    }
    if (before.complete) {
      ending.complete = true;
      return conclude(std::move(ending));
    }
    settle_before(before.achieved);
    if (replaced) return leave_undone("its submission had ended", EndCause::kCancelled);
    if (const auto* settled = settled_before()) {
      run_.given_up = settled->given_up;
      return leave_undone("the start before it had the last word", *settled->cause);
    }
    return work(std::move(ending));
  }

 private:
  // Begins its record, runs the suite, and sees what came of it.
  int work(slurm::AllocationEnding ending) {
    // It waited longer than the work that it was asked for.
    ending.idle = batch_.on_demand && !is_work_ready();
    if (ending.idle) return conclude(std::move(ending));
    try {
      time_.patiently([&] { slurm::write_run(files_, folder_.batch_folder(batch_), run_); });
    } catch (const core::RuntimeError& error) {
      if (!error.is_storage()) throw;
      ending.store_failed = true;
      return conclude(std::move(ending));
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

  // What the store says of how the run ended, and what follows.
  int settle(slurm::AllocationEnding ending) {
    Outcome after;
    try {
      time_.patiently([&] { after = read_outcome(files_, *work_); });
    } catch (const core::RuntimeError& error) {
      core::log_error("how the run ended cannot be read: {}", error.what());
      ending.store_failed = true;
      run_.after.steps.reset();
      return conclude(std::move(ending));
    }
    run_.after = after.achieved;
    if (!ending.began) after.end.reset();
    ending.complete = after.complete || after.end == orchestrator::RunEnd::kComplete;
    ending.idle = after.end == orchestrator::RunEnd::kIdle;
    ending.given_up = after.end == orchestrator::RunEnd::kIncomplete || after.end == orchestrator::RunEnd::kLimited;
    ending.store_failed = ending.given_up && after.store_failed;
    ending.asked_to_stop = (ending.began || ending.another_run) && after.asked_to_stop;
    if (ending.began) reason_ = after.reason;
    return conclude(std::move(ending));
  }

  // Its commands are run here, as this user.
  slurm::SubmissionRequest own_request() {
    std::optional<slurm::SubmissionRequest> request;
    time_.patiently([&] {
      folder_.require_own();
      request = folder_.request();
    });
    return *request;
  }

  // Nothing may hang on it: without its last record a start counts as one that was ended without a word.
  void write_record() {
    try {
      slurm::write_run(files_, folder_.batch_folder(batch_), run_);
    } catch (const core::RuntimeError& error) {
      core::log_warning("the record of this start was not written: {}", error.what());
    }
  }

  // SLURM 22.05 does not say in the environment when the allocation ends.
  void read_own_job() {
    std::optional<Time> end, submitted;
    try {
      const auto answer = time_.client(kShortPatience).show(here_.job, batch_.job_name);
      if (const auto* job = std::get_if<slurm::ShownJob>(&answer)) {
        end = job->end;
        run_.slurm_begin = job->begin;
        // A requeue gives it another time: no word of the first is better.
        if (job->restarts == 0) submitted = job->submitted;
      } else {
        core::log_warning("SLURM does not know job {} by the name of {}: it lost it", here_.job, batch_.job_name);
      }
    } catch (const core::RuntimeError& error) {
      core::log_warning("the end of the allocation is not known: {}", error.what());
    }
    time_.learn(end, request_.notice);
    if (end) environment_["SLURM_JOB_END_TIME"] = std::to_string(end->time_since_epoch().count());
    environment_[kSubmissionVariable] = folder_.path();
    environment_[core::kLogTimesVariable] = "1";
    // No error of srun's own may look like one of the run's.
    environment_["SLURM_EXIT_ERROR"] = "1";
    record_own_job(submitted);
  }

  // Whoever submitted may have died, or may never have heard what became of it. Nothing that goes wrong here may keep
  // the run from its begin.
  void record_own_job(const std::optional<Time>& submitted) {
    try {
      const auto standing = folder_.accept(batch_, run_.generation, {here_.job, "", submitted});
      if (standing.id != here_.job)
        core::log_warning("job {} is a double of job {}: generation {} of '{}'", here_.job, standing.id,
                          run_.generation, batch_.job_name);
    } catch (const std::exception& error) {
      core::log_warning("that SLURM has job {} could not be written down: {}", here_.job, error.what());
    }
  }

  SuiteToRun suite_to_run() {
    return {.world = world_,
            .folder = folder_,
            .request = request_,
            .batch = batch_,
            .work = *work_,
            .time = time_,
            .nodes = here_.nodes,
            .environment = environment_,
            .begun =
                [this](slurm::Launcher launcher) {
                  run_.launcher = slurm::name_of(launcher);
                  write_record();
                },
            .beside =
                [this] {
                  if (!run_.launcher.empty()) waiting_->see_to_it();
                  grow_by_turns();
                }};
  }

  // The job before this one was ended without a word, which SLURM may know: a row of ends that are its own fault
  // counts.
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
      core::log_warning("how job {} has ended is not known: {}", last.job, error.what());
    }
  }

  // This start was armed, and the one before it left nothing to it: SLURM has not heard that it is not wanted.
  const slurm::ScriptStart* settled_before() const {
    if (run_.generation == 0 || earlier_.empty()) return nullptr;
    const auto generation = folder_.generation(batch_, run_.generation);
    const auto* job = std::get_if<slurm::KnownJob>(&generation);
    const bool before = job != nullptr && job->armed && earlier_.back().generation < run_.generation;
    return before && nothing_follows(earlier_.back()) ? &earlier_.back() : nullptr;
  }

  bool is_work_ready() const {
    try {
      // No earlier run of this allocation can be at work: this start has taken its place.
      const auto status =
          read_standings(files_, work_->store, work_->suite, world_.now(), {work_->run_folder.filename().string()});
      return has_work(batch_, work_->suite, status.standings);
    } catch (const core::RuntimeError& error) {
      core::log_warning("whether there is work is not known: {}", error.what());
      return true;
    }
  }

  // \param ending number of this batch at its end, else 0 \param most to be submitted
  Grown grow_now(std::chrono::milliseconds patience, int ending, int most) const {
    auto asked = time_.client(patience);
    return grow(
        {files_, asked, world_.slurm, folder_, work_->suite, work_->store, world_.now(), Pardon::kNo, ending, most});
  }

  // While a run is at work, one of the allocations sees once a minute to those on demand. Nothing that goes wrong here
  // may disturb the run, and SLURM's notice must not wait long for it.
  void grow_by_turns() {
    if (!has_pools(request_) || world_.now() < next_turn_ || time_.too_late_to_run()) return;
    next_turn_ = world_.now() + kBetweenTurns;
    try {
      if (take_turn(files_, folder_, world_.now())) grow_now(kShortPatience, 0, kMostInATurn);
    } catch (const std::exception& error) {
      core::log_warning("whether the suite could use more allocations is not known: {}", error.what());
    }
  }

  // No nodes are held for a controller that is away while another job can go on.
  std::chrono::milliseconds patience_in_the_end() const {
    return waiting_->is_there() ? kShortPatience : time_.patience();
  }

  // What SLURM says of us now; nothing without an answer.
  void read_own_outcome(slurm::AllocationEnding& ending) const {
    try {
      ending.job = time_.client(patience_in_the_end()).show(here_.job, batch_.job_name);
    } catch (const core::RuntimeError& error) {
      core::log_warning("SLURM does not say what becomes of this job: {}", error.what());
    }
  }

  int conclude(slurm::AllocationEnding ending) {
    if (!ending.complete && (!ending.given_up || ending.store_failed)) read_own_outcome(ending);
    ending.noticed = world_.signals.noticed();
    ending.terminated = world_.signals.terminated();
    ending.ends_at = time_.end();
    ending.now = world_.now();
    const auto cause = slurm::cause_of(ending);
    run_.cause = cause;
    run_.end = ending.now;
    const auto step = slurm::next_step(cause, run_.before, run_.after, earlier_, request_, reason_);
    const bool nobody_goes_on =
        !std::holds_alternative<slurm::GoOn>(step) && cause != EndCause::kRequeued && cause != EndCause::kTerminated;
    if (nobody_goes_on) waiting_->dismiss();
    return std::visit(core::Overloaded{[&](slurm::Leave) {
                                         return ending.asked_to_stop ? end_as_cancelled(ending)
                                                                     : leave("SLURM or its user has decided");
                                       },
                                       [&](slurm::Finish) { return finish(cause); },
                                       [&](const slurm::GiveUp& end) { return give_up(cause, end.why); },
                                       [&](slurm::GoOn go_on) { return go_on_by(go_on.way, ending); }},
                      step);
  }

  void record_end(const std::string& verdict) {
    run_.verdict = verdict;
    write_record();
    core::log_info("allocation {}: {}; {}", here_.job, slurm::name_of(*run_.cause), verdict);
  }

  int ended(const std::string& verdict, int code) {
    record_end(verdict);
    tell();
    return code;
  }

  bool all_results_there() const {
    return orchestrator::all_results_there(files_, work_->store, work_->suite,
                                           results::record_check(files_, work_->store));
  }

  // Whoever is to hear of it does when nothing of the submission goes on by itself any more: the last of its starts to
  // end finds that out.
  void tell() const {
    if (request_.notify.empty() || !nothing_follows(run_)) return;
    try {
      const StoredSubmission stored = read_whole_submission(files_, folder_);
      const bool complete = work_ && all_results_there();
      const auto state = notice_of(complete, stored.batches, last_);
      if (!state) return;
      const std::string details =
          complete ? fmt::format(": all {} jobs have their results", work_->suite.jobs.size()) : ": " + run_.verdict;
      tell_of_submission(files_, folder_, *state, details + costs_and_bad_hardware(stored), environment_);
    } catch (const std::exception& error) {
      core::log_warning("nobody was told of the end: {}", error.what());
    }
  }

  // For somebody to look at; the word itself does not hang on it.
  std::string costs_and_bad_hardware(const StoredSubmission& stored) const {
    if (!work_) return "";
    std::string text;
    try {
      const std::string& suite = work_->suite.suite;
      const Usage usage = usage_of({stored}, orchestrator::read_timeline(files_, work_->store, suite),
                                   orchestrator::Instant(world_.now()));
      if (usage.gpu_seconds > 0)
        text = fmt::format("; {:.1f} GPU-hours: {}", usage.gpu_seconds / 3600, gpu_use_text(usage));
      for (const auto& place : orchestrator::places_aside(files_, work_->store, suite))
        text += "; set aside: " + text_of(place);
    } catch (const core::RuntimeError& error) {
      core::log_warning("what the suite has cost is not known: {}", error.what());
    }
    return text;
  }

  int leave(const std::string& why) { return ended(why, kToBeRunAgain); }

  // SLURM took this job when nobody knew, or begins it when nobody wants it any more. Whoever is to hear of the end
  // has.
  int leave_undone(const std::string& why, EndCause cause) {
    run_.cause = cause;
    run_.end = world_.now();
    record_end("nothing was done: " + why);
    return 0;
  }

  // A job that only ended would be FAILED to SLURM, its mails and its accounting.
  int end_as_cancelled(const slurm::AllocationEnding& ending) {
    ended("cancelled by `suite cancel`", kToBeRunAgain);
    if (!ending.job || !std::holds_alternative<slurm::ShownJob>(*ending.job)) return kToBeRunAgain;
    try {
      time_.client(kLeastPatience).cancel(here_.job);
    } catch (const core::RuntimeError& error) {
      if (error.kind() != core::ErrorKind::kInterrupted) core::log_warning("{}", error.what());
    }
    return kToBeRunAgain;
  }

  int give_up(EndCause cause, const std::string& why) {
    core::log_error("given up: {}; mend it, then `resolute suite resume`", why);
    run_.given_up = true;
    return ended("given up: " + why, cause == EndCause::kConfiguration ? 2 : 1);
  }

  int finish(EndCause cause) {
    if (cause != EndCause::kComplete) return finish_part(cause);
    try {
      time_.patiently([&] {
        // The run has written them unless it was killed, or its disk was full, between its last result and that.
        write_tables(files_, *work_);
        folder_.end("every result is there");
      });
    } catch (const core::RuntimeError& error) {
      core::log_error("the tables, or that the submission has ended, were not written: {}", error.what());
      return ended(error.is_storage()
                       ? "complete, but the store did not take its tables: `resolute suite run` writes them"
                       : fmt::format("complete, but its tables cannot be made: {}", error.what()),
                   1);
    }
    return ended("complete", 0);
  }

  // This allocation can do no more; others may, on jobs that wait for it or are of other kinds.
  int finish_part(EndCause cause) {
    write_record();
    try {
      const Grown grown = grow_now(time_.patience(), batch_.number, std::numeric_limits<int>::max());
      last_ = !grown.ended && !grown.cancelled && !grown.goes_on;
      if (cause == EndCause::kIdle) {
        if (grown.goes_on || grown.ended) return ended("there is nothing more for it to do", 0);
        if (grown.cancelled) return leave("the suite is being cancelled");
        if (grown.refused)
          return give_up(cause, "SLURM refuses an allocation that the suite needs: " + grown.refused->why);
        if (!grown.failures) return give_up(cause, "jobs are left that no allocation of this submission does");
      }
    } catch (const core::RuntimeError& error) {
      core::log_error("{}", error.what());
      if (cause == EndCause::kIdle) return leave("SLURM does not answer: `resolute suite resume` goes on");
    }
    return ended("the suite ended with failed jobs", 3);
  }

  int go_on_by(slurm::Continuation way, const slurm::AllocationEnding& ending) {
    const bool known = ending.job && std::holds_alternative<slurm::ShownJob>(*ending.job);
    const bool lost = ending.job && !known;
    if (way == slurm::Continuation::kChain || lost) return chain(lost ? "SLURM lost this job" : "as it is asked for");
    if (!known) return leave_to_resume();
    // SLURM ends this process as soon as it has the word.
    ended(killed_by_ ? fmt::format("requeued: the process that saw to it was killed by signal {}{}", *killed_by_,
                                   *killed_by_ == SIGKILL ? " (out of memory?)" : "")
                     : "requeued",
          kToBeRunAgain);
    try {
      const auto answer = time_.client(patience_in_the_end()).requeue(here_.job);
      if (std::holds_alternative<slurm::Done>(answer)) return kToBeRunAgain;
      const auto* refused = std::get_if<slurm::Refused>(&answer);
      if (refused == nullptr) return chain("SLURM lost this job");
      return chain(refused->why);
    } catch (const core::RuntimeError& error) {
      if (error.kind() == core::ErrorKind::kInterrupted) return kToBeRunAgain;
      core::log_error("{}", error.what());
      return leave_to_resume();
    }
  }

  int leave_to_resume() {
    return leave(waiting_->is_there()
                     ? fmt::format("SLURM does not answer: generation {} waits and goes on", run_.generation + 1)
                     : "SLURM does not answer: `resolute suite resume` goes on");
  }

  int chain(const std::string& why) {
    ended(fmt::format("another job follows ({})", why), kToBeRunAgain);
    try {
      auto asked = time_.client(time_.patience());
      const int next = waiting_->next_generation(asked);
      const auto answer = slurm::ensure_submitted(files_, asked, world_.slurm, folder_, batch_, next);
      if (const auto* refused = std::get_if<slurm::Refused>(&answer)) {
        core::log_error("SLURM takes no successor: {}", refused->why);
        run_.given_up = true;
        return ended("given up: SLURM takes no successor: " + refused->why, 1);
      }
      core::log_info("generation {} is job {}", next, std::get<slurm::KnownJob>(answer).id);
    } catch (const core::RuntimeError& error) {
      core::log_error("{}", error.what());
      return leave("no successor yet: `resolute suite resume` goes on");
    }
    return kToBeRunAgain;
  }

  const AllocationWorld& world_;
  core::FileSystem& files_ = world_.files;
  TimeLeft time_{world_};
  slurm::SubmissionFolder folder_;
  const slurm::SubmissionRequest request_;
  const slurm::Batch& batch_;
  const slurm::AllocationEnvironment here_;
  Environment environment_;
  const std::optional<int> killed_by_;
  bool record_there_ = false;  // run_ was begun by the process that was killed
  std::string reason_;         // why the run stopped, by its journal
  Time next_turn_{};           // of grow_by_turns()
  bool last_ = false;          // SLURM has no other of the submission's allocations that goes on
  std::vector<slurm::ScriptStart> earlier_;
  slurm::ScriptStart run_;
  std::optional<AllocationWork> work_;
  std::optional<JobInWaiting> waiting_;
};

// The batch script's, which started this process. Empty where another did: the script puts the process that follows a
// killed one in the place of its own shell.
Environment environment_of_script() {
  const auto here = core::current_environment();
  auto born = core::environment_at_birth(::getppid());
  if (core::variable_in(born, "SLURM_JOB_ID") != core::variable_in(here, "SLURM_JOB_ID")) return {};
  return slurm::job_environment(std::move(born), here);
}

}  // namespace

AllocationWorld real_allocation_world(const AllocationSignals& signals, PlanOf plan_of, std::string version) {
  return {core::real_file_system(),
          core::monotonic_clock(),
          signals,
          [] { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); },
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

}  // namespace resolute::allocations
