#pragma once
//! \file
//! A training that starts from the last weights of another one: which one may, and which tensors it takes over. Pure.

#include "experiments/specification/specification.h"

namespace resolute::experiments {

//! Trainings that start from one another, or whose weights do; no chain in use is nearly as long.
inline constexpr std::size_t kMostStages = 32;

//! The part of a finished training that another one starts from: the whole module where both train the same networks on
//! the same people, the trunk alone elsewhere. Both specifications have passed their checks.
//! \throws MemberError ("start_from") for a program's training, another pack or backbone, several trunks where one is
//! asked for, or people of the first training whom the second one is tested on \param name of `first` for messages
StartPart part_to_start(const TrainingSpecification& first, const TrainingSpecification& second,
                        const std::string& name);

//! True if nobody who trains by `trained` is tested by `tested`, two splits of one pack.
bool tests_strangers(const SplitSettings& trained, const SplitSettings& tested);

}  // namespace resolute::experiments
