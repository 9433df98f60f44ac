#include "orchestrator/journal/epoch.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <tuple>
#include <utility>

#include "core/process/secret.h"
#include "experiments/store/job_folder.h"
#include "orchestrator/decisions/apply.h"
#include "orchestrator/journal/owner.h"
#include "orchestrator/journal/snapshot.h"

namespace resolute::orchestrator {
namespace {

constexpr std::size_t kMostRanges = 100'000;  // that one record of a journal takes

// The last epoch of journals and snapshots: the journals behind a snapshot may be gone.
std::int64_t last_epoch(core::FileSystem& files, const fs::path& suite_folder) {
  const auto epochs = journal_epochs(files, suite_folder);
  const auto snapshots = snapshot_epochs(files, suite_folder);
  return std::max(epochs.empty() ? 0 : epochs.back(), snapshots.empty() ? 0 : snapshots.back());
}

// The last run may have gone on between read_past() and the link that claims the epoch after it: the records that it
// had synced by then are valid, since it saw no successor and may have acted on them. It will not act on later ones.
void catch_up(core::FileSystem& files, const fs::path& suite_folder, Past& past, JournalWriter& journal) {
  const fs::path path = suite_folder / journal_name(past.epoch);
  if (past.epoch == 0 || !files.exists(path) || files.open_for_read(path)->size() <= past.length) return;
  const auto extent =
      scan_journal(files.read(path), path.string(), std::nullopt, [&](const JournalHeader&, JournalRecord& record) {
        if (record.offset >= past.length) orchestrator::apply(past.state, record.event);
      });
  if (extent.valid_length == past.length) return;
  journal.seal_predecessor_at(extent.valid_length);
  past.length = extent.valid_length;
}

using PlaceInTable = std::pair<int, int>;  // JobAdded::row and compared_with

// Trainings of a row on a data set have a number, and its evaluations another; of a job of several rows, the first.
std::map<experiments::JobId, PlaceInTable> rows_of(const experiments::Plan& plan) {
  std::map<experiments::JobId, PlaceInTable> evaluations, rows;
  int next = 0;
  for (const auto& table : plan.tables) {
    std::map<std::pair<std::string, std::string>, int> numbers;  // by row and data set
    for (const auto& row : table.rows)
      for (const auto& cell : row.cells)
        numbers.emplace(std::pair(row.id, cell.dataset), std::exchange(next, next + 2));
    for (const auto& row : table.rows)
      for (const auto& cell : row.cells) {
        const int number = numbers.at({row.id, cell.dataset});
        const auto other = numbers.find({table.compare_with, cell.dataset});
        const bool compared = other != numbers.end() && other->second != number;
        for (const experiments::JobId& id : cell.evaluations)
          evaluations.emplace(id, PlaceInTable{number, compared ? other->second : -1});
      }
  }
  for (const experiments::PlannedJob& job : plan.jobs) {
    const auto found = evaluations.find(job.id);
    if (found == evaluations.end()) continue;
    rows.emplace(job.id, found->second);
    const auto [row, compared] = found->second;
    for (const experiments::JobId& training : job.after)
      rows.emplace(training, PlaceInTable{row + 1, compared < 0 ? -1 : compared + 1});
  }
  return rows;
}

}  // namespace

void read_beside_a_run(core::FileSystem& files, const fs::path& suite_folder, const std::function<void()>& read) {
  for (int looks_left = 3;; --looks_left) {
    const auto seen = journal_epochs(files, suite_folder);
    try {
      read();
      return;
    } catch (const core::RuntimeError&) {
      if (looks_left == 0 || journal_epochs(files, suite_folder) == seen) throw;
    }
  }
}

Past read_past(core::FileSystem& files, const fs::path& suite_folder) {
  Past past;
  read_beside_a_run(files, suite_folder, [&] {
    past = {};
    if (auto snapshot = newest_snapshot(files, suite_folder))
      past = {std::move(snapshot->state), snapshot->position.epoch, snapshot->position.length, 0};
    const auto extents = scan_journals(
        files, suite_folder, past.epoch + 1,
        [&](const JournalHeader&, JournalRecord& record) { orchestrator::apply(past.state, record.event); });
    if (extents.empty()) return;
    past.epoch = extents.back().header.epoch;
    past.length = extents.back().valid_length;
    past.run_epoch = run_epoch_of(extents.back().header);
    // The last run died before its first words: how the one before it stopped and ended says nothing of this one.
    if (past.state.run.epoch != past.run_epoch) {
      past.state.stop.reset();
      past.state.end.reset();
    }
  });
  return past;
}

bool is_live(core::FileSystem& files, const fs::path& suite_folder, const Past& past) {
  if (past.epoch == 0 || past.state.end) return false;
  const auto owner = read_owner(files, suite_folder, past.run_epoch);
  return owner && life_of(*owner) != OwnerLife::kEnded;
}

std::vector<std::string> run_names(core::FileSystem& files, const experiments::StoreLayout& store,
                                   const std::string& suite) {
  std::map<int, std::string> found;
  for (const std::string& name : files.list(store.root() / "suites"))
    if (const auto allocation = experiments::allocation_of(suite, name)) found[*allocation] = name;
  std::vector<std::string> names;
  for (auto& [allocation, name] : found) names.push_back(std::move(name));
  return names;
}

std::vector<std::string> run_names(core::FileSystem& files, const experiments::StoreLayout& store) {
  std::vector<std::string> names = files.list(store.root() / "suites");
  std::erase_if(names, [&](const std::string& name) { return !core::is_folder(store.suite_folder(name)); });
  return names;
}

std::vector<KnownRun> read_runs(core::FileSystem& files, const experiments::StoreLayout& store,
                                const std::vector<std::string>& names) {
  std::vector<KnownRun> runs;
  for (const std::string& name : names) {
    const fs::path folder = store.suite_folder(name);
    KnownRun run{read_past(files, folder), name};
    if (run.epoch == 0) continue;
    run.live = is_live(files, folder, run);
    runs.push_back(std::move(run));
  }
  return runs;
}

OwnedEpoch claim_epoch(core::FileSystem& files, const experiments::StoreLayout& store, const std::string& suite,
                       Instant now, std::chrono::milliseconds watch) {
  OwnedEpoch owned;
  owned.suite_folder = store.suite_folder(suite);
  files.create_directories(owned.suite_folder);
  Past past;
  // Read after the owner was looked for, who may have written last records meanwhile, or may have gone on in a further
  // epoch.
  for (std::int64_t looked_at = -1; past.epoch != looked_at;) {
    looked_at = last_epoch(files, owned.suite_folder);
    if (files.exists(owned.suite_folder / journal_name(looked_at)))
      require_no_owner(files, owned.suite_folder, read_run_epoch(files, owned.suite_folder, looked_at), watch);
    past = read_past(files, owned.suite_folder);
  }
  owned.epoch = past.epoch + 1;
  owned.run = core::random_token(16);
  owned.journal = std::make_unique<JournalWriter>(files, owned.suite_folder,
                                                  JournalHeader{owned.epoch, past.length, owned.run, now});
  catch_up(files, owned.suite_folder, past, *owned.journal);
  write_owner(files, owned.suite_folder, owned.epoch, this_owner());
  if (past.epoch > 0) keep_snapshot(files, owned.suite_folder, {past.epoch, past.length}, past.state);
  owned.state = std::move(past.state);
  return owned;
}

void go_on_in_next_epoch(core::FileSystem& files, OwnedEpoch& owned, const State& state, Instant now,
                         std::uint64_t keep) {
  const SnapshotPosition sealed{owned.journal->epoch(), owned.journal->length()};
  owned.journal->next_epoch(now);
  keep_snapshot(files, owned.suite_folder, sealed, state, keep);
}

std::vector<Event> end_abandoned(const State& state) {
  std::vector<Event> events;
  if (state.running.empty()) return events;
  const std::string why = fmt::format("run {} on {} ended without a word", state.run.epoch, state.run.host);
  for (const auto& [number, agent] : state.agents) events.emplace_back(AgentLost{number, why});
  for (JobIndex job : state.running) {
    const int attempt = std::get<Running>(job_of(state, job).state).attempt;
    events.emplace_back(AttemptEnded{job, attempt, Cause::kCoordinatorLost, why, true, {}, "the next run goes on"});
  }
  return events;
}

std::vector<Event> reconcile(const std::vector<FoundJob>& found, const experiments::Plan& plan, State& state,
                             const std::function<void(JobAdded&)>& complete) {
  RESOLUTE_EXPECT(found.size() == plan.jobs.size(), "every job of the plan was looked for");
  std::vector<Event> events;
  auto record = [&](Event event) {
    orchestrator::apply(state, event);
    events.push_back(std::move(event));
  };
  // In the plan's order with those that differ: what a job needs stands before it.
  JobsKept kept;
  auto record_kept = [&] {
    if (!kept.jobs.empty()) record(std::exchange(kept, {}));
  };
  const auto rows = rows_of(plan);
  auto of_job = found.begin();
  for (const experiments::PlannedJob& planned : plan.jobs) {
    auto known = state.numbers.find(planned.id.hex);
    JobAdded added;
    added.job = known != state.numbers.end() ? known->second : JobIndex{static_cast<int>(state.jobs.size())};
    added.id = planned.id;
    added.kind = experiments::kind_name(planned.specification);
    added.label = planned.label;
    added.slots = planned.slots;
    if (const auto row = rows.find(planned.id);
        row != rows.end() && experiments::job_kind(planned.specification) != settings::JobKind::kPack)
      std::tie(added.row, added.compared_with) = row->second;
    for (const experiments::JobId& need : planned.after) {
      auto number = state.numbers.find(need.hex);
      RESOLUTE_EXPECT(number != state.numbers.end(), "a plan names a job before what it needs");
      added.after.push_back(number->second);
    }
    const auto& [done, attempts, numeric_class] = *of_job++;
    added.attempts = attempts;
    added.numeric_class = numeric_class;
    complete(added);
    const JobIndex number = added.job;
    if (known != state.numbers.end() && is_kept(job_of(state, number), added, done)) {
      append(kept.jobs, number);
      if (done) append(kept.done, number);
      if (kept.jobs.size() + kept.done.size() >= kMostRanges) record_kept();
      continue;
    }
    record_kept();
    record(std::move(added));
    if (done) record(JobSucceeded{number, 0});
  }
  record_kept();
  return events;
}

std::vector<std::string> fresh_list(core::FileSystem& files, const fs::path& folder) {
  try {
    if (files.exists(folder)) core::probe_storage(files, folder);
  } catch (const core::RuntimeError& error) {
    if (error.kind() != core::ErrorKind::kInput) throw;  // else it is not ours to write
  }
  return files.list(folder);
}

bool can_be_looked_at(core::FileSystem& files, const experiments::StoreLayout& store) {
  try {
    files.list(store.root());
    return files.exists(store.root());
  } catch (const core::RuntimeError&) {
    return false;
  }
}

std::optional<experiments::SeenRecord> look_at_result(core::FileSystem& files, const experiments::StoreLayout& store,
                                                      const experiments::JobId& job, const RecordCheck& check,
                                                      std::string_view kind) {
  const bool exists =
      unless_foreign(files, store, [&] { return files.exists(store.result_file(job)); }).value_or(false);
  if (!exists) return std::nullopt;
  return check ? check(job, kind) : experiments::SeenRecord();
}

bool has_result(core::FileSystem& files, const experiments::StoreLayout& store, const experiments::JobId& job,
                const RecordCheck& check, std::string_view kind) {
  const auto found = look_at_result(files, store, job, check, kind);
  return found && found->damage.empty();
}

int attempts_in_store(core::FileSystem& files, const experiments::StoreLayout& store, const experiments::JobId& job) {
  const auto attempts = unless_foreign(files, store, [&] {
                          return experiments::stored_attempts(files, store.job_folder(job));
                        }).value_or(std::set<int>());
  const auto beyond = attempts.upper_bound(kMostAttempts);
  return beyond == attempts.begin() ? 0 : *std::prev(beyond);
}

}  // namespace resolute::orchestrator
