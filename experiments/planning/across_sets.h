#pragma once
//! \file
//! The data sets that a row's trainings learn from, a column's and those of its `joined_with`, and the one that they
//! are asked on: which of them go together, and what a reader must know.

#include <optional>
#include <string>
#include <vector>

#include "experiments/planning/combination.h"

namespace resolute::experiments {

//! Tells whether both may show the same people, as the suite's words say it wherever it is read. People of stand-ins
//! are nobody's.
bool share_people(const DatasetText& one, const DatasetText& other);

//! The key by which people that both packs show are divided in two ways; empty where they are divided in one.
std::string key_of_division(const PackSettings& one_pack, const SplitSettings& one, const PackSettings& other_pack,
                            const SplitSettings& other);

//! The networks have the size of the images that they train on, and nobody who is asked for may have been trained on,
//! as far as the suite tells it. People of one folder, or drawn by one seed, are divided alike where nothing that
//! divides them differs (divided_by()); an evaluation looks at the images again (workers/jobs/evaluation_job.cpp).
//! \param trained_split of the training \param asked_split of the test
//! \throws RuntimeError (kInput) with the place of `evaluate_on`
void check_across(const TableText& table, const Combination& trained, const SplitSettings& trained_split,
                  const Combination& asked, const SplitSettings& asked_split);

//! A data set as a row's trainings learn from it or are asked on it.
struct DividedSet {
  const DatasetText& dataset;
  const DatasetPlan& planned;
  const SplitSettings& split;
};

//! Joined sets are of different people. \param joined the row's `joined_with` names it
//! \throws RuntimeError (kInput) with the place of `joined_with`
void check_joined(const Combination& row, const DividedSet& set, const DividedSet& joined);

//! Nobody of a set that a row's trainings learnt from besides their own is asked for. \param learnt of the row's
//! `joined_with`, or of that of a row it starts from \throws RuntimeError (kInput) with the place of that key
void check_learnt(const Combination& row, const DividedSet& learnt, const DividedSet& asked);

//! A split without what its training people alone depend on, so that it is the test of whoever trained elsewhere.
SplitSettings tested_alone(SplitSettings split);

//! Notes below a table: how its columns read, and where the two data sets of one show subjects of two kinds or have the
//! same people. None where each set is asked by its own trainings.
std::vector<std::string> notes_across(const TableText& table, const SuiteText& suite);

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
