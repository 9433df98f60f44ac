#include "datasets/split/labelled.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <map>
#include <numeric>

#include "core/error.h"

namespace resolute::datasets::labelled_test {
namespace {

Split made_split(const std::vector<int>& images, std::uint64_t seed) {
  Split split;
  split.pack = "people";
  split.options.seed = seed;
  split.train_identities = static_cast<int>(images.size());
  for (std::size_t label = 0; label < images.size(); ++label)
    for (int image = 0; image < images[label]; ++image) {
      TrainItem item{.row = split.train.size(),
                     .path = fmt::format("{}/{}.png", label, image),
                     .identity = static_cast<std::int64_t>(label) + 1,
                     .label = static_cast<int>(label)};
      split.train.push_back(item);
    }
  return split;
}

std::map<int, int> labelled_of_each(const Split& split, const std::vector<std::uint8_t>& labelled) {
  std::map<int, int> counts;
  for (std::size_t i = 0; i < labelled.size(); ++i) counts[split.train[i].label] += labelled[i];
  return counts;
}

RC_GTEST_PROP(Labelled, every_identity_has_its_share_to_within_one_image, ()) {
  const auto images = *rc::gen::nonEmpty(rc::gen::container<std::vector<int>>(rc::gen::inRange(1, 30)));
  const double fraction = *rc::gen::inRange(0, 101) / 100.0;
  const Split split = made_split(images, *rc::gen::arbitrary<std::uint64_t>());
  const auto counts = labelled_of_each(split, draw_labelled(split, fraction));
  for (const auto& [label, count] : counts)
    RC_ASSERT(std::abs(count - fraction * images[static_cast<std::size_t>(label)]) < 1);
}

RC_GTEST_PROP(Labelled, a_larger_share_labels_what_a_smaller_one_labels_and_the_ends_are_none_and_all, ()) {
  const auto images = *rc::gen::nonEmpty(rc::gen::container<std::vector<int>>(rc::gen::inRange(1, 30)));
  const Split split = made_split(images, *rc::gen::arbitrary<std::uint64_t>());
  std::vector<std::uint8_t> before(split.train.size(), 0);
  RC_ASSERT(draw_labelled(split, 0) == before);
  for (int step = 1; step <= 10; ++step) {
    const auto labelled = draw_labelled(split, step / 10.0);
    for (std::size_t i = 0; i < labelled.size(); ++i) RC_ASSERT(labelled[i] >= before[i]);
    before = labelled;
  }
  RC_ASSERT(before == std::vector<std::uint8_t>(split.train.size(), 1));
}

RC_GTEST_PROP(Labelled, by_identity_whole_identities_keep_or_lose_their_labels_and_a_larger_share_keeps_more, ()) {
  const auto images = *rc::gen::container<std::vector<int>>(20, rc::gen::inRange(1, 30));
  const Split split = made_split(images, *rc::gen::arbitrary<std::uint64_t>());
  std::vector<std::uint8_t> before(split.train.size(), 0);
  for (const double fraction : {0.0, 0.1, 0.2, 0.55, 0.999, 1.0}) {
    const auto labelled = draw_labelled(split, fraction, settings::LabelledBy::kIdentity);
    int whole = 0;
    for (const auto& [label, count] : labelled_of_each(split, labelled)) {
      RC_ASSERT(count == 0 || count == images[static_cast<std::size_t>(label)]);
      whole += count > 0 ? 1 : 0;
    }
    RC_ASSERT(whole == settings::labelled_identities(fraction, 20));
    for (std::size_t i = 0; i < labelled.size(); ++i) RC_ASSERT(labelled[i] >= before[i]);
    before = labelled;
  }
  RC_ASSERT(before == std::vector<std::uint8_t>(split.train.size(), 1));
}

TEST(Labelled, labels_of_one_identity_are_refused_and_others_do_not_matter_to_an_order) {
  const Split split = made_split(std::vector<int>(10, 3), 4);
  const auto by_identity = [&](double fraction) {
    return draw_labelled(split, fraction, settings::LabelledBy::kIdentity);
  };
  for (const double fraction : {0.01, 0.1})
    EXPECT_THROW(by_identity(fraction), core::RuntimeError) << "labels for one or none";
  EXPECT_NE(by_identity(0.5),
            draw_labelled(made_split(std::vector<int>(10, 3), 5), 0.5, settings::LabelledBy::kIdentity));
  // The images do not matter either.
  const auto fewer = draw_labelled(made_split(std::vector<int>(10, 1), 4), 0.5, settings::LabelledBy::kIdentity);
  for (std::size_t i = 0; i < fewer.size(); ++i) EXPECT_EQ(fewer[i], by_identity(0.5)[3 * i]);
}

TEST(Labelled, the_share_of_all_images_is_the_one_asked_for_however_few_an_identity_has) {
  const Split split = made_split(std::vector<int>(2000, 2), 3);
  const auto labelled = draw_labelled(split, 0.2);
  // 2,000 identities, each with 0 or 1 of 2: the standard deviation of the sum is 22.
  EXPECT_NEAR(800, std::accumulate(labelled.begin(), labelled.end(), 0), 90);
}

TEST(Labelled, the_draw_follows_the_seed_and_an_identitys_own_images_alone) {
  const Split split = made_split({12, 12, 12}, 3);
  const auto labelled = draw_labelled(split, 0.5);
  EXPECT_NE(labelled, draw_labelled(made_split({12, 12, 12}, 4), 0.5));
  const auto fewer = draw_labelled(made_split({12, 12}, 3), 0.5);
  EXPECT_TRUE(std::equal(fewer.begin(), fewer.end(), labelled.begin()));
}

TEST(Labelled, a_share_that_is_none_is_refused) {
  const Split split = made_split({2, 2}, 0);
  for (double fraction : {-0.1, 1.1, std::nan("")}) EXPECT_THROW(draw_labelled(split, fraction), core::ContractError);
}

}  // namespace
}  // namespace resolute::datasets::labelled_test
