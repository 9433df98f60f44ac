// `resolute logs`

#include <fmt/ranges.h>

#include <functional>
#include <iostream>
#include <optional>

#include "cli/columns.h"
#include "cli/job/find_job.h"
#include "cli/subcommands.h"
#include "cli/terminal.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/files/file_system.h"
#include "core/log.h"
#include "experiments/store/bundle.h"
#include "operations/look/attempt_logs.h"
#include "operations/look/explain.h"
#include "orchestrator/store/wall_clock.h"

namespace resolute::cli {

namespace {

using operations::AttemptLog;

constexpr CommandHelp kLogsHelp{
    "resolute logs JOB|ROW --store STORE [--suite NAME] [--attempt N] [--rank R] [--follow]",
    R"(What the process ranks of a job have written to their standard error: tracebacks, warnings, whatever a worker says.
JOB is an id, its first digits (4 or more), or a specification's file; ROW is a row of a suite that was run, or words
that tell one job of it from others ("training RAIN 0"). Where several jobs fit, the only one that has written
anything is meant, or they are listed. The latest attempt is shown unless another is asked for. Which file it is goes
to standard error.

--follow waits for more, over all attempts, until the job has its result or is given up, or q or ctrl-C is pressed; it
asks nothing but the store, so that it works from any machine that sees it.)",
    "  resolute logs 3fa9 --store store\n"
    "  resolute logs 'training RAIN 0' --store store --attempt 1\n"
    "  resolute logs 3fa9 --store /shared/store --follow\n"
    "  resolute logs 3fa9 --store store | grep -A 20 Traceback\n"};

constexpr std::chrono::milliseconds kBetweenReads{500};
constexpr std::chrono::milliseconds kBetweenLooks{3000};  // at the journals

struct LogsRequest {
  experiments::StoreLayout store;
  experiments::JobId job;
  std::optional<std::string> suite{};
  std::optional<int> attempt{}, process_rank{};
};

// Bytes on their way to standard output; each change of file is told on standard error.
class LogOutput {
 public:
  explicit LogOutput(experiments::JobId job) : job_(std::move(job)), terminal_(output_is_terminal()) {}
  void say(const AttemptLog& log, bool packed = false) {
    if (log.path == said_) return;
    said_ = log.path;
    std::cout.flush();
    core::log_info("attempt {} of job {}{}: {}{}", log.attempt, short_id(job_),
                   log.process_rank > 0 ? fmt::format(", process rank {}", log.process_rank) : "", log.path.string(),
                   packed ? " (packed by `suite compact`)" : "");
  }
  void put(std::string_view bytes) {
    if (terminal_)  // what another program wrote gives no orders to it
      std::cout << without_controls(std::string(bytes), "\n\t\r");
    else
      std::cout.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    std::cout.flush();
  }
  // Nobody reads any more.
  bool is_closed() const { return !std::cout || reader_has_left(); }

 private:
  experiments::JobId job_;
  bool terminal_;
  fs::path said_;
};

std::vector<AttemptLog> asked_logs(core::FileSystem& files, const LogsRequest& request, int attempt) {
  auto logs = operations::attempt_logs(files, request.store, request.job, attempt);
  if (request.process_rank)
    std::erase_if(logs, [&](const AttemptLog& log) { return log.process_rank != *request.process_rank; });
  return logs;
}

core::RuntimeError no_attempt_error(const LogsRequest& request, const std::string& problem, const std::string& why) {
  return core::input_error(problem, why,
                           fmt::format("`resolute explain {} --store {}` tells its story", short_id(request.job),
                                       request.store.root().string()));
}

void show_logs(core::FileSystem& files, const LogsRequest& request) {
  const std::set<int> attempts = operations::attempts_left(files, request.store, request.job);
  if (attempts.empty()) {
    auto& real = core::real_file_system();
    const std::string problem = fmt::format("no attempt of job {} has left a log", short_id(request.job));
    // One that wrote nothing leaves no file; of it no journal need be asked.
    if (real.exists(request.store.result_file(request.job)))
      throw no_attempt_error(request, problem, "it has its result");
    const auto now =
        operations::look_at_job(real, request.store, request.job, request.suite, orchestrator::wall_clock());
    throw no_attempt_error(request, problem, now.text);
  }
  const int attempt = request.attempt.value_or(*attempts.rbegin());
  if (!attempts.contains(attempt))
    throw no_attempt_error(request, fmt::format("job {} has no attempt {}", short_id(request.job), attempt),
                           fmt::format("there is {}", fmt::join(attempts, ", ")));
  const auto logs = asked_logs(files, request, attempt);
  if (logs.empty())
    core::log_info("attempt {} of job {}{} has written nothing to its standard error", attempt, short_id(request.job),
                   request.process_rank ? fmt::format(", process rank {},", *request.process_rank) : "");
  LogOutput output(request.job);
  // One after the other, whole.
  for (const AttemptLog& log : logs) {
    output.say(log, !core::real_file_system().exists(log.path));
    operations::LogReader(files).read_on({log}, [&](const AttemptLog&, std::string_view bytes) { output.put(bytes); });
  }
}

class Follower {
 public:
  Follower(core::FileSystem& files, const LogsRequest& request)
      : files_(files), request_(request), output_(request.job), reader_(files), attempt_(request.attempt.value_or(0)) {}

  void follow() {
    WatchInput input;
    for (;;) {
      const auto begin = core::monotonic_clock().now();
      std::optional<operations::JobNow> now;
      // Before the logs are read: what is settled now has written its last word.
      if (begin >= next_look_) {
        patiently([&] {
          now =
              operations::look_at_job(files_, request_.store, request_.job, request_.suite, orchestrator::wall_clock());
        });
        const auto end = core::monotonic_clock().now();
        next_look_ = end + pause_after(end - begin, kBetweenLooks);
      }
      patiently([this] { read(); });
      if (now && now->settled) return core::log_info("job {}: {}", short_id(request_.job), end_text(*now));
      if (now && now->text != told_ && (!now->live || attempt_ == 0)) {
        told_ = now->text;
        core::log_info("job {} waits: {}", short_id(request_.job), told_);
      }
      if (output_.is_closed() || !input.wait(kBetweenReads)) return;
    }
  }

 private:
  static std::string end_text(const operations::JobNow& now) {
    return now.text.empty() ? "its result is in the store" : now.text;
  }
  // A file server may be away for a while.
  void patiently(const std::function<void()>& work) {
    try {
      work();
    } catch (const core::RuntimeError& error) {
      if (!error.is_storage()) throw;
      if (!complained_) core::log_warning("waiting for the store ({})", error.what());
      complained_ = true;
    }
  }
  void read() {
    const std::set<int> attempts = operations::attempts_left(files_, request_.store, request_.job);
    if (attempt_ == 0 && !attempts.empty()) attempt_ = *attempts.rbegin();
    if (attempt_ == 0) return;
    // The attempt before first: it may have said more at its end.
    for (;;) {
      reader_.read_on(asked_logs(files_, request_, attempt_), [&](const AttemptLog& log, std::string_view bytes) {
        output_.say(log);
        output_.put(bytes);
      });
      const auto next = attempts.upper_bound(attempt_);
      if (next == attempts.end()) return;
      attempt_ = *next;
    }
  }

  core::FileSystem& files_;
  const LogsRequest& request_;
  LogOutput output_;
  operations::LogReader reader_;
  int attempt_;
  core::MonotonicTime next_look_{};
  std::string told_;
  bool complained_ = false;
};

}  // namespace

int logs(const Arguments& arguments) {
  int attempt = 0, process_rank = 0;
  options::options_description visible;
  auto add = visible.add_options();
  add("store", options::value<std::string>(), kStoreHelp);
  add("suite", options::value<std::string>(), "only a row or job that this suite's journals know");
  add("attempt", options::value(&attempt),
      "1, 2, …: this attempt in place of the latest; with --follow, and those after it");
  add("rank", options::value(&process_rank), "0, 1, …: this process rank alone; unless given, all that wrote anything");
  add("follow,f", "wait for more, as `tail -F` does");
  const auto values = parse_options(arguments, kLogsHelp, visible, {"JOB"});
  if (!values) return 0;
  LogsRequest request{experiments::StoreLayout(std::filesystem::absolute(required_value(*values, "store"))), {}};
  if (values->count("suite") > 0) request.suite = required_value(*values, "suite");
  if (values->count("attempt") > 0) request.attempt = at_least("attempt", attempt, 1);
  if (values->count("rank") > 0) request.process_rank = at_least("rank", process_rank, 0);
  auto& files = core::real_file_system();
  request.job = find_told_job(files, request.store, required_value(*values, "JOB"), request.suite);
  if (values->count("follow") > 0) {
    Follower(files, request).follow();
    return 0;
  }
  experiments::BundledFiles with_packed(files, request.store);
  show_logs(with_packed, request);
  return 0;
}

}  // namespace resolute::cli
