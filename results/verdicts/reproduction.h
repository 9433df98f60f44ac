#pragma once
//! \file
//! The verdict of `resolute repro`: a job's recorded result against that of running it again (docs/inside/repro.md).

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/files/json.h"
#include "results/records/record.h"
#include "results/records/training_log.h"

namespace resolute::results {

//! A value of result.json that came out otherwise. A value that one side lacks is null there.
struct RecordDifference {
  std::string key;  //!< "weights_sha256", "metrics.rank1"
  core::Json recorded;
  core::Json again;
};

//! Value by value, in the order of the keys. Left out: `provenance.numeric_class`, which is no result (numeric_class_of
//! tells it), and `weights_file`, which only repeats a hash.
std::vector<RecordDifference> compare_records(const Record& recorded, const Record& again);

//! The parts KEY=VALUE in which two numeric classes differ, "threads=1, again 2; libtorch=2.10.0, again 2.11.0".
std::string describe_class_difference(const std::string& recorded, const std::string& again);

//! The parts in which any of several classes differ, "threads (1, 2)", each with its values in their order; the names
//! themselves where they have no parts KEY=VALUE, and the programs that they begin with where some have none.
std::vector<std::string> class_differences(const std::vector<std::string>& classes);

//! The result of looking at one job.
struct Reproduction {
  Record recorded;
  std::optional<Record>
      again;  //!< nothing where the run was ended at the first step that differs, or asked to be short
  std::string numeric_class_again;  //!< empty where it is not known, and for a shard and a seal
  // Trainings alone:
  std::uint64_t steps = 0;        //!< of the whole training
  std::uint64_t asked_steps = 0;  //!< the first so many were asked for: `steps`, or fewer
  LogComparison gradients;
  std::vector<AttemptDisagreement> disagreements;  //!< of the recorded run with itself
};

//! True where nothing that was compared differs, and something was.
bool same_bits(const Reproduction& reproduction);

//! The answer for people: one line "same bits: …", or the first difference and the lines that belong to it. Ends with a
//! line end. At most eight tensors are named.
std::string to_text(const Reproduction& reproduction);

//! {"job", "kind", "same_bits", "first_difference": {"step", "located", "lanes", "tensors"} or null, "differences":
//! [{"key", "recorded", "again"}], "numeric_class": {"recorded", "again"} or null; and of a training "weights":
//! {"recorded", "again" (null where the run was not a whole one)}, "steps", "steps_asked", "steps_compared",
//! "disagreements": [{"attempts": [earlier, later], "first_difference"}]}
core::Json to_json(const Reproduction& reproduction);

}  // namespace resolute::results
