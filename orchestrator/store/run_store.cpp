#include "orchestrator/store/run_store.h"

#include <algorithm>

#include "core/bytes.h"
#include "core/files/mount.h"
#include "core/log.h"
#include "orchestrator/launch/launch.h"
#include "orchestrator/store/claim.h"
#include "orchestrator/store/stored_jobs.h"

namespace resolute::orchestrator {

//! The objects that the calls work with. They live as long as one of the calls, which may be longer than the run.
//! Members above the line are used in order alone.
struct RunStore::Desk {
  Desk(core::FileSystem& file_system, const core::Clock& clock, const experiments::StoreLayout& store,
       const std::string& name, Instant now, std::chrono::milliseconds watch, RecordChecks record_checks)
      : epoch(claim_epoch(file_system, store, name, now, watch)),
        owner(this_owner()),
        requests(file_system, epoch.suite_folder, epoch.epoch),
        files(file_system),
        mount(file_system, epoch.suite_folder),
        layout(store),
        folders(file_system, store),
        checks(std::move(record_checks)) {
    claims.emplace(file_system, clock, store, JobClaim{name, epoch.epoch, epoch.run}, watch);
  }
  Kept keep(const std::vector<Unsent>& records) {
    for (const Unsent& record : records) epoch.journal->append(record.event, record.at);
    appended += records.size();
    epoch.journal->sync();
    return {appended, epoch.journal->length()};
  }

  Kept go_on(const State& state, Instant now, std::uint64_t length) {
    JournalWriter& journal = *epoch.journal;
    if (journal.synced() && journal.length() >= length) go_on_in_next_epoch(files, epoch, state, now, length);
    return {appended, journal.length()};
  }

  void renew_owner(bool ended) {
    ++owner.counter;
    owner.ended = ended;
    try {
      write_owner(files, epoch.suite_folder, epoch.epoch, owner);
    } catch (const core::RuntimeError& error) {
      core::log_warning("the run's owner file was not renewed: {}", error.what());
    }
  }

  Preparation prepare(const experiments::PlannedJob& job,
                      const std::vector<std::shared_ptr<const experiments::PlannedJob>>& needs, int attempt) {
    for (const auto& need : needs) folders.prepare_job(*need);
    bool fresh = folders.prepare_job(job);
    std::optional<std::string> holder;
    try {
      holder = claims->take(job.id);
    } catch (const core::RuntimeError& error) {
      if (error.error_number() != ENOENT) throw;
      // Somebody has moved the job's folder away since this run made it.
      folders.forget(job.id);
      fresh = folders.prepare_job(job);
      holder = claims->take(job.id);
    }
    if (holder) return HeldBy{std::move(*holder)};
    if (fresh) return FilesMade{};
    try {
      // Another suite's run may have had the job in work when this one looked.
      if (const auto found = look_at_result(files, layout, job.id, checks.with_weights, kind_name(job.specification))) {
        if (found->damage.empty()) return ResultThere{};
        // One that cannot be opened may be sound. \throws RuntimeError
        static_cast<void>(files.open_for_read(layout.result_file(job.id)));
        // Nobody else publishes or removes it: the claim is ours.
        files.rename(layout.result_file(job.id), layout.job_folder(job.id) / kDamagedRecord);
        core::log_warning("{}: its record is made anew, the old one is kept as '{}' beside it ({})", job.label,
                          kDamagedRecord, found->damage);
      }
      const int last = attempts_in_store(files, layout, job.id);
      if (last < attempt) return FilesMade{};
      claims->release(job.id);
      return NumberUsed{last};
    } catch (const core::RuntimeError&) {
      claims->release(job.id);
      throw;
    }
  }

  std::optional<std::string> look(const experiments::PlannedJob& job) {
    const auto found = look_at_result(files, layout, job.id, checks.plain, kind_name(job.specification));
    return found ? std::optional(found->damage) : std::nullopt;
  }

  void write_live(const LiveStatus& status) {
    try {
      orchestrator::write_live(files, epoch.suite_folder, status);
    } catch (const core::RuntimeError& error) {
      core::log_debug("the live status was not written: {}", error.what());
    }
  }

  void write_durations(const std::vector<MeasuredDuration>& measured) {
    try {
      append_durations(files, layout, epoch.run, measured);
    } catch (const core::RuntimeError& error) {
      core::log_debug("durations were not kept: {}", error.what());
    }
  }

  void close() {
    try {
      remove_live(files, epoch.suite_folder);
    } catch (const std::exception& error) {
      core::log_warning("{}", error.what());
    }
    claims.reset();
    renew_owner(true);
  }

  OwnedEpoch epoch;
  std::uint64_t appended = 0;  //!< to the journal
  Owner owner;
  RequestBox requests;
  // ────────────────────────────────────────────────────────────────────────────────
  core::FileSystem& files;
  const core::Mount mount;  //!< of the suite's folder
  const experiments::StoreLayout layout;
  AttemptFolders folders;
  const RecordChecks checks;
  std::optional<Claims> claims;  //!< until close(), when nothing else is under way
};

RunStore::RunStore(core::FileSystem& files, const core::Clock& clock, experiments::StoreLayout layout,
                   const std::string& run, Instant now, std::chrono::milliseconds watch,
                   std::unique_ptr<StoreLanes> lanes, RecordChecks checks)
    : layout_(std::move(layout)),
      desk_(std::make_shared<Desk>(files, clock, layout_, run, now, watch, std::move(checks))),
      lanes_(std::move(lanes)) {
  epoch_ = desk_->epoch.epoch;
  run_ = desk_->epoch.run;
}

State RunStore::take_past() { return std::move(desk_->epoch.state); }

bool RunStore::take_answers() {
  const auto answers = lanes_->answers();
  for (const auto& answered : answers) answered();
  return !answers.empty();
}

template <class T, class Work>
StoreLanes::Call RunStore::call(Work work, Then<T> then) {
  return [desk = desk_, work = std::move(work), then = std::move(then)]() mutable -> StoreLanes::Answered {
    auto answer = std::make_shared<Answer<T>>();
    try {
      if constexpr (std::is_void_v<std::invoke_result_t<Work&, Desk&>>)
        work(*desk), answer->set({});
      else
        answer->set(work(*desk));
    } catch (const core::RuntimeError& error) {
      answer->fail(desk->mount.storage_fails_too(desk->files, error) ? std::make_exception_ptr(error.of_storage())
                                                                     : std::current_exception());
    } catch (...) {
      answer->fail(std::current_exception());
    }
    return [answer, then = std::move(then)] {
      if (then) then(*answer);
    };
  };
}

template <class T, class Work>
void RunStore::in_order(Work work, Then<T> then) {
  lanes_->in_order(call(std::move(work), std::move(then)));
}

template <class T, class Work>
void RunStore::beside(const std::string& name, Work work, Then<T> then) {
  lanes_->beside(name, call(std::move(work), std::move(then)));
}

std::uint64_t RunStore::append(const Event& event, Instant at) {
  unsent_.push_back({event, at});
  return ++appended_;
}

void RunStore::sync(Then<Kept> then) {
  in_order([records = std::exchange(unsent_, {})](Desk& desk) { return desk.keep(records); }, std::move(then));
}

void RunStore::go_on(const State& state, Instant now, std::uint64_t length, Then<Kept> then) {
  in_order([state, now, length](Desk& desk) { return desk.go_on(state, now, length); }, std::move(then));
}

void RunStore::require_no_successor(Then<Done> then) {
  in_order([](Desk& desk) { desk.epoch.journal->require_no_successor(); }, std::move(then));
}

void RunStore::renew_owner(Then<Done> then) {
  in_order(
      [](Desk& desk) {
        desk.epoch.journal->require_ours();
        desk.renew_owner(false);
      },
      std::move(then));
}

void RunStore::read_requests(Then<std::vector<PendingRequest>> then) {
  in_order([](Desk& desk) { return desk.requests.read(); }, std::move(then));
}

void RunStore::discard_requests(std::vector<std::string> names) {
  in_order(
      [names = std::move(names)](Desk& desk) {
        for (const std::string& name : names) desk.requests.discard(name);
      },
      Then<Done>());
}

void RunStore::write_live(LiveStatus status, Then<Done> then) {
  in_order([status = std::move(status)](Desk& desk) { desk.write_live(status); }, std::move(then));
}

void RunStore::write_durations(std::vector<MeasuredDuration> measured) {
  if (measured.empty()) return;
  in_order([measured = std::move(measured)](Desk& desk) { desk.write_durations(measured); }, Then<Done>());
}

void RunStore::probe(Then<Done> then) {
  in_order([](Desk& desk) { core::probe_storage(desk.files, desk.epoch.suite_folder); }, std::move(then));
}

void RunStore::prepare(std::shared_ptr<const experiments::PlannedJob> job,
                       std::vector<std::shared_ptr<const experiments::PlannedJob>> needs, int attempt,
                       Then<Preparation> then) {
  const std::string name = job->id.hex;
  beside(
      name,
      [job = std::move(job), needs = std::move(needs), attempt](Desk& desk) {
        return desk.prepare(*job, needs, attempt);
      },
      std::move(then));
}

void RunStore::look(std::vector<std::shared_ptr<const experiments::PlannedJob>> jobs,
                    Then<std::vector<std::optional<std::string>>> then) {
  const std::string name = jobs.front()->id.hex;
  beside(
      name,
      [jobs = std::move(jobs)](Desk& desk) {
        std::vector<std::optional<std::string>> found;
        for (const auto& job : jobs) found.push_back(desk.look(*job));
        // Nothing is there of a store that is not mounted.
        if (std::find(found.begin(), found.end(), std::nullopt) != found.end()) desk.mount.require_there(desk.files);
        return found;
      },
      std::move(then));
}

void RunStore::look_back(std::shared_ptr<const std::vector<experiments::PlannedJob>> jobs,
                         Then<std::vector<FoundJob>> then) {
  beside(
      "", [jobs = std::move(jobs)](Desk& desk) { return find_jobs(desk.files, desk.layout, *jobs, desk.checks); },
      std::move(then));
}

void RunStore::look_at_claim(const experiments::JobId& job, Then<bool> then) {
  beside(
      job.hex, [job](Desk& desk) { return desk.claims->has(job); }, std::move(then));
}

void RunStore::release(const experiments::JobId& job) {
  beside(
      job.hex, [job](Desk& desk) { desk.claims->release(job); }, Then<Done>());
}

void RunStore::close(std::chrono::milliseconds limit) {
  if (lanes_->wait(limit)) {
    in_order([](Desk& desk) { desk.close(); }, Then<Done>());
    if (lanes_->wait(limit)) return;
  }
  core::log_warning("the store does not answer: the run's files in it were not closed");
}

}  // namespace resolute::orchestrator
