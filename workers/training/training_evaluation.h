#pragma once
//! \file
//! Evaluation while a training runs (`--evaluate-every`): all process ranks embed the split's queries and gallery
//! between two steps, process rank 0 scores them and writes a line of evaluations.jsonl (docs/inside/worker.md). It
//! only reads the networks: the training's bits are those of one without.

#include <cstdint>
#include <filesystem>
#include <memory>

#include "core/files/file_system.h"
#include "workers/evaluation/evaluator.h"
#include "workers/rank/progress_pipe.h"

namespace resolute::workers {

//! The parts that an evaluation works with; all outlive it.
struct TrainingEvaluationParts {
  methods::Method& method;
  const datasets::PackReader& pack;
  const datasets::Split& split;
  const experiments::Recipe& recipe;
  ProgressPipe& progress;
  Communicator* communicator = nullptr;  //!< null: a single process
  Comparison comparison = {};            //!< training_comparison()
};

//! The default protocol's, as an evaluation of the training has it; where the pack has no rate 3, gallery copies are at
//! each query's.
Comparison training_comparison(const experiments::MethodOptions& method, const datasets::PackReader& pack);

class TrainingEvaluation {
 public:
  explicit TrainingEvaluation(const TrainingEvaluationParts& parts) : parts_(parts) {}

  //! Process rank 0: creates the file, or empties one that an earlier start of the same attempt left. Without one the
  //! scores only go to progress lines.
  void write_to(core::FileSystem& files, const std::filesystem::path& path);

  //! Evaluates the networks as they stand after `step` steps, by the single-shot protocol. Called by all process ranks.
  //! Ends early, without a line, where a signal asks a rank to stop. \throws RuntimeError: as embed_split()
  void run(std::uint64_t step);

  //! \throws RuntimeError if what was written did not reach the disk
  void close();

 private:
  TrainingEvaluationParts parts_;
  std::unique_ptr<core::WritableFile> file_;
};

}  // namespace resolute::workers
