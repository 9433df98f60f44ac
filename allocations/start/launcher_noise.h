#pragma once
//! \file
//! What launchers and Open MPI say on standard error that tells nothing of a run: recognised line by line, counted, and
//! kept apart from the log. Pure. Only what stands in the table of patterns is taken out; all other bytes go on as they
//! came, whatever they are.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "settings/choice.h"

namespace resolute::allocations {

//! A kind of noise; its word is what a log says of it.
enum class Noise {
  kCpuBinding,  //!< of srun, where the cluster cannot bind processors: we bind our own
  kContinued,   //!< of srun, each time that SLURM tells its job to end
  kTcpConnect,  //!< of Open MPI, once a process that it had a connection to is gone
  kAggregated,  //!< of Open MPI, that it says some things only once
};
inline constexpr std::size_t kNoises = 4;
constexpr auto words_of(Noise) {
  return settings::words("srun: cluster configuration lacks support for cpu binding", "srun: got SIGCONT",
                         "Open MPI failed to TCP connect to a peer, mostly one that was lost",
                         "Open MPI shows equal messages once");
}
constexpr std::string_view name_of(Noise noise) { return settings::word(noise); }

//! A line that is noise by itself, and how many messages it stands for ("47 more processes have sent help message …").
struct NoiseLine {
  Noise noise{};
  int count = 1;
  bool operator==(const NoiseLine&) const = default;
};
//! \param line without its end
std::optional<NoiseLine> noise_of(std::string_view line);

//! Takes noise out of a stream that comes in pieces. A line whose end has not come, and the begin of a message of
//! several lines, are held until it is known what they are.
class NoiseFilter {
 public:
  //! What came, in two: together they are, in their order each, all bytes that went in and are no longer held.
  struct Split {
    std::string shown, folded;
    bool operator==(const Split&) const = default;
  };
  Split take(std::string_view bytes);
  //! Nothing more has come for a while: what is held is shown. The rest of a line that was begun is shown, too.
  std::string let_go();
  bool holds() const { return !line_.empty() || !block_.empty(); }
  //! What is held.
  std::string held() const { return block_ + line_; }
  //! Messages of each kind so far, by the kind's number.
  const std::array<std::int64_t, kNoises>& counts() const { return counts_; }

 private:
  void take_line(Split& split);
  void end_block(std::string& to);

  std::string line_;         // that has no end yet
  bool begun_ = false;       // the first part of this line was shown: so is the rest
  std::string block_;        // lines between two rules, or the first rule alone
  bool is_message_ = false;  // the block is one of ours
  std::array<std::int64_t, kNoises> counts_{};
};

}  // namespace resolute::allocations
