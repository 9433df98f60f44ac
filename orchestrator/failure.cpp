#include "orchestrator/failure.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <csignal>
#include <limits>
#include <string_view>

namespace resolute::orchestrator {
namespace {

// What programs write when they fail, in small letters. The first that is found decides, so the order matters: "CUDA
// error: out of memory" is no broken device, and a NCCL error of a peer that has gone is none either.
struct Sign {
  std::string_view text;
  Cause cause;
};
constexpr std::array kSigns{
    Sign{"out of memory", Cause::kOutOfMemory},
    Sign{"outofmemoryerror", Cause::kOutOfMemory},
    Sign{"cannot allocate memory", Cause::kOutOfMemory},
    Sign{"bad_alloc", Cause::kOutOfMemory},
    Sign{"memoryerror", Cause::kOutOfMemory},
    Sign{"alloc_failed", Cause::kOutOfMemory},  // CUDNN_STATUS_, CUBLAS_STATUS_
    Sign{"no space left on device", Cause::kStorageFull},
    Sign{"disk quota exceeded", Cause::kStorageFull},
    Sign{"file too large", Cause::kStorageFull},
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

Cause by_evidence(std::string_view evidence, Cause otherwise) {
  std::string small(evidence);
  std::transform(small.begin(), small.end(), small.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  for (const Sign& sign : kSigns)
    if (small.find(sign.text) != std::string::npos) return sign.cause;
  return otherwise;
}

}  // namespace

Cause classify(const RankExited& exited) {
  if (exited.out_of_memory) return Cause::kOutOfMemory;
  if (exited.signal == SIGXFSZ) return Cause::kStorageFull;
  // An exception that nobody catches ends in abort(); its text says more than the signal.
  if (exited.signal == SIGABRT) return by_evidence(exited.evidence, Cause::kSignal);
  if (exited.signal != 0) return Cause::kSignal;
  if (exited.code == 2) return Cause::kConfiguration;
  if (exited.code == 75) return Cause::kInterrupted;
  return by_evidence(exited.evidence, Cause::kExitCode);
}

int weight_of(Cause cause) {
  switch (cause) {
    case Cause::kConfiguration:
      return 16;
    // Of an attempt that was never started: no rank says it.
    case Cause::kStoreError:
      return 15;
    case Cause::kOutOfMemory:
      return 14;
    case Cause::kDeviceError:
      return 13;
    case Cause::kStorageFull:
      return 12;
    case Cause::kUnkillable:
      return 11;
    // Those that lost an agent's ranks may die of it in any way.
    case Cause::kAgentLost:
      return 10;
    case Cause::kSignal:
      return 9;
    case Cause::kExitCode:
      return 8;
    case Cause::kNoProgress:
      return 7;
    case Cause::kCancelled:
      return 6;
    case Cause::kPreempted:
      return 5;
    case Cause::kWalltime:
      return 4;
    case Cause::kInterrupted:
      return 3;
    case Cause::kCoordinatorLost:
      return 2;
    case Cause::kUnplaceable:
      return 1;
    case Cause::kPeerLost:
      return 0;
  }
  throw core::ContractError("no such cause");
}

Budget budget_of(Cause cause) {
  using std::chrono::seconds;
  switch (cause) {
    case Cause::kExitCode:
    case Cause::kSignal:
      return {3, false, Milliseconds(250), 4, seconds(60), true};
    case Cause::kOutOfMemory:
      return {2, false, seconds(5), 1, seconds(5), false};
    case Cause::kDeviceError:
      return {4, false, seconds(1), 4, seconds(60), true};
    case Cause::kNoProgress:
      return {3, false, Milliseconds(0), 1, Milliseconds(0), true};
    case Cause::kStorageFull:
      return {40, false, seconds(1), 2, seconds(60), false};
    case Cause::kStoreError:
      return {std::numeric_limits<int>::max(), false, seconds(1), 2, seconds(60), false};
    case Cause::kPeerLost:
    case Cause::kInterrupted:
    case Cause::kPreempted:
    case Cause::kWalltime:
    case Cause::kAgentLost:
    case Cause::kUnkillable:
    case Cause::kCoordinatorLost:
      return {8, true, Milliseconds(0), 1, Milliseconds(0), false};
    case Cause::kConfiguration:
    case Cause::kUnplaceable:
    case Cause::kCancelled:
      return {};
  }
  throw core::ContractError("no such cause");
}

Milliseconds back_off(const Budget& budget, int count) {
  Milliseconds wait = budget.first_back_off;
  for (int i = 1; i < count && wait < budget.longest_back_off; ++i) wait *= budget.factor;
  return std::min(wait, budget.longest_back_off);
}

}  // namespace resolute::orchestrator
