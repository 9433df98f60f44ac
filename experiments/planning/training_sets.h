#pragma once
//! \file
//! The data sets that a training learns from: a row's own on a column, and those of its `joined_with`.

#include <optional>
#include <string>
#include <vector>

#include "experiments/planning/combination.h"

namespace resolute::experiments {

//! The labels, where they are here, say whether a data set can be split, and what it then has to train on.
//! Specifications of people that are drawn plainly tell it by themselves (validation.h), and to list a stand-in is to
//! draw it. \throws RuntimeError (kInput) with the data set's place where it cannot be split
std::optional<settings::TrainingCount> count_listed(const Combination& combination, const SplitSettings& split,
                                                    const TrainingImages& images);

//! A training must have people enough, with those of joined sets: by the labels, else by what is known of a set without
//! them. \param joined as in the training \throws RuntimeError (kInput) with the place of the key that asks for more
void check_people(const Combination& combination, const std::vector<Combination>& joined,
                  const TrainingSpecification& training, const TrainingImages& images);

//! A training's sets are of different people. \throws RuntimeError (kInput) with the place of `joined_with`
void check_apart(const Combination& combination, const std::vector<Combination>& joined,
                 const TrainingSpecification& training);

//! A trial's number is the seed of all that it draws.
void set_trial(TrainingSpecification& training, int trial);

//! For people: "a", or "a and b".
std::string names_of(const TrainingSpecification& training);

}  // namespace resolute::experiments
