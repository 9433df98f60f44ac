#include "allocations/start/launcher_noise.h"

#include <algorithm>
#include <utility>

#include "core/numbers.h"

namespace resolute::allocations {

namespace {

// A longer one is none that is known, and is not waited for.
constexpr std::size_t kLongestHeld = 4096;
constexpr std::size_t kLongestBlock = 8192;

// Whole lines. Seen: tests/allocations/start/launcher_noise_test.cpp.
struct WholeLine {
  std::string_view text;
  Noise noise;
};
constexpr std::array kWholeLines{
    WholeLine{"srun: cluster configuration lacks support for cpu binding", Noise::kCpuBinding},
    WholeLine{"srun: got SIGCONT", Noise::kContinued},
};

// Behind "[n2:19329] ", where a process of Open MPI's names itself.
constexpr std::string_view kSameMessage = " sent help message help-mpi-btl-tcp.txt / client connect fail";
constexpr std::string_view kShownOnce =
    "Set MCA parameter \"orte_base_help_aggregate\" to 0 to see all help / error messages";

// A message of Open MPI's between two rules: its first line, and how all others begin
// (help-mpi-btl-tcp.txt, "client connect fail").
constexpr std::string_view kMessage = "WARNING: Open MPI failed to TCP connect to a peer MPI process.  This";
constexpr std::array<std::string_view, 6> kMessageLines{"should not happen.", "Your Open MPI job may now hang or fail.",
                                                        "  Local host: ",     "  PID: ",
                                                        "  Message: ",        "  Error: "};

bool is_rule(std::string_view line) { return line.size() == 74 && line.find_first_not_of('-') == line.npos; }

bool is_of_message(std::string_view line) {
  return line.empty() || line == kMessage ||
         std::any_of(kMessageLines.begin(), kMessageLines.end(),
                     [&](std::string_view start) { return line.starts_with(start); });
}

// "[n2:19329] text" → text; empty where no process names itself so.
std::string_view behind_process(std::string_view line) {
  const auto end = line.find("] ");
  if (!line.starts_with('[') || end == line.npos) return {};
  const auto colon = line.substr(0, end).rfind(':');
  if (colon == line.npos || line.find(' ') < end) return {};
  const std::string_view process = line.substr(colon + 1, end - colon - 1);
  return core::number_of<int>(process) ? line.substr(end + 2) : std::string_view();
}

}  // namespace

std::optional<NoiseLine> noise_of(std::string_view line) {
  for (const WholeLine& known : kWholeLines)
    if (line == known.text) return NoiseLine{known.noise};
  std::string_view text = behind_process(line);
  if (text == kShownOnce) return NoiseLine{Noise::kAggregated};
  if (!text.ends_with(kSameMessage)) return std::nullopt;
  text.remove_suffix(kSameMessage.size());
  for (const std::string_view more : {" more processes have", " more process has"})
    if (text.ends_with(more))
      if (const auto count = core::number_of<int>(text.substr(0, text.size() - more.size())); count >= 1)
        return NoiseLine{Noise::kTcpConnect, *count};
  return std::nullopt;
}

NoiseFilter::Split NoiseFilter::take(std::string_view bytes) {
  Split split;
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    const bool whole = end != bytes.npos;
    const std::string_view part = bytes.substr(0, whole ? end + 1 : bytes.size());
    bytes.remove_prefix(part.size());
    if (begun_) {
      split.shown += part;
      begun_ = !whole;
      continue;
    }
    line_ += part;
    if (whole)
      take_line(split);
    else if (line_.size() > kLongestHeld)
      split.shown += let_go();
  }
  return split;
}

void NoiseFilter::take_line(Split& split) {
  const std::string line = std::exchange(line_, {});
  const std::string_view text = std::string_view(line).substr(0, line.size() - 1);
  const auto count = [&](Noise noise, int more) { counts_.at(static_cast<std::size_t>(noise)) += more; };
  if (const auto noise = noise_of(text)) {
    count(noise->noise, noise->count);
    split.folded += line;
  } else if (is_message_ && is_rule(text)) {
    count(Noise::kTcpConnect, 1);
    split.folded += std::exchange(block_, {}) + line;
    is_message_ = false;
  } else if (is_message_ && is_of_message(text) && block_.size() < kLongestBlock) {
    block_ += line;
  } else if (is_message_ && block_.size() < kLongestBlock) {
    split.shown += line;  // another process's, in between
  } else if (!block_.empty() && text == kMessage) {
    is_message_ = true;
    block_ += line;
  } else {
    end_block(split.shown);
    if (is_rule(text))
      block_ = line;
    else
      split.shown += line;
  }
}

void NoiseFilter::end_block(std::string& to) {
  to += std::exchange(block_, {});
  is_message_ = false;
}

std::string NoiseFilter::let_go() {
  std::string shown;
  end_block(shown);
  begun_ = begun_ || !line_.empty();
  shown += std::exchange(line_, {});
  return shown;
}

}  // namespace resolute::allocations
