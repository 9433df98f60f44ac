#include "orchestrator/decisions/failure.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <csignal>
#include <limits>
#include <optional>
#include <string_view>

namespace resolute::orchestrator {
namespace {

// Words of programs that fail, in small letters. The first that is found decides, so the order matters: "CUDA error:
// out of memory" is no broken device, and a NCCL error of a peer that has gone is none either.
struct Sign {
  std::string_view text;
  std::optional<Cause> cause;  // nothing: the text hides what it looks like
};
constexpr std::array kSigns{
    Sign{"out of memory", Cause::kOutOfMemory},
    Sign{"outofmemoryerror", Cause::kOutOfMemory},
    Sign{"cannot allocate memory", Cause::kOutOfMemory},
    Sign{"bad_alloc", Cause::kOutOfMemory},
    Sign{"memoryerror", Cause::kOutOfMemory},
    Sign{"alloc_failed", Cause::kOutOfMemory},  // CUDNN_STATUS_, CUBLAS_STATUS_
    // Limits of a machine that have the words of a full disk: room in the store would not help, another machine may.
    Sign{"/dev/shm/nccl", std::nullopt},
    Sign{"shared memory", std::nullopt},
    Sign{"</torch_", std::nullopt},  // PyTorch's name of what it shares between processes
    Sign{"inotify", std::nullopt},
    Sign{"file too large", std::nullopt},  // RLIMIT_FSIZE
    Sign{"no space left on device", Cause::kStorageFull},
    Sign{"disk quota exceeded", Cause::kStorageFull},
    Sign{"process rank", Cause::kPeerLost},  // "process ranks 2, 3 did not come", "process rank 2 did not arrive"
    Sign{"connection closed by peer", Cause::kPeerLost},
    Sign{"connection reset by peer", Cause::kPeerLost},
    Sign{"connection refused", Cause::kPeerLost},
    Sign{"broken pipe", Cause::kPeerLost},
    Sign{"socket timeout", Cause::kPeerLost},
    Sign{"remote process exited", Cause::kPeerLost},
    Sign{"ncclremoteerror", Cause::kPeerLost},
    Sign{"collective operation timeout", Cause::kPeerLost},
    Sign{"cuda error", Cause::kDeviceError},
    Sign{"cudaerror", Cause::kDeviceError},
    Sign{"cudnn", Cause::kDeviceError},
    Sign{"cublas", Cause::kDeviceError},
    Sign{"nccl", Cause::kDeviceError},
    Sign{"no cuda-capable device", Cause::kDeviceError},
    Sign{"illegal memory access", Cause::kDeviceError},
};

// A cause's facts; budget: attempts, renewed, first back-off, factor, longest back-off, elsewhere.
struct CauseRow {
  Cause cause;
  std::string_view name;
  int weight;
  Budget budget{};
  bool leaves_time = false;
  bool of_the_host = false;
};
constexpr Budget kTried{3, false, Milliseconds(250), 4, Milliseconds(60'000), true};
constexpr Budget kNoFaultOfTheJob{8, true};
constexpr Budget kTriedElsewhere{8, true, {}, 1, {}, true};
constexpr Budget kGivenUpAtOnce{};
constexpr bool kLeavesTime = true;
constexpr bool kOfTheHost = true;

constexpr std::array kCauseRows{
    CauseRow{Cause::kExitCode, "exit-code", 8, kTried},
    CauseRow{Cause::kSignal, "signal", 9, kTried},
    // Elsewhere: another host may have more memory, or fewer programs of others in it.
    CauseRow{Cause::kOutOfMemory, "out-of-memory", 14, {2, false, Milliseconds(5'000), 1, Milliseconds(5'000), true}},
    CauseRow{Cause::kDeviceError, "device-error", 13, {4, false, Milliseconds(1'000), 4, Milliseconds(60'000), true}},
    // Elsewhere: two hosts that do not reach each other never will.
    CauseRow{Cause::kPeerLost, "peer-lost", 0, kTriedElsewhere},
    CauseRow{Cause::kNoProgress, "no-progress", 7, {3, false, {}, 1, {}, true}},
    // Elsewhere: what is full may be a disk of its host.
    CauseRow{Cause::kStorageFull,
             "storage-full",
             12,
             {40, false, Milliseconds(1'000), 2, Milliseconds(60'000), true},
             !kLeavesTime,
             kOfTheHost},
    // Tried again only where another host holds it: a host without a mount says the same as a wrong setting.
    CauseRow{Cause::kConfiguration, "configuration", 17, {2, false, {}, 1, {}, true}, !kLeavesTime, kOfTheHost},
    // One that the run asked for names no host; one that nobody asked for may be its host's.
    CauseRow{Cause::kInterrupted, "interrupted", 3, kTriedElsewhere, kLeavesTime},
    CauseRow{Cause::kPreempted, "preempted", 5, kNoFaultOfTheJob, kLeavesTime},
    CauseRow{Cause::kWalltime, "walltime", 4, kNoFaultOfTheJob, kLeavesTime},
    // Those that lost an agent's ranks may die of it in any way.
    CauseRow{Cause::kAgentLost, "agent-lost", 10, kNoFaultOfTheJob},
    CauseRow{Cause::kCoordinatorLost, "coordinator-lost", 2, kNoFaultOfTheJob},
    CauseRow{Cause::kUnplaceable, "unplaceable", 1, kGivenUpAtOnce},
    CauseRow{Cause::kCancelled, "cancelled", 6, kGivenUpAtOnce, kLeavesTime},
    CauseRow{Cause::kUnkillable, "unkillable", 11, kNoFaultOfTheJob},
    // Elsewhere: it may be a host's mount alone. A rank does not say it: who ends with its words has asked the store.
    CauseRow{Cause::kStoreError,
             "store-error",
             18,
             {std::numeric_limits<int>::max(), false, Milliseconds(1'000), 2, Milliseconds(60'000), true},
             !kLeavesTime,
             kOfTheHost},
    CauseRow{Cause::kClaimLost, "claim-lost", 16, kNoFaultOfTheJob},
};
static_assert(kCauseRows.size() == kCauses, "each cause has a row");
static_assert(std::all_of(kCauseRows.begin(), kCauseRows.end(),
                          [](const CauseRow& row) { return &row == &kCauseRows[static_cast<std::size_t>(row.cause)]; }),
              "rows stand in the order of the causes");

const CauseRow& cause_row(Cause cause) { return kCauseRows.at(static_cast<std::size_t>(cause)); }

// Python's exceptions that are a program's own whatever words they quote. RuntimeError, OSError, MemoryError and those
// of libraries say it by their words.
bool is_of_the_program(std::string_view evidence) {
  constexpr std::array kClasses{
      "ArithmeticError",     "AssertionError",      "AttributeError",     "EOFError",
      "FileExistsError",     "FileNotFoundError",   "FloatingPointError", "ImportError",
      "IndentationError",    "IndexError",          "IsADirectoryError",  "KeyError",
      "LookupError",         "ModuleNotFoundError", "NameError",          "NotADirectoryError",
      "NotImplementedError", "RecursionError",      "StopIteration",      "SyntaxError",
      "TypeError",           "UnboundLocalError",   "UnicodeDecodeError", "UnicodeEncodeError",
      "ValueError",          "ZeroDivisionError"};
  return std::find(kClasses.begin(), kClasses.end(), evidence.substr(0, evidence.find(':'))) != kClasses.end();
}

Cause by_evidence(std::string_view evidence, Cause otherwise) {
  if (evidence.starts_with(kGpuIsBroken)) return Cause::kDeviceError;
  if (is_of_the_program(evidence) || evidence.starts_with(kGpuIsSound) || evidence.starts_with(kStoreHasRoom))
    return otherwise;
  std::string small(evidence);
  std::transform(small.begin(), small.end(), small.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  for (const Sign& sign : kSigns)
    if (small.find(sign.text) != std::string::npos) return sign.cause.value_or(otherwise);
  return otherwise;
}

// The dynamic loader's words, where a library of a program is not there or another one.
bool did_not_load(const RankExited& exited) {
  constexpr int kOfTheLoader = 127;
  return exited.code == kOfTheLoader &&
         (exited.evidence.find(": error while loading shared libraries: ") != std::string::npos ||
          exited.evidence.find(": symbol lookup error: ") != std::string::npos);
}

// A batch system or a person asks a program to end by these. SLURM's notice may go to every process of a step, before
// the run hears of it.
bool asks_to_end(int signal) {
  constexpr std::array kRequests{SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2};
  return std::find(kRequests.begin(), kRequests.end(), signal) != kRequests.end();
}

}  // namespace

Cause classify(const RankExited& exited) {
  if (exited.out_of_memory) return Cause::kOutOfMemory;
  if (exited.store_failed) return Cause::kStoreError;
  // An exception that nobody catches ends in abort(); its text says more than the signal.
  if (exited.signal == SIGABRT) return by_evidence(exited.evidence, Cause::kSignal);
  constexpr int kSaidByAShell = 128;  // and the signal, of a program that it has started
  const int behind_a_shell = exited.code > kSaidByAShell ? exited.code - kSaidByAShell : 0;
  if (exited.code == 75 || asks_to_end(exited.signal) || asks_to_end(behind_a_shell)) return Cause::kInterrupted;
  if (exited.signal != 0) return Cause::kSignal;
  if (exited.code == 2 || did_not_load(exited)) return Cause::kConfiguration;
  return by_evidence(exited.evidence, Cause::kExitCode);
}

bool accuses_gpu(const RankExited& exited) { return !exited.gpu.empty() && classify(exited) == Cause::kDeviceError; }

bool accuses_store(const RankExited& exited) { return classify(exited) == Cause::kStorageFull; }

Cause classify_without_words(const RankExited& exited) {
  return exited.signal != 0 ? Cause::kSignal : Cause::kExitCode;
}

std::string_view name_of(Cause cause) { return cause_row(cause).name; }

int weight_of(Cause cause) { return cause_row(cause).weight; }

Budget budget_of(Cause cause) { return cause_row(cause).budget; }

bool is_of_the_host(Cause cause) { return cause_row(cause).of_the_host; }

bool leaves_time(Cause cause) { return cause_row(cause).leaves_time; }

Milliseconds back_off(const Budget& budget, int count, double scale) {
  Milliseconds wait = budget.first_back_off;
  for (int i = 1; i < count && wait < budget.longest_back_off; ++i) wait *= budget.factor;
  wait = std::min(wait, budget.longest_back_off);
  return Milliseconds(std::llround(static_cast<double>(wait.count()) * scale));
}

}  // namespace resolute::orchestrator
