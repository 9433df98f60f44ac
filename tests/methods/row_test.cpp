//! \file
//! Every method's row: what it needs and tells by its options.

#include "methods/row.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string_view>
#include <utility>
#include <vector>

#include "methods/rules.h"
#include "settings/member_checks.h"

namespace resolute::methods::row_test {
namespace {

using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Lt;
using testing::Not;

std::vector<std::string> names(const std::vector<Distance>& distances) {
  std::vector<std::string> found;
  for (const Distance& distance : distances) found.push_back(distance.name);
  return found;
}

TEST(Row, methods_are_named_once_in_alphabetical_order) {
  EXPECT_THAT(method_names(),
              ElementsAre("baseline", "cadnet", "ftwa", "msifla", "rain", "resolution_adaptive", "vpfa"));
  for (std::size_t i = 0; i < all_methods().size(); ++i) EXPECT_EQ(method_names()[i], method_name(all_methods()[i]));
}

TEST(Row, a_baseline_of_hr_images_needs_no_lr_images) {
  EXPECT_FALSE(row(BaselineOptions{}).needs.lr);
  EXPECT_TRUE(row(BaselineOptions{.images = methods::BaselineImages::kStored}).needs.lr);
}

TEST(Row, a_method_with_copies_has_one_at_every_training_rate) {
  settings::Recipe recipe;
  recipe.train_rates = {2, 3, 5};
  EXPECT_EQ(recipe.train_rates, copy_rates(row(MsiflaOptions{}).needs, recipe));
  EXPECT_THAT(copy_rates(row(RainOptions{}).needs, recipe), IsEmpty());
}

TEST(Row, decoders_recover_images) {
  EXPECT_THAT(tells(RainOptions{}).recovered, ElementsAre(1));
  EXPECT_THAT(tells(RainOptions{.reconstruction = false}).recovered, IsEmpty());
  EXPECT_THAT(tells(MsiflaOptions{.scales = {4, 1}}).recovered, ElementsAre(4, 1));
  EXPECT_THAT(tells(CadnetOptions{.reconstruction = false}).recovered, ElementsAre(1)) << "its F reads them";
  EXPECT_THAT(
      tells(CadnetOptions{.features = JointFeature::kF, .reconstruction = false, .image_adversary = false}).recovered,
      IsEmpty());
  EXPECT_THAT(tells(FtwaOptions{}).recovered, IsEmpty());
}

TEST(Row, ftwa_compares_by_what_its_options_leave) {
  EXPECT_THAT(names(tells(FtwaOptions{}).distances), ElementsAre("weighted", "equal", "hr", "lr"));
  EXPECT_THAT(names(tells(FtwaOptions{{}, FtwaForm::kTransformed}).distances), ElementsAre("equal", "hr", "lr"));
  const Tells plain = tells(FtwaOptions{{}, FtwaForm::kStreams});
  EXPECT_THAT(plain.distances, ElementsAre(Distance{"hr", {0}}, Distance{"lr", {1}}));
  EXPECT_FALSE(plain.branch_weights);
  EXPECT_TRUE(tells(FtwaOptions{}).branch_weights);
}

TEST(Row, a_distance_looks_at_the_gallery_images_of_its_branches) {
  const Tells facts = tells(FtwaOptions{});
  const auto looks = [&](std::string_view name) {
    const GalleryLooks found = gallery_looks(facts, *find_distance(facts, name));
    return std::pair(found.originals, found.copies);
  };
  EXPECT_EQ(looks("weighted"), std::pair(true, true));
  EXPECT_EQ(looks("equal"), std::pair(true, true));
  EXPECT_EQ(looks("hr"), std::pair(true, false));
  EXPECT_EQ(looks("lr"), std::pair(false, true));
  EXPECT_EQ(find_distance(facts, "cosine"), nullptr);
}

// Where one of these did not hold, an evaluation would have no distance, or one without weights or branches.
TEST(Row, distances_fit_the_branches) {
  for (const MethodOptions& method : all_methods()) {
    const Tells facts = tells(method);
    EXPECT_EQ(facts.branches.empty(), facts.distances.empty()) << method_name(method);
    for (const Distance& distance : facts.distances) {
      EXPECT_THAT(distance.branches, AllOf(Not(IsEmpty()), Each(Lt(facts.branches.size())))) << method_name(method);
      EXPECT_TRUE(facts.branch_weights || !distance.weighted) << method_name(method);
    }
    EXPECT_TRUE(facts.prefixes.empty() || facts.prefixes.size() == facts.level_rates.size()) << method_name(method);
  }
}

TEST(Row, levels_are_told_apart_by_length_or_by_masks) {
  const Tells whole = tells(ResolutionAdaptiveOptions{.level_rates = {4, 2, 1}, .widths = {2, 3, 4}});
  EXPECT_THAT(whole.level_rates, ElementsAre(4, 2, 1));
  EXPECT_THAT(whole.prefixes, ElementsAre(2, 5, 9));
  EXPECT_TRUE(whole.masks);
  const Tells masked = tells(ResolutionAdaptiveOptions{.varying_length = false});
  EXPECT_THAT(masked.level_rates, ElementsAre(4, 3, 2, 1));
  EXPECT_THAT(masked.prefixes, IsEmpty());
  EXPECT_EQ(Tells(), tells(ResolutionAdaptiveOptions{.varying_length = false, .masks = methods::Masks::kOff}));
}

// With all levels of the trunk frozen something else must learn.
TEST(Rules, all_levels_are_frozen_only_beside_something_that_learns) {
  RainOptions rain, judged;
  rain.classification = judged.classification = judged.reconstruction = false;
  rain.adversary = NoAdversary();
  judged.adversary = Adversary{.levels = {5}};
  FtwaOptions transformed, streams;
  transformed.classification = streams.classification = false;
  transformed.form = FtwaForm::kTransformed;
  streams.form = FtwaForm::kStreams;
  CadnetOptions cadnet, of_features;
  cadnet.feature_adversary = false;
  of_features = {.features = JointFeature::kF,
                 .classification = false,
                 .reconstruction = false,
                 .feature_adversary = false,
                 .image_adversary = false};
  MsiflaOptions msifla, unclassified;
  unclassified.classification = false;
  const std::vector<std::pair<MethodOptions, bool>> every = {{BaselineOptions(), true},
                                                             {BaselineOptions{.classification = false}, false},
                                                             {rain, true},
                                                             {judged, false},
                                                             {transformed, true},
                                                             {streams, false},
                                                             {cadnet, true},
                                                             {of_features, false},
                                                             {msifla, true},
                                                             {unclassified, false},
                                                             {ResolutionAdaptiveOptions(), true}};
  const settings::SplitSettings split;
  const settings::PackSettings pack{.name = {}, .height = 256, .width = 128};
  const settings::Recipe recipe{.steps = 100, .lr_images = 2, .milestones = {}};
  for (const auto& [options, learns] : every)
    for (const int frozen : {4, 5}) {
      const settings::NetworkSettings network{.frozen_levels = frozen};
      const auto checked = [&, &options = options] { check(options, {network, recipe, pack, split}); };
      if (learns || frozen < 5) {
        EXPECT_NO_THROW(checked()) << method_name(options);
        continue;
      }
      try {
        checked();
        ADD_FAILURE() << method_name(options);
      } catch (const settings::MemberError& error) {
        EXPECT_EQ(error.key(), "network.frozen_levels");
      }
    }
}

TEST(Rules, a_row_freezes_groups_of_its_method_while_something_else_learns) {
  const settings::SplitSettings split;
  const settings::PackSettings pack{.name = {}, .height = 256, .width = 128};
  const auto refused = [&](const MethodOptions& options, const std::string& frozen) -> std::string {
    const settings::NetworkSettings network;
    const settings::Recipe recipe{.steps = 100, .lr_images = 2, .milestones = {}, .frozen = frozen};
    try {
      check(options, {network, recipe, pack, split});
    } catch (const settings::MemberError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ("", refused(RainOptions(), "discriminators"));
  EXPECT_THAT(refused(RainOptions{.adversary = NoAdversary()}, "discriminators"),
              HasSubstr("has the parts trunk, networks"));
  EXPECT_THAT(refused(RainOptions(), "discriminator"), HasSubstr("did you mean 'discriminators'"));
  EXPECT_THAT(refused(RainOptions(), "networks"), HasSubstr("nothing is left that learns"));
  EXPECT_THAT(refused(BaselineOptions(), "networks"), HasSubstr("nothing is left that learns"));
  EXPECT_THAT(refused(MsiflaOptions(), "ir,reid"), HasSubstr("nothing is left that learns"));
  EXPECT_EQ("", refused(MsiflaOptions(), "ir"));
  EXPECT_EQ("", refused(MsiflaOptions(), "reid"));
  EXPECT_THAT(refused(MsiflaOptions{.ir_warmup_steps = 3}, "ir"), HasSubstr("'msifla.ir_warmup_steps'"));
  EXPECT_THAT(refused(ResolutionAdaptiveOptions(), "networks"), HasSubstr("no mask learns before its stage"));
  EXPECT_EQ("", refused(ResolutionAdaptiveOptions{.masks = Masks::kJoint}, "networks"));
  // Another spelling of the same would be another job.
  for (const char* text : {"masks,", "masks,masks", "networks,masks", ",masks", " masks"})
    EXPECT_NE("", refused(ResolutionAdaptiveOptions{.masks = Masks::kJoint}, text)) << text;
}

// Nothing below a frozen level answers a discriminator: the row would be one without it under RAIN's name.
TEST(Rules, an_adversary_works_on_levels_that_learn) {
  const settings::SplitSettings split;
  const settings::PackSettings pack{.name = {}, .height = 256, .width = 128};
  const settings::Recipe recipe{.steps = 100, .milestones = {}};
  const auto checked = [&](const std::vector<int>& levels, int frozen) {
    const settings::NetworkSettings network{.frozen_levels = frozen};
    check(RainOptions{.adversary = Adversary{.levels = levels}}, {network, recipe, pack, split});
  };
  EXPECT_NO_THROW(checked({4, 5}, 3));
  for (const auto& [levels, frozen] : std::vector<std::pair<std::vector<int>, int>>{{{3}, 3}, {{2, 5}, 2}, {{4, 5}, 5}})
    try {
      checked(levels, frozen);
      ADD_FAILURE() << frozen;
    } catch (const settings::MemberError& error) {
      EXPECT_EQ(error.key(), "rain.levels");
    }
}

TEST(Rules, cadnets_parts_ask_for_what_they_work_on) {
  const settings::SplitSettings split;
  const settings::PackSettings pack{.name = {}, .height = 256, .width = 128};
  const auto refused = [&](const CadnetOptions& options, int frozen, int lr_images, double labelled) -> std::string {
    const settings::NetworkSettings network{.frozen_levels = frozen};
    const settings::Recipe recipe{
        .steps = 100, .images = 4, .lr_images = lr_images, .milestones = {}, .labelled_fraction = labelled};
    try {
      check(options, {network, recipe, pack, split});
    } catch (const settings::MemberError& error) {
      return error.key();
    }
    return "";
  };
  const CadnetOptions none{.classification = false,
                           .triplet = false,
                           .reconstruction = false,
                           .feature_adversary = false,
                           .image_adversary = false};
  const CadnetOptions labels_alone{.reconstruction = false, .feature_adversary = false, .image_adversary = false};
  EXPECT_EQ("", refused({}, 4, 0, 1));
  EXPECT_EQ("cadnet.feature_adversary", refused({}, 5, 0, 1));
  EXPECT_EQ("", refused({.feature_adversary = false}, 5, 0, 1));
  EXPECT_EQ("cadnet.classification", refused(none, 0, 0, 1));
  EXPECT_EQ("", refused({}, 0, 0, 0));
  EXPECT_EQ("train.labelled_fraction", refused(labels_alone, 0, 0, 0));
  EXPECT_EQ("train.lr_images", refused({.pairing = Pairing::kShuffled}, 0, 1, 1));
  EXPECT_EQ("", refused({.pairing = Pairing::kShuffled}, 0, 2, 1));
  EXPECT_EQ("", refused({.triplet = false, .pairing = Pairing::kShuffled}, 0, 1, 1));
}

// Nothing teaches F without L_cls: v is f alone, whatever the option says, and the option is forgotten.
TEST(Row, a_cadnet_without_identities_compares_f) {
  MethodOptions options = CadnetOptions{.features = JointFeature::kG, .classification = false, .triplet = false};
  settings::NetworkSettings network;
  reset_unread(options, network, {});
  EXPECT_EQ(JointFeature::kBoth, std::get<CadnetOptions>(options).features);
  EXPECT_FALSE(std::get<CadnetOptions>(options).encodes_recovered());
  EXPECT_TRUE(std::get<CadnetOptions>(options).compares_f());
}

}  // namespace
}  // namespace resolute::methods::row_test
