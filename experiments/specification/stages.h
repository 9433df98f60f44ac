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

//! The member by which two splits of the same people divide them otherwise ("split.lr_camera"), so that one trains on
//! people whom the other tests; empty: nobody is both. Which cameras are LR matters where people are drawn: who has
//! both an LR and an HR image takes part. \param cameras_seen_by_all every camera saw everybody: any one decides alike
std::string divided_by(const SplitSettings& one, const SplitSettings& other, bool cameras_seen_by_all = false);

//! The training with no steps: equal for all of its lengths. Nothing where the length paces a training from the first
//! step on.
std::optional<TrainingSpecification> without_length(TrainingSpecification training);

//! True if `longer` is `shorter` with more steps, and its first steps are the same: it may go on from the other's last
//! state.
bool goes_on(const TrainingSpecification& shorter, const TrainingSpecification& longer);

//! True if nobody who trains by `trained` is tested by `tested`, two splits of one pack.
bool tests_strangers(const SplitSettings& trained, const SplitSettings& tested);

}  // namespace resolute::experiments
