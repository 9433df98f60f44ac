#pragma once
//! \file
//! The kinds of work that a suite's jobs are, as far as machines are chosen by them: packs want a disk and processors,
//! trainings GPUs, evaluations little.

#include "settings/choice.h"

namespace resolute::settings {

//! kPack: shards of a pack and its seal.
enum class JobKind { kPack, kTraining, kEvaluation };
constexpr auto words_of(JobKind) { return words("pack", "training", "evaluation"); }

}  // namespace resolute::settings
