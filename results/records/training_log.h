#pragma once
//! \file
//! Gradients that a training logged, over all its attempts, and where two such logs part (`resolute repro`). An
//! attempt that was killed left steps up to the kill, and the next goes on from a checkpoint before it: the steps
//! between are there twice, and have to agree.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "core/files/json.h"
#include "experiments/store/store_layout.h"
#include "results/records/gradient_log.h"

namespace resolute::results {

//! An attempt's log of steps (docs/inside/worker.md).
inline constexpr const char* kStepLogName = "metrics.jsonl";
//! An attempt's log of evaluations on the way (--evaluate-every).
inline constexpr const char* kEvaluationLogName = "evaluations.jsonl";

//! One step as one attempt logged it.
struct LoggedStep {
  int attempt = 0;
  std::string digest;  //!< metrics.jsonl's `gradients`; empty where it is not there
  std::string numbers =
      "";  //!< metrics.jsonl's `losses` and `gradient_norms`, as they stand there; empty without norms
  std::optional<StepGradients> gradients = std::nullopt;  //!< of gradients.bin; nothing where it is not there
};

//! A step in which two runs differ, and where within it.
struct StepDifference {
  std::uint64_t step = 0;
  bool located = false;    //!< both sides have gradients.bin of the same lanes and tensors; else both lists are empty
  std::vector<int> lanes;  //!< lanes whose own gradients differ, ascending
  std::vector<std::string> tensors;  //!< whose gradients differ in some lane, in the log's order
};

//! Two attempts of one training that logged different gradients for the same step.
struct AttemptDisagreement {
  int earlier = 0;
  int later = 0;
  StepDifference difference;  //!< the first between these two
};

struct TrainingLog {
  int lanes = 0;                              //!< 0 where no attempt left a usable gradients.bin
  std::vector<std::string> tensors;           //!< names, in the order of LoggedStep::gradients
  std::map<std::uint64_t, LoggedStep> steps;  //!< the latest attempt's of each: on it the result was built
  std::vector<AttemptDisagreement> disagreements;
  std::vector<std::string> warnings;  //!< what could not be read, a sentence each
};

//! Reads metrics.jsonl and gradients.bin of every attempt. Missing, torn and damaged parts are left out; damage is a
//! warning: a comparison with what is left still tells more than none. \throws core::RuntimeError of the file system
TrainingLog read_training_log(core::FileSystem& files, const experiments::StoreLayout& store,
                              const experiments::JobId& job);

//! Calls `take` with each line of a log of steps that has a member "step"; what follows the last line's end is left
//! out. \throws core::RuntimeError (kInput) opening with `where` and the line, at a line that is no JSON object; `take`
//! has been called for those before it
void for_each_logged_step(std::string_view text, const std::string& where,
                          const std::function<void(std::uint64_t step, const core::Json& line)>& take);

//! The lines of a metrics.jsonl, by step. A last line without its end is left out, and so are lines without `gradients`
//! and `gradient_norms`. \throws core::RuntimeError (kInput) for a line that is no JSON object, opening with `where`
std::map<std::uint64_t, LoggedStep> parse_logged_steps(std::string_view text, const std::string& where,
                                                       int attempt = 0);

//! True where both say something of the step's gradients and it is not the same: by their digests, and by losses and
//! norms where one has no digest. Lanes and tensors are not looked at.
bool differ(const LoggedStep& one, const LoggedStep& other);

//! The best rank-1 that the training logged on the way (--evaluate-every), over all of its attempts, 0 to 1. The last
//! attempt that logged a step counts, since the result was built on it. Nothing where no attempt logged any. A
//! line that is torn or damaged is left out, with what follows it in its file. \throws core::RuntimeError of the file
//! system
std::optional<double> best_rank1_on_the_way(core::FileSystem& files, const experiments::StoreLayout& store,
                                            const experiments::JobId& job);

//! SHA-256 over what the log says of the steps up to `last_step` that it has: digests; losses and norms without them.
std::string digest_of_steps(const TrainingLog& log, std::uint64_t last_step);

struct LogComparison {
  std::uint64_t compared = 0;  //!< steps that both sides have, up to the first that differs
  std::optional<StepDifference> difference;
};

//! Compares step by step, up to `last_step`. Steps that one side lacks are passed over.
LogComparison compare_logs(const TrainingLog& recorded, const TrainingLog& again, std::uint64_t last_step);

}  // namespace resolute::results
