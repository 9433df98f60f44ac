#pragma once
//! \file
//! The numbers that a training logged while it ran: its losses step by step, and the scores of evaluations on the way
//! (docs/inside/worker.md). For curves.

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/files/file_system.h"
#include "experiments/store/store_layout.h"
#include "results/records/training_log.h"

namespace resolute::results {

//! The logged numbers of one step. Names: "loss", "losses/triplet", "gradient_norms/networks"; of an evaluation on the
//! way "evaluation/mAP".
struct LoggedNumbers {
  int attempt = 0;  //!< whose line it is
  std::map<std::string, double> values;
};

struct TrainingNumbers {
  //! Each step once: where several attempts logged it, the last one's line, on which the result was built.
  std::map<std::uint64_t, LoggedNumbers> steps;
  std::vector<std::string> warnings;  //!< what could not be read, a sentence each
};

//! Reads the logs of every attempt. A line that is torn or damaged is left out with what follows it in its file, and
//! but for the last, which a kill tears, that is a warning. \throws core::RuntimeError of the file system
TrainingNumbers read_training_numbers(core::FileSystem& files, const experiments::StoreLayout& store,
                                      const experiments::JobId& job);

//! One log: its lines' members "step" and numbers, those of objects as "OBJECT/MEMBER"; texts, lists and lines without
//! "step" are passed over. \param text JSON lines; what follows the last line's end is left out
//! \throws core::RuntimeError (kInput) opening with `where` and the line, at a line that is no JSON object; `take` has
//! been called for those before it
void parse_number_lines(std::string_view text, const std::string& where,
                        const std::function<void(std::uint64_t step, std::map<std::string, double>)>& take);

}  // namespace resolute::results
