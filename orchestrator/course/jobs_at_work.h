#pragma once
//! \file
//! Jobs that a run has placed: their attempts, how far the starts of these are, and whose results are looked for.

#include "orchestrator/course/attempts.h"
#include "orchestrator/course/settling_jobs.h"
#include "orchestrator/course/starting_attempts.h"

namespace resolute::orchestrator {

struct JobsAtWork {
  Attempts attempts;
  StartingAttempts starting;  //!< of the attempts
  SettlingJobs settling;      //!< jobs whose ranks have ended, or are about to

  void begin(JobIndex job, int attempt) {
    attempts.begin(job, attempt);
    starting.begin(job, attempt);
  }
  //! The job's attempt is over, or was put off. Whether it has a result may still be looked for.
  void forget(JobIndex job) {
    attempts.forget(job);
    starting.forget(job);
  }
  //! An attempt has its files: something is done that takes time.
  bool any() const { return attempts.all().size() > starting.making_files(); }
};

}  // namespace resolute::orchestrator
