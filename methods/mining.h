#pragma once
//! \file
//! The options of several methods share these choices, and the declarations of rows and rules.

#include "settings/member.h"
#include "settings/training.h"

namespace resolute::methods {

using settings::operator<<;  // for the choices of this namespace

//! How triplets are made: one sampled positive and negative of each anchor, the hardest of each, or all there are.
enum class Mining { kRandom, kBatchHard, kAll };
constexpr auto words_of(Mining) { return settings::words("random", "batch-hard", "all"); }

struct Row;
struct TrainingSettings;

//! Declares what the folder of a method has beside its options: the method's row (row.cpp; methods/row.h), its rules
//! and what nothing reads (options.cpp; methods/rules.h).
// NOLINTBEGIN(bugprone-macro-parentheses): a type cannot stand in parentheses.
#define RESOLUTE_METHOD(Options)                                             \
  Row row_of(const Options& options);                                        \
  void check_with(const Options& options, const TrainingSettings& training); \
  void reset_unread(Options& options, settings::NetworkSettings& network, const settings::Recipe& recipe);
// NOLINTEND(bugprone-macro-parentheses)

}  // namespace resolute::methods
