#pragma once
//! \file
//! The state of each allocation of a suite, for `suite status` and others that only look. Pure.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "operations/submissions/stored_submission.h"
#include "settings/choice.h"

namespace resolute::operations {

struct AllocationView {
  //! kNotSubmitted: an intent without an answer; kLost: SLURM knows it no more, and it did not end by its own record.
  enum class State { kWaits, kHeld, kRuns, kEnding, kEnded, kLost, kRefused, kNotSubmitted, kUnknown };
  std::string submission;  //!< token
  int batch = 1;
  int allocation = 1;
  slurm::SlurmJobId job = 0;
  State state = State::kUnknown;
  std::string slurm_state;  //!< SLURM's word: "PENDING"
  std::string reason;       //!< why it waits, in SLURM's words (pending_reason.h), or why it was refused
  std::string exit_code;    //!< of a script that failed, as SLURM has it: "0:53"; empty: not known
  std::string end_words;    //!< what that means, where it is not the script's own
  int nodes = 0;
  std::string node_list;               //!< compressed
  std::optional<slurm::Time> begin{};  //!< begin, or when it is expected to
  std::optional<slurm::Time> end{};
  int starts = 0;         //!< of its script
  std::string last_end;   //!< cause and verdict of the last start that has ended
  std::string advice;     //!< what to do; empty: nothing
  std::string log{};      //!< the file that tells more than SLURM and the record of its end do; empty: none
  std::string log_end{};  //!< its last line, for who looks on to fill in
  std::string wanted{};   //!< why it was asked for, of one on demand
};
constexpr auto words_of(AllocationView::State) {
  return settings::words("waits", "held", "runs", "ending", "ended", "lost", "refused", "not-submitted", "unknown");
}
constexpr std::string_view name_of(AllocationView::State state) { return settings::word(state); }
//! True if it will run or may: SLURM has it, or could not be asked.
bool may_live(AllocationView::State state);
//! Views of the submissions that have not ended; if all have, of the last one. Pure. \param complete every job has its
//! result
std::vector<AllocationView> join(const std::vector<StoredSubmission>& submissions, const SlurmAnswer& answer,
                                 bool complete);

//! When who looks on asks SLURM anew. At once, and waiting for the answer, where the store knows something new: an
//! answer from before a run's begin would say for a minute that its allocation waits. An answer right after such news,
//! or none, may be of before: then the next question comes soon. Pure.
class TimesToAsk {
 public:
  static constexpr std::chrono::seconds kUsually{60}, kSoon{10};
  enum class Due { kNot, kInPassing, kNow };
  //! \param news what the store knows of submissions and runs \param silent SLURM did not answer last time
  Due due(const std::string& news, bool silent, core::MonotonicTime now);

 private:
  std::optional<std::string> news_;
  core::MonotonicTime asked_{};
  bool settled_ = false;
};

}  // namespace resolute::operations
