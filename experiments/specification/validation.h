#pragma once
//! \file
//! Range checks of specifications, with the offending member told apart from the text, so that a suite's reader can put
//! the file and line of that key before the message.

#include "experiments/specification/specification.h"
#include "settings/member_checks.h"
#include "settings/names.h"

namespace resolute::experiments {

using settings::check_range;
using settings::is_plain_name;
using settings::kLargestRate;
using settings::MemberError;
using settings::text_of;

//! \throws MemberError for the first member out of range, alone or against the others
void check(const JobSpecification& specification);
//! The evaluation itself, and what it asks of its training's method: a distance that the method has, levels of
//! resolution.
void check(const EvaluationSpecification& evaluation, const MethodOptions& method);
//! A data set that a training learns from, by itself: its pack and split, and the recipe and method on them.
void check_set(const TrainingSpecification& training, const JoinedSet& set);
//! How many identities of one set train. \param known how many may, at most \throws MemberError where
//! `split.train_identities` asks for more, or `split.test_identities` leaves fewer than two
int trained_identities(const JoinedSet& set, int known);
//! \param known how many identities of all its sets train, at most \throws MemberError for a batch of more, or labels
//! for fewer than two of them
void check_identities(const TrainingSpecification& training, int known);

}  // namespace resolute::experiments
