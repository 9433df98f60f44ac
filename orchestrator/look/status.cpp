#include "orchestrator/look/status.h"

#include <algorithm>
#include <map>
#include <ostream>
#include <unordered_set>

#include "orchestrator/journal/epoch.h"
#include "orchestrator/journal/snapshot.h"
#include "orchestrator/look/explain.h"
#include "orchestrator/store/stored_jobs.h"

namespace resolute::orchestrator {

namespace {

const Job* job_with(const State& state, const experiments::JobId& id) {
  const auto number = state.numbers.find(id.hex);
  return number == state.numbers.end() ? nullptr : &job_of(state, number->second);
}

// Of a job without a result, over all allocations: one that is at work on it counts before one that gave it up.
void count_job(const experiments::PlannedJob& planned, bool ready, const std::vector<KnownRun>& pasts,
               SuiteStatus& status) {
  const Job* failed = nullptr;
  const Job* cancelled = nullptr;
  bool hoped_for = false;  // a run is at work that may do it and has not given it up
  for (const KnownRun& past : pasts) {
    const Job* job = job_with(past.state, planned.id);
    if (job == nullptr || !job->wanted) continue;
    if (past.live && std::holds_alternative<Running>(job->state)) {
      ++status.jobs.running;
      return;
    }
    if (std::holds_alternative<Failed>(job->state))
      failed = job;
    else if (std::holds_alternative<Cancelled>(job->state))
      cancelled = job;
    else
      hoped_for = hoped_for || (past.live && !job->elsewhere);
  }
  if (!hoped_for && failed != nullptr) {
    const auto& end = std::get<Failed>(failed->state);
    ++status.jobs.failed;
    status.failures.push_back({planned.id, planned.label, std::string(name_of(end.cause)), end.evidence});
  } else if (!hoped_for && cancelled != nullptr) {
    ++status.jobs.cancelled;
    status.failures.push_back({planned.id, planned.label, cancelled->unwanted ? "cancelled" : "needs-failed",
                               std::get<Cancelled>(cancelled->state).why});
  } else {
    ++(ready ? status.jobs.ready : status.jobs.waiting);
  }
}

}  // namespace

std::vector<std::string> run_names(core::FileSystem& files, const experiments::StoreLayout& store,
                                   const std::string& suite) {
  std::map<int, std::string> found;
  for (const std::string& name : files.list(store.root() / "suites"))
    if (const auto allocation = experiments::allocation_of(suite, name)) found[*allocation] = name;
  std::vector<std::string> names;
  for (auto& [allocation, name] : found) names.push_back(std::move(name));
  return names;
}

SuiteStatus read_status(core::FileSystem& files, const experiments::StoreLayout& store, const experiments::Plan& plan) {
  SuiteStatus status;
  const std::vector<KnownRun> pasts = read_runs(files, store, run_names(files, store, plan.suite));
  for (const KnownRun& past : pasts) {
    status.live = status.live || past.live;
    const auto wanted =
        std::count_if(past.state.jobs.begin(), past.state.jobs.end(), [](const Job& job) { return job.wanted; });
    status.runs.push_back({past.name, past.run_epoch, past.live, static_cast<std::size_t>(wanted)});
  }
  const auto seen_done = [&](const experiments::JobId& id) {
    return std::any_of(pasts.begin(), pasts.end(), [&](const KnownRun& past) {
      const Job* job = job_with(past.state, id);
      return job != nullptr && std::holds_alternative<Succeeded>(job->state);
    });
  };
  const std::vector<StoredJob> stored = look_at_jobs(files, store, plan.jobs, seen_done);
  std::unordered_set<std::string> done;
  for (std::size_t i = 0; i < plan.jobs.size(); ++i) {
    const experiments::PlannedJob& planned = plan.jobs[i];
    if (stored[i].result) {
      done.insert(planned.id.hex);
      ++status.jobs.succeeded;
      continue;
    }
    const bool ready = std::all_of(planned.after.begin(), planned.after.end(),
                                   [&](const experiments::JobId& need) { return done.contains(need.hex); });
    count_job(planned, ready, pasts, status);
  }
  return status;
}

namespace {

// The log of one allocation.
class LogPrinter {
 public:
  LogPrinter(core::FileSystem& files, std::filesystem::path folder, int allocation, LogFormat format, std::string job,
             std::ostream& to)
      : files_(files),
        folder_(std::move(folder)),
        allocation_(allocation),
        format_(format),
        job_(std::move(job)),
        to_(to) {}

  void print() {
    std::vector<JournalExtent> extents;
    read_beside_a_run(files_, folder_, [&] {
      const std::int64_t first = journal_epochs(files_, folder_).front();
      if (first > last_.first + 1) {
        if (whole_text()) to_ << fmt::format("{} and those before it were removed\n", journal_name(first - 1));
        // The jobs' numbers were given out there.
        if (const auto snapshot = newest_snapshot(files_, folder_))
          for (const auto& [id, number] : snapshot->state.numbers) ids_[number] = id;
      }
      extents = scan_journals(files_, folder_, first,
                              [&](const JournalHeader& header, JournalRecord& record) { line(header, record); });
    });
    for (const JournalExtent& extent : extents)
      if (extent.dropped_bytes > 0 && whole_text())
        to_ << fmt::format("{} bytes after offset {} of {} are no records\n", extent.dropped_bytes, extent.valid_length,
                           journal_name(extent.header.epoch));
  }

 private:
  bool whole_text() const { return format_ == LogFormat::kText && job_.empty(); }

  void line(const JournalHeader& header, const JournalRecord& record) {
    if (std::pair(header.epoch, record.sequence) <= last_) return;
    last_ = {header.epoch, record.sequence};
    const auto number = job_number(record.event);
    if (const auto* added = std::get_if<JobAdded>(&record.event)) ids_[added->job] = added->id.hex;
    if (!job_.empty() && (!number || !ids_[*number].starts_with(job_))) return;
    if (format_ == LogFormat::kText) {
      to_ << time_text(record.at) << "  " << describe(record.event) << '\n';
      return;
    }
    const core::Json json = {{"allocation", allocation_},       {"epoch", header.epoch},
                             {"sequence", record.sequence},     {"time", time_text(record.at)},
                             {"type", type_name(record.event)}, {"event", to_json(record.event)}};
    to_ << core::canonical_json(json) << '\n';
  }

  core::FileSystem& files_;
  std::filesystem::path folder_;
  int allocation_;
  LogFormat format_;
  std::string job_;
  std::ostream& to_;
  std::map<JobNumber, std::string> ids_;
  std::pair<std::int64_t, std::uint64_t> last_;  // record gone through, by epoch: a second look goes on behind it
};

}  // namespace

void print_log(core::FileSystem& files, const experiments::StoreLayout& store, const std::string& suite,
               LogFormat format, const std::string& job, std::ostream& to) {
  std::vector<std::string> names = run_names(files, store, suite);
  std::erase_if(names,
                [&](const std::string& name) { return journal_epochs(files, store.suite_folder(name)).empty(); });
  if (names.empty())
    throw core::input_error(fmt::format("suite '{}' has no journal", suite),
                            fmt::format("'{}' holds none", store.suite_folder(suite).string()),
                            "run it first: `resolute suite run`");
  for (const std::string& name : names) {
    const int allocation = *experiments::allocation_of(suite, name);
    if (names.size() > 1 && format == LogFormat::kText) to << fmt::format("allocation {}:\n", allocation);
    LogPrinter(files, store.suite_folder(name), allocation, format, job, to).print();
  }
}

}  // namespace resolute::orchestrator
