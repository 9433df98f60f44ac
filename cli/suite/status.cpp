// `resolute suite status`

#include "operations/look/status.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_set>

#include "cli/subcommands.h"
#include "cli/suite/arguments.h"
#include "cli/suite/status_view.h"
#include "cli/terminal.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/files/file_system.h"
#include "core/files/json.h"
#include "core/log.h"
#include "core/process/process.h"
#include "experiments/include.h"
#include "operations/liveness/run_signs.h"
#include "operations/look/attempt_logs.h"
#include "operations/notices/notice.h"
#include "operations/submissions/allocation_view.h"
#include "orchestrator/store/live.h"
#include "results/verdicts/mixed_rows.h"
#include "slurm/client.h"

namespace resolute::cli {

namespace {

constexpr CommandHelp kSuiteStatusHelp{
    "resolute suite status SUITE.toml --store STORE [--watch] [--interval SECONDS] [--json]",
    R"(How far a suite is, from the store: jobs by state, what runs and where, nodes, failures with cause and evidence; and,
where it was submitted, from SLURM: which allocations wait and why, run, or have gone, and what to do. SLURM is asked
at most once a minute, and when an allocation or its run starts or ends, and waited for at most ten seconds.

--watch shows it anew every two seconds until every result is there, what it saw at work has ended, or q or ctrl-C is
pressed; where standard output is no terminal, a block (with --json a line) for each change. NO_COLOR is obeyed.)",
    "  resolute suite status experiments/suites/quickstart.toml --store store\n"
    "  resolute suite status suite.toml --store /shared/store --watch\n"
    "  resolute suite status suite.toml --store store --watch --json | tee progress.jsonl\n"};

// Asks SLURM as TimesToAsk says. A submission, a job, a start or end of an allocation or of its run are news.
class SlurmLook {
 public:
  operations::SlurmAnswer answer(const std::vector<operations::StoredSubmission>& submissions) {
    const auto names = operations::names_to_ask(submissions);
    if (names.empty()) return {};
    using Due = operations::TimesToAsk::Due;
    const Due due =
        times_.due(subject_of(submissions) + runs_, last_.trouble.has_value(), core::monotonic_clock().now());
    if (due != Due::kNot) {
      if (coming_.valid()) last_ = coming_.get();
      coming_ = std::async(std::launch::async, [names] {
        const slurm::Client client(slurm::real_effects(), kPatience);
        auto answer = operations::ask_slurm(client, names);
        operations::ask_for_exits(client, names, answer);
        return answer;
      });
      if (due == Due::kNow) coming_.wait();
    }
    if (coming_.valid() && coming_.wait_for(std::chrono::seconds(0)) == std::future_status::ready)
      last_ = coming_.get();
    return last_;
  }
  // Takes the runs that the store's look saw at work. That look comes after SLURM's.
  void heed(const operations::SuiteStatus& status) {
    runs_.clear();
    for (const operations::SuiteRun& run : status.runs)
      if (run.live) runs_ += fmt::format("{} {}\n", run.name, run.epoch);
  }

 private:
  static constexpr slurm::ClientOptions kPatience{.command_limit = std::chrono::seconds(5),
                                                  .patience = std::chrono::seconds(4),
                                                  .first_pause = std::chrono::milliseconds(500),
                                                  .longest_pause = std::chrono::seconds(1)};

  static std::string starts_of(const operations::StoredBatch& batch) {
    if (batch.runs.empty()) return "";
    return fmt::format("{} {}", batch.runs.size(), batch.runs.back().end ? "ended" : "runs");
  }
  static std::string subject_of(const std::vector<operations::StoredSubmission>& submissions) {
    std::string subject;
    for (const operations::StoredSubmission& submission : submissions)
      for (const operations::StoredBatch& batch : submission.batches)
        subject +=
            fmt::format("{} {} {} {}\n", batch.batch.job_name, batch.generation, batch.known.size(), starts_of(batch));
    return subject;
  }

  operations::TimesToAsk times_;
  std::string runs_;
  std::future<operations::SlurmAnswer> coming_;
  operations::SlurmAnswer last_;
};

std::optional<orchestrator::LiveStatus> read_live(core::FileSystem& files, const experiments::StoreLayout& store,
                                                  const experiments::Plan& plan,
                                                  const operations::SuiteStatus& status) {
  std::vector<orchestrator::LiveStatus> runs;
  bool whole = true;
  // A run that was killed leaves its last one behind.
  for (const operations::SuiteRun& run : status.runs)
    if (run.live)
      if (auto live = orchestrator::read_live(files, store.suite_folder(run.name))) {
        runs.push_back(std::move(*live));
        whole = whole && run.jobs >= plan.jobs.size();
      }
  if (runs.empty()) return std::nullopt;
  const auto& jobs = status.jobs;
  return whole ? orchestrator::together(runs)
               : orchestrator::side_by_side(runs, jobs.waiting + jobs.ready + jobs.running);
}

// Nothing of a log that cannot be read: status has more to tell.
std::vector<std::string> end_of(core::FileSystem& files, const std::filesystem::path& path, std::size_t lines) {
  try {
    return operations::last_lines(files, path, lines);
  } catch (const core::RuntimeError&) {
    return {};
  }
}

// Logs of the first jobs that failed by themselves: a suite may have thousands. Only the first log shows its end.
std::map<experiments::JobId, FailureLog> failure_logs(core::FileSystem& files, const experiments::StoreLayout& store,
                                                      const operations::SuiteStatus& status) {
  constexpr std::size_t kMost = 10, kLines = 12;
  std::map<experiments::JobId, FailureLog> logs;
  for (const auto& failure : status.failures) {
    if (logs.size() == kMost) break;
    if (failure.cause == orchestrator::kNeedsFailed) continue;
    const auto left = operations::latest_logs(files, store, failure.job);
    if (left.empty()) continue;
    const auto& path = left.front().path;
    logs[failure.job] = {path.string(), logs.empty() ? end_of(files, path, kLines) : std::vector<std::string>()};
  }
  return logs;
}

void read_log_ends(core::FileSystem& files, std::vector<operations::AllocationView>& views) {
  for (operations::AllocationView& view : views)
    if (!view.log.empty())
      if (const auto end = end_of(files, view.log, 1); !end.empty()) view.log_end = end.front();
}

// True if the suite's file has changed since the shown submission. \param text of the file when its plan was made
bool submitted_another(core::FileSystem& files, const std::filesystem::path& suite_folder,
                       const std::vector<operations::StoredSubmission>& submissions, const std::string& text) {
  if (submissions.empty()) return false;
  const auto open =
      std::find_if(submissions.rbegin(), submissions.rend(), [](const auto& submission) { return !submission.ended; });
  const auto& shown = open == submissions.rend() ? submissions.back() : *open;
  return operations::suite_has_changed(
      files, slurm::SubmissionFolder(files, suite_folder / "submissions" / shown.request.token), text);
}

// The suite that is looked at.
struct Subject {
  const SuiteArguments& arguments;
  experiments::Plan plan;
  std::string text;  // of the suite's file
};

StatusView look(const Subject& subject, SlurmLook& slurm, std::set<std::string>& warned) {
  const auto& [arguments, plan, text] = subject;
  auto& files = core::real_file_system();
  // Before the store's own view: an allocation that ends meanwhile has then left its results.
  const auto suite_folder = arguments.store.suite_folder(plan.suite);
  const auto submissions = operations::read_submissions(files, suite_folder, &warned);
  auto answer = slurm.answer(submissions);
  StatusView view{operations::look_at_suite(files, arguments.store, plan), plan.suite};
  view.waits = plan.waits();
  view.slurm = std::move(answer);
  slurm.heed(view.status);
  operations::correct(view.status, submissions, view.slurm, view.signs);
  view.live = read_live(files, arguments.store, plan, view.status);
  if (!view.status.live) view.mixed_rows = results::mixed_rows(plan, view.status.classes).size();
  view.logs = failure_logs(files, arguments.store, view.status);
  std::error_code error;
  const auto disk = fs::space(arguments.store.root(), error);
  if (!error) view.room = disk.available;
  view.store = arguments.values["store"].as<std::string>();
  view.untold = operations::untold(
      files, submissions.empty() ? suite_folder : suite_folder / "submissions" / submissions.back().request.token);
  view.allocations = join(submissions, view.slurm, is_complete(view));
  read_log_ends(files, view.allocations);
  operations::advise_on_silence(view.allocations, plan.suite, view.signs,
                                std::chrono::floor<std::chrono::seconds>(view.now));
  view.suite_changed = !is_complete(view) && submitted_another(files, suite_folder, submissions, text);
  if (!view.live) return view;
  std::unordered_set<std::string_view> named;
  for (const auto& attempt : view.live->running) named.insert(attempt.job.hex);
  for (const auto& retry : view.live->retried) named.insert(retry.job.hex);
  for (const auto& job : plan.jobs)
    if (named.contains(job.id.hex)) view.labels[job.id] = job.label;
  return view;
}

// \return false where nobody reads any more
bool write_out(const std::string& text) {
  std::cout << text;
  return flush_output("the status");
}

// Evidence is what another program wrote: no UTF-8 for sure.
std::string json_text(const StatusView& view, int indent) {
  return status_json(view).dump(indent, ' ', false, core::Json::error_handler_t::replace) + "\n";
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return text;
}

// A held job has no process that could send the notice. \param noticed submissions with a notice
void tell_of_held(const Subject& subject, const StatusView& view, std::set<std::string>& noticed) {
  auto& files = core::real_file_system();
  for (const auto& allocation : view.allocations) {
    if (allocation.state != operations::AllocationView::State::kHeld || !noticed.insert(allocation.submission).second)
      continue;
    const auto folder =
        subject.arguments.store.suite_folder(subject.plan.suite) / "submissions" / allocation.submission;
    operations::tell_of_submission(files, slurm::SubmissionFolder(files, folder), operations::NoticeState::kHeld,
                                   fmt::format(": job {} ({})", allocation.job, allocation.reason),
                                   core::current_environment());
  }
}

// Nothing while the store cannot be read: a file server may be away for a while.
std::optional<StatusView> look_patiently(Subject& subject, SlurmLook& slurm, std::set<std::string>& warned) {
  try {
    auto view = look(subject, slurm, warned);
    const auto& jobs = view.status.jobs;
    if (!view.waits || jobs.waiting + jobs.ready + jobs.running > 0) return view;
    // Longer, if a rung is complete.
    return experiments::take_next(subject.plan, subject.arguments.plan(false)) ? look(subject, slurm, warned) : view;
  } catch (const core::RuntimeError& error) {
    if (!error.is_storage()) throw;
    if (warned.insert(error.what()).second) core::log_warning("waiting for the store ({})", error.what());
    return std::nullopt;
  }
}

void watch(Subject subject, std::chrono::milliseconds interval) {
  const bool json = subject.arguments.json;
  const bool redraws = output_is_terminal() && !json;
  WatchInput input;
  Redraw redraw;
  std::string last;
  SlurmLook slurm;
  std::set<std::string> warned;
  std::set<std::string> noticed;
  for (bool was_alive = false, read = true;;) {
    const auto begin = core::monotonic_clock().now();
    const std::optional<StatusView> seen = look_patiently(subject, slurm, warned);
    if (!seen) {
      if (!input.wait(interval)) return;
      continue;
    }
    const StatusView& view = *seen;
    const auto cost = core::monotonic_clock().now() - begin;
    if (redraws) {
      const TerminalSize size = terminal_size();
      read = write_out(redraw.frame(status_lines(view, {size.columns, std::max(size.rows - 1, 1), colours_wanted()})));
    } else if (std::string now = essence(view); now != last) {
      read = write_out(json           ? json_text(view, -1)
                       : last.empty() ? joined(status_lines(view, {}))
                                      : "\n" + joined(status_lines(view, {})));
      last = std::move(now);
    }
    const bool alive = is_alive(view);
    const bool ended = is_complete(view) ? !view.status.live : was_alive && !alive;
    was_alive = alive;
    tell_of_held(subject, view, noticed);
    if (!read || ended || reader_has_left() || !input.wait(pause_after(cost, interval))) return;
  }
}

}  // namespace

int suite_status(const Arguments& arguments) {
  double interval = 2;
  options::options_description visible;
  auto add = visible.add_options();
  add("watch", "show it again and again");
  add("interval", options::value(&interval)->default_value(interval), "seconds from one look to the next, 0.1 or more");
  auto parsed = parse_suite_arguments(arguments, kSuiteStatusHelp, visible);
  if (!parsed) return 0;
  if (!(interval >= 0.1 && interval <= 86400))
    throw core::input_error(fmt::format("--interval is {}", interval), "0.1 to 86400 seconds are possible");
  auto plan = parsed->plan_as_run();
  Subject subject{
      *parsed, std::move(plan),
      experiments::text_with_includes(core::real_file_system(), parsed->values["SUITE.toml"].as<std::string>())};
  if (parsed->values.count("watch") > 0) {
    watch(std::move(subject), std::chrono::milliseconds(static_cast<std::int64_t>(interval * 1000)));
    return 0;
  }
  // With --watch the command waits for the store.
  if (!std::filesystem::is_directory(parsed->store.root()))
    core::log_warning("there is no store '{}' yet", parsed->store.root().string());
  SlurmLook slurm;
  std::set<std::string> warned;
  const StatusView view = look(subject, slurm, warned);
  if (parsed->json)
    write_out(json_text(view, 1));
  else
    write_out(joined(status_lines(view, {output_is_terminal() ? terminal_size().columns : 0, 0, colours_wanted()})));
  return 0;
}

}  // namespace resolute::cli
