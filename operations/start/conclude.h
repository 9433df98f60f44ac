#pragma once
//! \file
//! Carries out what follows a start of a batch script. slurm::next_step() decides it.

#include <optional>
#include <string>
#include <vector>

#include "operations/start/allocation_work.h"
#include "operations/start/job_in_waiting.h"
#include "operations/start/time_left.h"
#include "slurm/allocation.h"

namespace resolute::operations {

//! A start whose run has ended, or never began.
struct EndedStart : ServedBatch {
  const Environment& environment;
  const std::optional<int>& killed_by;             //!< AllocationOrder::killed_by
  const std::vector<slurm::ScriptStart>& earlier;  //!< starts of the batch before it
  const AllocationWork* work;                      //!< null: it could not be read
  const JobInWaiting& waiting;
  const std::string& reason;  //!< why the run stopped, by its journal
  slurm::ScriptStart& run;    //!< its record
};

//! Writes the record's end, and requeues the job, submits a successor, ends the submission, or leaves it. \param ending
//! facts of the end; those that SLURM and the signals tell are added here \return exit code
int conclude(const EndedStart& start, slurm::AllocationEnding ending);

//! The record as it stands. A failure is a warning: a start without its last record counts as one that ended without a
//! word.
void write_record(const ServedBatch& served, const slurm::ScriptStart& run);
//! The record with its verdict, which the log gets too.
void record_end(const ServedBatch& served, slurm::ScriptStart& run, const std::string& verdict);

}  // namespace resolute::operations
