#include "orchestrator/epoch.h"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "core/sha256.h"
#include "orchestrator/apply.h"
#include "orchestrator/owner.h"

namespace resolute::orchestrator {
namespace {

namespace fs = std::filesystem;

// Highest number of a folder in attempts/: a journal may have been lost, and another run may have tried the job.
int attempts_in_store(core::FileSystem& files, const fs::path& job_folder) {
  int last = 0;
  for (const std::string& name : files.list(job_folder / "attempts")) {
    int number = 0;
    auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error == std::errc{} && end == name.data() + name.size()) last = std::max(last, number);
  }
  return last;
}

}  // namespace

State replay(const std::vector<JournalContents>& journals) {
  State state;
  for (const JournalContents& journal : journals) {
    for (const JournalRecord& record : journal.records) {
      try {
        orchestrator::apply(state, record.event);
      } catch (const core::RuntimeError& error) {
        throw error.at(fmt::format("{} offset {}", journal_name(journal.header.epoch), record.offset));
      }
    }
  }
  return state;
}

OwnedEpoch claim_epoch(core::FileSystem& files, const experiments::StoreLayout& store, const std::string& suite,
                       Instant now, std::chrono::milliseconds watch) {
  OwnedEpoch owned;
  owned.suite_folder = store.suite_folder(suite);
  files.create_directories(owned.suite_folder);
  auto journals = read_journals(files, owned.suite_folder);
  if (!journals.empty()) {
    require_no_owner(files, owned.suite_folder, static_cast<std::int64_t>(journals.size()), watch);
    // Read again: the owner may have written its last records while it was being looked for.
    journals = read_journals(files, owned.suite_folder);
  }
  owned.state = replay(journals);
  owned.epoch = static_cast<std::int64_t>(journals.size()) + 1;
  owned.run = random_token(16);
  const std::uint64_t sealed = journals.empty() ? 0 : journals.back().valid_length;
  owned.journal =
      std::make_unique<JournalWriter>(files, owned.suite_folder, JournalHeader{owned.epoch, sealed, owned.run, now});
  write_owner(files, owned.suite_folder, owned.epoch, this_owner());
  return owned;
}

std::vector<Event> reconcile(core::FileSystem& files, const experiments::StoreLayout& store,
                             const experiments::Plan& plan, State& state) {
  std::vector<Event> events;
  auto record = [&](Event event) {
    orchestrator::apply(state, event);
    events.push_back(std::move(event));
  };
  for (const experiments::PlannedJob& planned : plan.jobs) {
    auto known = state.numbers.find(planned.id.hex);
    JobAdded added;
    added.job = known != state.numbers.end() ? known->second : JobNumber{static_cast<int>(state.jobs.size())};
    added.id = planned.id;
    added.kind = experiments::kind_name(planned.specification);
    added.label = planned.label;
    added.slots = planned.slots;
    for (const experiments::JobId& need : planned.after) {
      auto number = state.numbers.find(need.hex);
      RESOLUTE_EXPECT(number != state.numbers.end(), "a plan names a job before what it needs");
      added.after.push_back(number->second);
    }
    const bool done = files.exists(store.result_file(planned.id));
    if (!done) added.attempts = attempts_in_store(files, store.job_folder(planned.id));
    const JobNumber number = added.job;
    record(std::move(added));
    if (done) record(JobSucceeded{number, 0});
  }
  return events;
}

std::string random_token(int bytes) {
  std::vector<std::byte> random(static_cast<std::size_t>(bytes));
  std::size_t filled = 0;
  while (filled < random.size()) {
    ssize_t count = ::getrandom(random.data() + filled, random.size() - filled, 0);
    if (count > 0) filled += static_cast<std::size_t>(count);
    if (count < 0 && errno != EINTR) throw core::system_error("cannot get random bytes", errno);
  }
  return core::to_hex(random);
}

}  // namespace resolute::orchestrator
