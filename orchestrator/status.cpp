#include <map>
#include <ostream>

#include "orchestrator/apply.h"
#include "orchestrator/epoch.h"
#include "orchestrator/explain.h"
#include "orchestrator/run.h"
#include "orchestrator/snapshot.h"

namespace resolute::orchestrator {

SuiteStatus read_status(core::FileSystem& files, const experiments::StoreLayout& store, const experiments::Plan& plan) {
  SuiteStatus status;
  const auto folder = store.suite_folder(plan.suite);
  const Past past = read_past(files, folder);
  const State& state = past.state;
  status.run_epoch = past.run_epoch;
  status.live = is_live(files, folder, past);
  std::map<experiments::JobId, bool> done;
  for (const auto& planned : plan.jobs) {
    if (files.exists(store.result_file(planned.id))) {
      done[planned.id] = true;
      ++status.jobs.succeeded;
      continue;
    }
    bool ready = true;
    for (const auto& need : planned.after) ready = ready && done.contains(need);
    auto number = state.numbers.find(planned.id.hex);
    const Job* job = number == state.numbers.end() ? nullptr : &job_of(state, number->second);
    if (job != nullptr && !job->wanted) job = nullptr;
    if (const auto* failed = job == nullptr ? nullptr : std::get_if<Failed>(&job->state)) {
      ++status.jobs.failed;
      status.failures.push_back({planned.id, planned.label, std::string(name_of(failed->cause)), failed->evidence});
    } else if (const auto* cancelled = job == nullptr ? nullptr : std::get_if<Cancelled>(&job->state)) {
      ++status.jobs.cancelled;
      status.failures.push_back(
          {planned.id, planned.label, job->unwanted ? "cancelled" : "needs-failed", cancelled->why});
    } else if (job != nullptr && status.live && std::holds_alternative<Running>(job->state)) {
      ++status.jobs.running;
    } else {
      ++(ready ? status.jobs.ready : status.jobs.waiting);
    }
  }
  return status;
}

void print_log(core::FileSystem& files, const experiments::StoreLayout& store, const std::string& suite,
               LogFormat format, const std::string& job, std::ostream& to) {
  const auto folder = store.suite_folder(suite);
  if (journal_epochs(files, folder).empty())
    throw core::input_error(fmt::format("suite '{}' has no journal", suite),
                            fmt::format("'{}' holds none", folder.string()), "run it first: `resolute suite run`");
  const bool whole_text = format == LogFormat::kText && job.empty();
  std::map<JobNumber, std::string> ids;
  std::vector<JournalExtent> extents;
  std::pair<std::int64_t, std::uint64_t> last;  // record gone through, by epoch: a second look goes on behind it
  auto print = [&](const JournalHeader& header, JournalRecord& record) {
    if (std::pair(header.epoch, record.sequence) <= last) return;
    last = {header.epoch, record.sequence};
    const auto number = job_number(record.event);
    if (const auto* added = std::get_if<JobAdded>(&record.event)) ids[added->job] = added->id.hex;
    if (!job.empty() && (!number || !ids[*number].starts_with(job))) return;
    if (format == LogFormat::kText) {
      to << time_text(record.at) << "  " << describe(record.event) << '\n';
    } else {
      core::Json line = {{"epoch", header.epoch},
                         {"sequence", record.sequence},
                         {"time", time_text(record.at)},
                         {"type", type_name(record.event)},
                         {"event", to_json(record.event)}};
      to << core::canonical_json(line) << '\n';
    }
  };
  read_beside_a_run(files, folder, [&] {
    const std::int64_t first = journal_epochs(files, folder).front();
    if (first > last.first + 1) {
      if (whole_text) to << fmt::format("{} and those before it were removed\n", journal_name(first - 1));
      // The jobs' numbers were given out there.
      if (const auto snapshot = newest_snapshot(files, folder))
        for (const auto& [id, number] : snapshot->state.numbers) ids[number] = id;
    }
    extents = scan_journals(files, folder, first, print);
  });
  for (const JournalExtent& extent : extents)
    if (extent.dropped_bytes > 0 && whole_text)
      to << fmt::format("{} bytes after offset {} of {} are no records\n", extent.dropped_bytes, extent.valid_length,
                        journal_name(extent.header.epoch));
}

}  // namespace resolute::orchestrator
