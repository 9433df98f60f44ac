#pragma once
//! \file
//! Choices that the options of several methods have.

#include "settings/member.h"
#include "settings/training.h"

namespace resolute::methods {

using settings::operator<<;  // for the choices of this namespace

//! How triplets are made: one sampled positive and negative of each anchor, the hardest of each, or all there are.
enum class Mining { kRandom, kBatchHard, kAll };
constexpr auto words_of(Mining) { return settings::words("random", "batch-hard", "all"); }

}  // namespace resolute::methods
