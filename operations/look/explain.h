#pragma once
//! \file
//! Why a job is where it is: what the journals of a store say of it, and what it waits for now. `resolute explain`.

#include <optional>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "core/files/json.h"
#include "experiments/store/store_layout.h"
#include "operations/look/attempt_logs.h"
#include "orchestrator/journal/epoch.h"
#include "orchestrator/messages/event.h"

namespace resolute::operations {

//! One journaled event of a job, or a beginning or end of a run that had it in its plan.
struct StoryLine {
  std::int64_t epoch = 0;
  std::uint64_t sequence = 0;
  orchestrator::Instant at{};
  orchestrator::Event event;
  std::string text;  //!< for people, with hosts in place of agents' numbers
};

//! A job in one suite's journals.
struct JobStory {
  std::string suite;
  std::string kind;
  std::string label;
  std::string state;             //!< name_of(JobState), as the journal ends; "unplanned" where the last run has it not
  bool live = false;             //!< a run of the suite is, or may be, at work
  std::string now;               //!< why it is in that state, one sentence
  std::int64_t first_epoch = 1;  //!< of the journals that are still there; earlier ones went into a snapshot
  std::vector<StoryLine> lines;
};

struct Explanation {
  experiments::JobId job;
  bool has_result = false;
  std::vector<JobStory> stories;  //!< one per suite that knows the job, by the suites' names; empty: no suite does
  //! Standard error of the last attempt that failed or still runs, of the rank whose end counted; nothing: none wrote.
  std::optional<AttemptLog> log{};
  std::vector<std::string> last_lines{};  //!< of that, at most kLastLines
};
inline constexpr std::size_t kLastLines = 20;

//! Reads every suite folder of the store, or that of `suite` alone.
//! \param job the first digits of its id \param now wall-clock time
//! \throws RuntimeError kInput: no job, or several, begin so; the suite was never run; kCorrupt: a damaged journal
Explanation explain(core::FileSystem& files, const experiments::StoreLayout& store, const std::string& job,
                    const std::optional<std::string>& suite, orchestrator::Instant now,
                    const orchestrator::RecordCheck& check = {});

//! {"job", "has_result", "suites": [{"suite", "kind", "label", "state", "live", "now", "first_epoch",
//! "events": [{"epoch", "sequence", "time", "type", "event", "text"}]}], "stderr": null or {"attempt", "process_rank",
//! "path", "last_lines"}}
core::Json to_json(const Explanation& explanation);

//! The one job that begins with `digits`: of those in journals or, where none is, of those with a folder.
//! \param suite only its journals \throws RuntimeError as explain()
experiments::JobId find_explained_job(core::FileSystem& files, const experiments::StoreLayout& store,
                                      const std::string& digits, const std::optional<std::string>& suite);

//! A job that a journal of the store knows.
struct KnownJob {
  experiments::JobId job;
  std::string label;
  std::vector<std::string> suites{};  //!< whose journals know it
};
//! Those that somebody means by words: the job whose label these are; else the jobs of the row that is called so; else
//! those in whose labels each of the words occurs ("training RAIN 0"). Each once, by label and id.
//! \param suite only its jobs \throws RuntimeError as explain()
std::vector<KnownJob> jobs_called(core::FileSystem& files, const experiments::StoreLayout& store,
                                  const std::string& words, const std::optional<std::string>& suite);

//! The progress of a job, for whoever waits for its end.
struct JobNow {
  bool settled = false;  //!< it has its result, or every suite that wants it has given it up
  bool live = false;     //!< a run that has not given it up is, or may be, at work
  std::string text;      //!< one sentence; empty where no journal knows it
};
//! \param suite as in explain()
JobNow look_at_job(core::FileSystem& files, const experiments::StoreLayout& store, const experiments::JobId& job,
                   const std::optional<std::string>& suite, orchestrator::Instant now);

//! `2026-01-31T12:00:00.250Z`
std::string time_text(orchestrator::Instant at);
//! The job that an event is about; none for those of runs, agents and hosts.
std::optional<orchestrator::JobIndex> job_number(const orchestrator::Event& event);

}  // namespace resolute::operations
