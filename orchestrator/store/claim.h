#pragma once
//! \file
//! A job's claim: which suite run works on it, so that several runs and users may share a store. A doubled run would be
//! waste, never an error: results are published by link().

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "core/clock.h"
#include "core/files/file_system.h"
#include "experiments/store/store_layout.h"

namespace resolute::orchestrator {

//! `jobs/ab/abcdef…/claim`: {"epoch", "run", "suite"}, a link to the run's own `suites/NAME/claim-EPOCH`, so that
//! taking one costs one call and shows the whole text at once. The claimant lives as long as the owner of that epoch
//! does (owner.h).
struct JobClaim {
  std::string suite;
  std::int64_t epoch = 0;
  std::string run;  //!< token
};

//! The claim that a file holds; nothing if it is none.
std::optional<JobClaim> parse_claim(const std::string& text, const std::string& where);
std::filesystem::path claim_file(const experiments::StoreLayout& store, const experiments::JobId& job);

//! Takes and gives back the claims of one run. Remembers the counters of other runs, and when it saw them by its own
//! clock. Thread-safe, but only one call per job at a time.
class Claims {
 public:
  //! Writes the run's own claim file. \param lease how long another run's owner file may stand still before this run
  //! breaks its claims
  Claims(core::FileSystem& files, const core::Clock& clock, experiments::StoreLayout store, JobClaim self,
         std::chrono::milliseconds lease);
  Claims(const Claims&) = delete;
  Claims& operator=(const Claims&) = delete;
  //! Removes the run's own file; claims that were not given back stay until others break them.
  ~Claims();
  //! Takes the job's claim by link(). It breaks a claim whose run has ended or stands still; a claim of this run counts
  //! as taken. The job's folder must exist. \return nothing if this run has the claim now, else who has it, for people.
  //! Never waits
  std::optional<std::string> take(const experiments::JobId& job);
  //! True if the job's claim is this run's.
  bool has(const experiments::JobId& job);
  //! Gives the claim back; a claim that another run has broken meanwhile is left alone. Never throws a RuntimeError: if
  //! the storage keeps the claim, others break it after this run's end.
  void release(const experiments::JobId& job);

 private:
  //! An owner file's counter, and since when it has been the same, by our clock.
  struct Standstill {
    std::int64_t counter = 0;
    core::MonotonicTime since;
  };
  bool link_to(const std::filesystem::path& path);
  bool over(const JobClaim& holder);
  bool unchanged(const std::string& key, std::int64_t counter);
  void take_away(const std::filesystem::path& path, const std::string& text);

  core::FileSystem& files_;
  const core::Clock& clock_;
  experiments::StoreLayout store_;
  JobClaim self_;
  std::string text_;        //!< of our claims
  core::FileIdentity own_;  //!< of file_, as it was first made
  std::filesystem::path file_;
  std::atomic<bool> within_folders_ =
      false;                          //!< the store links no file into another folder: each claim is one of its own
  std::atomic<bool> remade_ = false;  //!< there are links to the first file and to later ones
  std::chrono::milliseconds lease_;
  std::mutex mutex_;
  std::map<std::string, Standstill> seen_;  //!< by run token or, of a claim that cannot be read, path; under mutex_
};

//! Which jobs runs have claims on, for whoever takes none. Any thread.
class ClaimHolders {
 public:
  ClaimHolders(core::FileSystem& files, const experiments::StoreLayout& store) : files_(files), store_(store) {}
  //! By a run that may be at work. A claim that cannot be read is held: its run may yet write it. The state of a run is
  //! asked once.
  bool held(const experiments::JobId& job);

 private:
  bool may_live(const JobClaim& claim);

  core::FileSystem& files_;
  const experiments::StoreLayout& store_;
  std::mutex guard_;
  std::map<std::string, bool> alive_;  //!< by a claim's text; under guard_
};

}  // namespace resolute::orchestrator
