#pragma once
//! \file
//! Rules of a method's options: which of them go together, and with the rest of a training, and which of them nothing
//! reads. Each method's rules stand in its folder (options.cpp).

#include <string>
#include <string_view>
#include <vector>

#include "methods/options.h"
#include "settings/pack.h"
#include "settings/split.h"
#include "settings/training.h"

namespace resolute::methods {

//! The rest of a training, as far as methods look at it; its own members in range.
struct TrainingSettings {
  const settings::NetworkSettings& network;
  const settings::Recipe& recipe;
  const settings::PackSettings& pack;
  const settings::SplitSettings& split;
};

//! \throws MemberError (settings/member_checks.h) for the first option out of range, or the first member that the
//! method cannot work with
void check(const MethodOptions& options, const TrainingSettings& training);

//! Members that nothing reads take their defaults, in the options and, where the method alone knows it, in the network.
void reset_unread(MethodOptions& options, settings::NetworkSettings& network, const settings::Recipe& recipe);

//! Tells whether networks of both have tensors of the same names and shapes, which mean the same, where the rest of
//! their trainings is the same too. A method says it of its options by same_tensors(); of a method that does not, equal
//! options have.
bool same_networks(const MethodOptions& a, const MethodOptions& b);

//! Tells whether a step of the method depends on how many steps the training has in all. A method says it by
//! stages_follow_length(); of a method that does not, none does.
bool is_paced_by_length(const MethodOptions& options);

//! Sets options that follow the length of a training to what they come to, so that trainings of two lengths can be
//! compared. A method does it by fill_in_stages(). \param steps of the training
void fill_in_pace(MethodOptions& options, const settings::NetworkSettings& network, int steps);

//! For triplets among HR images alone. One image of an identity is told of elsewhere. \throws MemberError for fewer
//! than 2 HR images of each
void check_hr_images(const settings::Recipe& recipe,
                     std::string_view why = "the HR triplets need 2 HR images of each identity in a lane");

//! For a stream of LR images that no HR image's copy enters. \param pairing the key that asks for it
//! \throws MemberError where train.lr_images are too few of an identity for it, or leave no HR stream
void check_lr_stream(std::string_view pairing, bool triplets, const settings::Recipe& recipe);

//! \throws MemberError where every level of the trunk is frozen and nothing else learns
//! \param others that something beside the trunk learns \param wanted what would: "a classifier"
void check_frozen_levels(const settings::NetworkSettings& network, bool others, std::string_view wanted);

//! Rates from the lowest resolution to that of the HR image. \throws MemberError unless the last is 1
void check_last(const std::string& key, const std::vector<int>& rates);

//! The names that Recipe::frozen joins.
std::vector<std::string> frozen_groups(const settings::Recipe& recipe);

//! "set it to half of …": how many images of an identity stand in a batch as LR images.
std::string suggested_lr_images(const settings::Recipe& recipe);

template <class Options>
void reset_triplet(Options& options) {
  if (options.triplet) return;
  options.margin = Options().margin;
  options.mining = Options().mining;
}

template <class Options>
void reset_classification(Options& options) {
  if (!options.classification) options.classification_weight = Options().classification_weight;
}

}  // namespace resolute::methods
