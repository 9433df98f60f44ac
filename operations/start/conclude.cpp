#include "operations/start/conclude.h"

#include <fmt/format.h>

#include <csignal>

#include "core/error.h"
#include "core/log.h"
#include "core/overloaded.h"
#include "operations/growth/grow.h"
#include "operations/look/timeline.h"
#include "operations/notices/notice.h"
#include "operations/submissions/usage.h"
#include "orchestrator/coordinator/places_aside.h"
#include "orchestrator/store/stored_jobs.h"
#include "results/records/record.h"
#include "results/tables/aggregation.h"
#include "results/tables/tables.h"

namespace resolute::operations {

namespace {

using slurm::EndCause;

class Conclusion {
 public:
  explicit Conclusion(const EndedStart& start) : start_(start) {}

  int conclude(slurm::AllocationEnding ending) {
    if (!ending.complete && (!ending.given_up || ending.store_failed)) read_own_outcome(ending);
    ending.noticed = start_.world.signals.noticed();
    ending.terminated = start_.world.signals.terminated();
    ending.ends_at = start_.time.end();
    ending.now = start_.world.now();
    const auto cause = slurm::cause_of(ending);
    start_.run.cause = cause;
    start_.run.end = ending.now;
    const auto step =
        slurm::next_step(cause, start_.run.before, start_.run.after, start_.earlier, start_.request, start_.reason);
    const bool nobody_goes_on =
        !std::holds_alternative<slurm::GoOn>(step) && cause != EndCause::kRequeued && cause != EndCause::kTerminated;
    if (nobody_goes_on) start_.waiting.dismiss();
    return std::visit(core::Overloaded{[&](slurm::Leave) {
                                         return ending.asked_to_stop ? end_as_cancelled(ending)
                                                                     : leave("SLURM or its user has decided");
                                       },
                                       [&](slurm::Finish) { return finish(cause); },
                                       [&](const slurm::GiveUp& end) { return give_up(cause, end.why); },
                                       [&](slurm::GoOn go_on) { return go_on_by(go_on.way, ending); }},
                      step);
  }

 private:
  // Nodes do not wait for a controller that is away if another job can go on.
  std::chrono::milliseconds patience_in_the_end() const {
    return start_.waiting.is_there() ? kShortPatience : start_.time.patience();
  }

  // SLURM's answer on this job now; nothing if it gives none.
  void read_own_outcome(slurm::AllocationEnding& ending) const {
    try {
      ending.job = start_.time.client(patience_in_the_end()).show(start_.run.job, start_.batch.job_name);
    } catch (const core::RuntimeError& error) {
      core::log_warning("SLURM does not say what becomes of this job: {}", error.what());
    }
  }

  int ended(const std::string& verdict, int code) {
    record_end(start_, start_.run, verdict);
    tell();
    return code;
  }

  // Sends the notice when nothing of the submission goes on by itself any more. The last start to end finds that out.
  void tell() const {
    if (start_.request.notify.empty() || !nothing_follows(start_.run)) return;
    try {
      core::FileSystem& files = start_.world.files;
      const StoredSubmission stored = read_whole_submission(files, start_.folder);
      const bool complete =
          start_.work && orchestrator::all_results_there(files, start_.work->store, start_.work->suite,
                                                         results::record_check(files, start_.work->store));
      const auto state = notice_of(complete, stored.batches, last_);
      if (!state) return;
      const std::string details = complete
                                      ? fmt::format(": all {} jobs have their results", start_.work->suite.jobs.size())
                                      : ": " + start_.run.verdict;
      tell_of_submission(files, start_.folder, *state, details + costs_and_bad_hardware(stored), start_.environment);
    } catch (const std::exception& error) {
      core::log_warning("the notice of the end was not sent: {}", error.what());
    }
  }

  // Facts for people; the notice goes out without them too.
  std::string costs_and_bad_hardware(const StoredSubmission& stored) const {
    if (!start_.work) return "";
    std::string text;
    try {
      const std::string& suite = start_.work->suite.suite;
      const Usage usage = usage_of({stored}, read_timeline(start_.world.files, start_.work->store, suite),
                                   orchestrator::Instant(start_.world.now()));
      if (usage.gpu_seconds > 0)
        text = fmt::format("; {:.1f} GPU-hours: {}", usage.gpu_seconds / 3600, gpu_use_text(usage));
      for (const auto& place : orchestrator::places_aside(start_.world.files, start_.work->store, suite))
        text += "; set aside: " + text_of(place);
    } catch (const core::RuntimeError& error) {
      core::log_warning("the cost of the suite is not known: {}", error.what());
    }
    return text;
  }

  int leave(const std::string& why) { return ended(why, kToBeRunAgain); }

  // A job that only ended would be FAILED in SLURM's mails and accounting.
  int end_as_cancelled(const slurm::AllocationEnding& ending) {
    ended("cancelled by `suite cancel`", kToBeRunAgain);
    if (!ending.job || !std::holds_alternative<slurm::ShownJob>(*ending.job)) return kToBeRunAgain;
    try {
      start_.time.client(kLeastPatience).cancel(start_.run.job);
    } catch (const core::RuntimeError& error) {
      if (error.kind() != core::ErrorKind::kInterrupted) core::log_warning("{}", error.what());
    }
    return kToBeRunAgain;
  }

  int give_up(EndCause cause, const std::string& why) {
    core::log_error("given up: {}; mend it, then `resolute suite resume`", why);
    start_.run.given_up = true;
    return ended("given up: " + why, cause == EndCause::kConfiguration ? 2 : 1);
  }

  int finish(EndCause cause) {
    if (cause != EndCause::kComplete) return finish_part(cause);
    try {
      start_.time.patiently([&] {
        // The run has written them, unless it was killed or its disk was full after its last result.
        const AllocationWork& work = *start_.work;
        results::write_tables(start_.world.files, work.store.suite_folder(work.suite.suite) / "tables",
                              results::aggregate(work.suite, start_.world.files, work.store));
        start_.folder.end("every result is there");
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

  // This allocation can do no more. Others may: jobs waited for its work, or are of other kinds.
  int finish_part(EndCause cause) {
    write_record(start_, start_.run);
    try {
      const Grown grown = look_for_growth();
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
    // SLURM ends this process as soon as it has the request.
    ended(start_.killed_by ? fmt::format("requeued: signal {} killed its process{}", *start_.killed_by,
                                         *start_.killed_by == SIGKILL ? " (out of memory?)" : "")
                           : "requeued",
          kToBeRunAgain);
    try {
      const auto answer = start_.time.client(patience_in_the_end()).requeue(start_.run.job);
      if (std::holds_alternative<slurm::Done>(answer)) return kToBeRunAgain;
      const auto* refused = std::get_if<slurm::Refused>(&answer);
      return chain(refused == nullptr ? "SLURM lost this job" : refused->why);
    } catch (const core::RuntimeError& error) {
      if (error.kind() == core::ErrorKind::kInterrupted) return kToBeRunAgain;
      core::log_error("{}", error.what());
      return leave_to_resume();
    }
  }

  int leave_to_resume() {
    return leave(start_.waiting.is_there()
                     ? fmt::format("SLURM does not answer: generation {} waits and goes on", start_.run.generation + 1)
                     : "SLURM does not answer: `resolute suite resume` goes on");
  }

  int chain(const std::string& why) {
    ended(fmt::format("another job follows ({})", why), kToBeRunAgain);
    try {
      int next = 0;
      std::variant<slurm::KnownJob, slurm::Refused> answer;
      start_.time.patiently([&] {
        auto asked = start_.time.client(start_.time.patience());
        next = start_.waiting.next_generation(asked);
        answer =
            slurm::ensure_submitted(start_.world.files, asked, start_.world.slurm, start_.folder, start_.batch, next);
      });
      if (const auto* refused = std::get_if<slurm::Refused>(&answer)) {
        core::log_error("SLURM takes no successor: {}", refused->why);
        start_.run.given_up = true;
        return ended("given up: SLURM takes no successor: " + refused->why, 1);
      }
      core::log_info("generation {} is job {}", next, std::get<slurm::KnownJob>(answer).id);
    } catch (const core::RuntimeError& error) {
      core::log_error("{}", error.what());
      return leave("no successor yet: `resolute suite resume` goes on");
    }
    return kToBeRunAgain;
  }

  // More allocations for what this one leaves undone.
  Grown look_for_growth() const {
    Grown grown;
    start_.time.patiently([&] {
      auto asked = start_.time.client(start_.time.patience());
      grown = grow({start_.world.files, asked, start_.world.slurm, start_.folder, start_.work->suite, start_.world.now,
                    Pardon::kNo, start_.batch.number});
    });
    return grown;
  }

  const EndedStart& start_;
  bool last_ = false;  // SLURM has no other of the submission's allocations that goes on
};

}  // namespace

int conclude(const EndedStart& start, slurm::AllocationEnding ending) {
  return Conclusion(start).conclude(std::move(ending));
}

void write_record(const ServedBatch& served, const slurm::ScriptStart& run) {
  try {
    slurm::write_run(served.world.files, served.folder.batch_folder(served.batch), run);
  } catch (const core::RuntimeError& error) {
    core::log_warning("the record of this start was not written: {}", error.what());
  }
}

void record_end(const ServedBatch& served, slurm::ScriptStart& run, const std::string& verdict) {
  run.verdict = verdict;
  write_record(served, run);
  core::log_info("allocation {}: {}; {}", run.job, slurm::name_of(*run.cause), verdict);
}

}  // namespace resolute::operations
