#pragma once
//! \file
//! Finds the cause of a process rank's end, and says what each cause allows. Pure.

#include <string_view>

#include "orchestrator/messages/event.h"

namespace resolute::orchestrator {

//! An agent puts them before the last words of a rank that accuse its GPU (accuses_gpu()) once it has asked the GPU.
//! With the first the end is the job's own, with the second the device's, whatever words follow.
inline constexpr std::string_view kGpuIsSound = "its GPU is sound: ";
inline constexpr std::string_view kGpuIsBroken = "its GPU is broken: ";
//! The same for last words that accuse the store (accuses_store()), where the store has room: the end is the job's own.
inline constexpr std::string_view kStoreHasRoom = "its store has room: ";

//! The cause that a rank's end shows: a store that failed then, signal, exit code and, for exit code 1 and others
//! without a meaning of their own, what its last line says (a full disk, a CUDA or NCCL error, a device out of memory,
//! a lost peer) where nobody was asked. `exited` is not a good end (code 0 without a signal).
Cause classify(const RankExited& exited);

//! True where the last words of a rank with a GPU are all that speaks against the GPU.
bool accuses_gpu(const RankExited& exited);

//! True where a rank's end speaks of a full store.
bool accuses_store(const RankExited& exited);

//! The cause that signal and exit code show alone: signal, or exit-code, where classify() says more than can be.
Cause classify_without_words(const RankExited& exited);

//! How much an end by this cause tells. When several ranks of a gang fail, the end that tells most is the attempt's
//! end. A rank that waited in vain for a peer says least; configuration says most.
int weight_of(Cause cause);

//! The further attempts that an end by a cause allows.
struct Budget {
  int attempts = 1;               //!< ends by this cause in one run after which the job is given up
  bool renewed = false;           //!< counts ends in a row without a new checkpoint instead (Job::fruitless)
  Milliseconds first_back_off{};  //!< wait after the first such end
  int factor = 1;                 //!< of the wait after each further one
  Milliseconds longest_back_off{};
  bool elsewhere = false;  //!< the hosts that it failed on are not taken where others hold it
};
Budget budget_of(Cause cause);

//! True where an end by this cause tells of its host even if the rank had a GPU: a program, a mount or a disk of its
//! own is missing there.
bool is_of_the_host(Cause cause);

//! True if ranks that are stopped for this cause get time to write a checkpoint. Ranks that have failed, lost a peer or
//! hang do not.
bool leaves_time(Cause cause);

//! The wait after the `count`th end (1, 2, …) by a budget's cause. \param scale Policy::back_off_scale
Milliseconds back_off(const Budget& budget, int count, double scale = 1);

}  // namespace resolute::orchestrator
