//! \file
//! Batches of which some images stand alone as LR images: train.lr_images.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>

#include "core/error.h"
#include "core/hash/sha256.h"
#include "datasets/loader/sampling.h"

namespace resolute::datasets::lr_images_test {
namespace {

// Each label has `hr` images of each of `cameras` cameras, and `low` of one more that exist as LR views only.
Split made_split(int labels, int cameras, int hr, int low) {
  Split split;
  split.train_identities = labels;
  for (int label = 0; label < labels; ++label)
    for (int camera = 1; camera <= cameras + 1; ++camera)
      for (int image = 0; image < (camera <= cameras ? hr : low); ++image) {
        TrainItem item;
        item.row = split.train.size();
        item.label = label;
        item.camera = camera;
        item.has_hr = camera <= cameras;
        item.stored_rate = item.has_hr ? 1 : 3;
        split.train.push_back(item);
      }
  return split;
}

bool is_hr_row(const Split& split, const BatchItem& item) { return split.train[item.item].has_hr && !item.low; }

// The K items of each identity of a batch.
std::vector<std::vector<BatchItem>> by_identity(const std::vector<BatchItem>& items, const BatchShape& shape) {
  std::vector<std::vector<BatchItem>> groups;
  for (std::size_t i = 0; i < items.size(); i += static_cast<std::size_t>(shape.images))
    groups.emplace_back(items.begin() + static_cast<std::ptrdiff_t>(i),
                        items.begin() + static_cast<std::ptrdiff_t>(i) + shape.images);
  return groups;
}

// Batches without them are as before there were any: a training of then is trained on the same images now.
TEST(LrImages, none_leaves_every_plan_as_it_was) {
  Split split;
  split.train_identities = 7;
  for (int label = 0; label < 7; ++label)
    for (int image = 0; image < 2 + label % 4; ++image) {
      TrainItem item;
      item.row = split.train.size();
      item.label = label;
      item.camera = image < 2 ? 1 : 2;
      item.has_hr = image < 2;
      item.stored_rate = item.has_hr ? 1 : 3;
      split.train.push_back(item);
    }
  std::string text;
  for (std::uint64_t step = 0; step < 40; ++step)
    for (const BatchItem& item : BatchPlanner(split, {3, 5, 0}, 11).plan(step)) {
      text += fmt::format("{} {} {}\n", item.item, item.round, item.occurrence);
      EXPECT_FALSE(item.low);
    }
  EXPECT_EQ("800adb9cb19e36fd28e27494eb40bd78a8ed134d426a220df4041fe0a3b220af", core::sha256_hex(text));
}

// Whatever an identity has, K − l of its rows are HR and stand first, and no image comes again before all of its kind
// have come.
RC_GTEST_PROP(LrImages, of_each_identity_are_as_many_as_asked_for_and_stand_last, ()) {
  const int images = *rc::gen::inRange(2, 9);
  const BatchShape shape{3, images, *rc::gen::inRange(1, images)};
  const Split split = made_split(5, *rc::gen::inRange(1, 4), *rc::gen::inRange(1, 4), *rc::gen::inRange(0, 4));
  const bool mixed = std::ranges::any_of(split.train, [](const auto& i) { return !i.has_hr; });
  BatchPlanner planner(split, shape, *rc::gen::arbitrary<std::uint64_t>());
  for (std::uint64_t step = 0; step < 10; ++step)
    for (const auto& group : by_identity(planner.plan(step), shape)) {
      std::map<std::size_t, std::uint32_t> times;
      for (int i = 0; i < images; ++i) {
        const BatchItem& item = group[static_cast<std::size_t>(i)];
        RC_ASSERT(is_hr_row(split, item) == (i < images - shape.lr_images));
        RC_ASSERT(split.train[item.item].label == split.train[group.front().item].label);
        RC_ASSERT(item.low == (!mixed && i >= images - shape.lr_images));
        RC_ASSERT(times[item.item]++ == item.occurrence);
      }
      for (const bool hr : {true, false}) {
        std::uint32_t least = static_cast<std::uint32_t>(images), most = 0;
        for (std::size_t i = 0; i < split.train.size(); ++i) {
          if (split.train[i].label != split.train[group.front().item].label) continue;
          if (mixed && split.train[i].has_hr != hr) continue;
          least = std::min(least, times[i]);
          most = std::max(most, times[i]);
        }
        RC_ASSERT(most <= least + 1);
      }
    }
}

// MLR-VRU: whichever of an identity's images became low-resolution, and whatever camera took them. Both kinds are drawn
// from what there is of them; an identity of one kind alone gives what it has.
RC_GTEST_PROP(LrImages, of_pools_without_an_lr_camera_are_drawn_from_what_is_stored_in_low_resolution, ()) {
  std::vector<PackRow> rows;
  const int cameras = *rc::gen::inRange(1, 3);
  for (int identity = 1; identity <= 12; ++identity)
    for (int image = 0; image < 3 + identity % 5; ++image) {
      PackRow row;
      row.sample = {fmt::format("{:02}_{}.jpg", identity, image), identity, 1 + image % cameras, "train"};
      rows.push_back(row);
    }
  SplitSettings options{.seed = *rc::gen::arbitrary<std::uint64_t>(), .lr_camera = 0};
  const Split split = make_split(rows, "made-up", std::string(64, '0'), options);
  std::vector<std::vector<bool>> has_hr(static_cast<std::size_t>(split.train_identities));
  for (const TrainItem& item : split.train) has_hr[static_cast<std::size_t>(item.label)].push_back(item.has_hr);
  const BatchShape shape{5, 4, 2};
  BatchPlanner planner(split, shape, 1);
  for (std::uint64_t step = 0; step < 10; ++step)
    for (const auto& group : by_identity(planner.plan(step), shape)) {
      const auto& image_has_hr = has_hr[static_cast<std::size_t>(split.train[group.front().item].label)];
      const auto hr = std::ranges::count(image_has_hr, true);
      const bool all_hr = hr == std::ssize(image_has_hr);
      const auto shown = std::ranges::count_if(group, [&](const auto& i) { return is_hr_row(split, i); });
      RC_ASSERT(shown == (hr == 0 ? 0 : 2));
      for (const BatchItem& item : group) RC_ASSERT(!item.low || all_hr);
    }
}

TEST(LrImages, identities_of_lr_views_alone_have_nothing_else_to_give) {
  const Split split = made_split(4, 0, 0, 3);
  for (std::uint64_t step = 0; step < 5; ++step) {
    std::set<std::size_t> seen;
    for (const BatchItem& item : BatchPlanner(split, {2, 3, 1}, 5).plan(step)) {
      EXPECT_FALSE(item.low);
      EXPECT_EQ(0U, item.occurrence);
      EXPECT_TRUE(seen.insert(item.item).second);
    }
  }
}

RC_GTEST_PROP(LrImages, are_a_function_of_seed_and_step, ()) {
  const Split split = made_split(7, 2, 2, *rc::gen::inRange(0, 3));
  const BatchShape shape{3, 4, 2};
  BatchPlanner planner(split, shape, 7);
  std::vector<std::vector<BatchItem>> in_order;
  for (std::uint64_t step = 0; step < 20; ++step) in_order.push_back(planner.plan(step));
  for (const auto step : *rc::gen::container<std::vector<std::size_t>>(10, rc::gen::inRange<std::size_t>(0, 20))) {
    RC_ASSERT(planner.plan(step) == in_order[step]);
    RC_ASSERT(BatchPlanner(split, shape, 7).plan(step) == in_order[step]);
  }
  RC_ASSERT(BatchPlanner(split, shape, 8).plan(0) != in_order[0]);
}

// Which identities a step sees, and how often each came before, does not depend on it.
TEST(LrImages, identities_and_rounds_are_those_of_batches_without) {
  const Split split = made_split(7, 2, 3, 2);
  for (std::uint64_t step = 0; step < 20; ++step) {
    const auto without = BatchPlanner(split, {3, 4, 0}, 7).plan(step);
    const auto with = BatchPlanner(split, {3, 4, 2}, 7).plan(step);
    for (std::size_t i = 0; i < with.size(); ++i) {
      EXPECT_EQ(split.train[without[i].item].label, split.train[with[i].item].label);
      EXPECT_EQ(without[i].round, with[i].round);
    }
  }
}

TEST(LrImages, cameras_take_turns_among_the_hr_rows) {
  const Split split = made_split(4, 3, 5, 2);
  const BatchShape shape{4, 5, 2};
  for (std::uint64_t step = 0; step < 20; ++step)
    for (const auto& group : by_identity(BatchPlanner(split, shape, 3).plan(step), shape)) {
      std::set<std::int64_t> cameras;
      for (std::size_t i = 0; i < 3; ++i) cameras.insert(split.train[group[i].item].camera);
      EXPECT_EQ(3U, cameras.size());
    }
}

// hr-both-views: an HR row and an LR row may be of either camera, and each image comes in both roles.
TEST(LrImages, of_identities_with_hr_images_alone_each_image_comes_in_both_roles) {
  const Split split = made_split(3, 2, 2, 0);
  const BatchShape shape{3, 2, 1};
  BatchPlanner planner(split, shape, 1);
  std::map<std::size_t, int> as_hr, as_lr;
  for (std::uint64_t step = 0; step < 200; ++step)
    for (const auto& group : by_identity(planner.plan(step), shape)) {
      ++as_hr[group[0].item];
      ++as_lr[group[1].item];
      EXPECT_NE(split.train[group[0].item].camera, split.train[group[1].item].camera);
    }
  for (std::size_t item = 0; item < split.train.size(); ++item) {
    EXPECT_NEAR(50, as_hr[item], 25);
    EXPECT_NEAR(50, as_lr[item], 25);
  }
}

TEST(LrImages, as_many_as_images_break_the_contract) {
  const Split split = made_split(3, 2, 2, 0);
  EXPECT_THROW(BatchPlanner(split, {2, 2, 2}, 0).plan(0), core::ContractError);
  EXPECT_THROW(BatchPlanner(split, {2, 2, -1}, 0).plan(0), core::ContractError);
}

}  // namespace
}  // namespace resolute::datasets::lr_images_test
