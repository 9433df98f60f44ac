#include "cli/submission/submit_wait.h"

#include <fmt/format.h>

#include <optional>
#include <set>

#include "cli/terminal.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "operations/liveness/run_signs.h"
#include "operations/look/status.h"
#include "orchestrator/store/stored_jobs.h"
#include "results/records/record.h"

namespace resolute::cli {

namespace {

constexpr std::chrono::seconds kLookInterval(30);  // between questions to SLURM
constexpr std::chrono::milliseconds kPause(2000);

// SLURM's last answer.
struct Queue {
  bool asked = false, answered = false, alive = false;
  std::string text;
};

Queue ask_queue(core::FileSystem& files, slurm::Client& client, const std::filesystem::path& suite_folder) {
  Queue queue{true, true, false, ""};
  for (const auto& standing : operations::open_submissions(files, client, suite_folder)) {
    if (standing.trouble) return {true, false, true, "SLURM does not answer: " + *standing.trouble};
    for (const auto& batch : standing.batches) {
      if (batch.queued.empty()) continue;
      queue.alive = true;
      const auto& job = batch.queued.front();
      queue.text += fmt::format("{}job {} {}", queue.text.empty() ? "" : ", ", job.id, slurm::name_of(job.state));
      if (!job.node_list.empty())
        queue.text += " on " + job.node_list;
      else if (!job.reason.empty() && job.reason != "None")
        queue.text += " (" + job.reason + ")";
    }
  }
  if (!queue.alive) queue.text = "SLURM has no job of it left";
  return queue;
}

std::string progress_text(const operations::SuiteStatus& status, std::size_t jobs, const Queue& queue) {
  std::string text = fmt::format("{} of {} jobs done", status.jobs.succeeded, jobs);
  if (status.jobs.running > 0) text += fmt::format(", {} running", status.jobs.running);
  if (status.jobs.failed > 0) text += fmt::format(", {} failed", status.jobs.failed);
  if (!queue.text.empty()) text += "; " + queue.text;
  return text;
}

// Measures how long the runs have shown no life, by this machine's clock alone.
class Standstill {
 public:
  std::chrono::nanoseconds after(const operations::RunSigns& signs) {
    std::string marks;
    for (const auto& [name, sign] : signs) marks += fmt::format("{} {}\n", name, sign.mark);
    const auto now = core::monotonic_clock().now();
    if (marks != marks_ || signs.empty()) since_ = now;
    marks_ = std::move(marks);
    return now - since_;
  }

 private:
  std::string marks_;
  core::MonotonicTime since_ = core::monotonic_clock().now();
};

// SLURM has no job left and no run gives a sign of life: running jobs count as ready.
operations::SuiteStatus status_at_end(core::FileSystem& files, const experiments::StoreLayout& store,
                                      const experiments::Plan& plan) {
  auto status = operations::read_status(files, store, plan, results::record_check(files, store));
  status.jobs.ready += status.jobs.running;
  status.jobs.running = 0;
  return status;
}

}  // namespace

int wait_for_submission(core::FileSystem& files, slurm::Client& client, const experiments::StoreLayout& store,
                        experiments::Plan plan, const std::function<experiments::Plan()>& plan_again,
                        const std::string& status_command) {
  const auto owner_watch = orchestrator::RunOptions().owner_watch;
  WatchInput input;
  Queue queue;
  Standstill standstill;
  std::string last;
  auto next_look = core::monotonic_clock().now();
  // \return the exit code, once it has ended
  const auto look = [&](core::MonotonicTime begin) -> std::optional<int> {
    const auto view = operations::look_at_suite(files, store, plan);
    const auto& status = view.status;
    // The journal is not enough: somebody may have removed a result to have it made again.
    const auto& jobs = status.jobs;
    if (plan.waits() && jobs.waiting + jobs.ready + jobs.running == 0 && experiments::take_next(plan, plan_again()))
      return std::nullopt;
    const bool complete = !plan.waits() && jobs.succeeded == static_cast<int>(plan.jobs.size()) &&
                          orchestrator::all_results_there(files, store, plan, results::record_check(files, store));
    const auto still = standstill.after(view.signs);
    if (!all_silent(view) && still <= operations::kSilence) {
      queue = {};  // it is at work: what SLURM said before is old
    } else if (begin >= next_look) {
      queue = ask_queue(files, client, store.suite_folder(plan.suite));
      next_look = core::monotonic_clock().now() + kLookInterval;
    }
    // A complete suite only lacks its tables, which its last run writes at its end.
    const bool over = queue.asked && (!queue.alive || (complete && !queue.answered));
    if (over && (!status.live || still >= owner_watch)) {
      if (plan.waits() && experiments::take_next(plan, plan_again())) return std::nullopt;
      const auto end = status_at_end(files, store, plan);
      core::log_info("ended: {}", progress_text(end, plan.jobs.size(), queue));
      if (end.jobs.succeeded == static_cast<int>(plan.jobs.size()))
        return plan.waits() ? orchestrator::kExitIncomplete : 0;
      return end.failures.empty() ? orchestrator::kExitToBeContinued : orchestrator::kExitIncomplete;
    }
    if (std::string now = progress_text(status, plan.jobs.size(), queue); now != last) {
      core::log_info("{}", now);
      last = std::move(now);
    }
    return std::nullopt;
  };
  for (std::set<std::string> warned;;) {
    const auto begin = core::monotonic_clock().now();
    try {
      if (const auto code = look(begin)) return *code;
    } catch (const core::RuntimeError& error) {
      if (!error.is_storage()) throw;
      if (warned.insert(error.what()).second) core::log_warning("waiting for the store ({})", error.what());
    }
    if (!input.wait(pause_after(core::monotonic_clock().now() - begin, kPause))) {
      core::log_info("the submission goes on without being watched; `{}` tells how it fares", status_command);
      return orchestrator::kExitToBeContinued;
    }
  }
}

}  // namespace resolute::cli
