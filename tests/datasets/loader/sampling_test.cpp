#include "datasets/loader/sampling.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <iterator>
#include <map>
#include <set>

#include "tests/datasets/pack/raw_images.h"

namespace resolute::datasets::sampling_test {
namespace {

Split made_split(int identities, const std::vector<int>& images_per_camera) {
  Split split;
  split.train_identities = identities;
  for (int label = 0; label < identities; ++label)
    for (std::size_t camera = 0; camera < images_per_camera.size(); ++camera)
      for (int image = 0; image < images_per_camera[camera]; ++image) {
        TrainItem item;
        item.row = split.train.size();
        item.identity = label + 10;
        item.label = label;
        item.camera = static_cast<std::int64_t>(camera) + 1;
        split.train.push_back(item);
      }
  return split;
}

RC_GTEST_PROP(Sampling, every_identity_comes_equally_often_and_never_twice_in_a_batch, ()) {
  int classes = *rc::gen::inRange(1, 30);
  int batch = *rc::gen::inRange(1, classes + 1);
  int images = *rc::gen::inRange(1, 6);
  auto seed = *rc::gen::arbitrary<std::uint64_t>();
  Split split = made_split(classes, {2, 3});
  BatchPlanner planner(split, {batch, images}, seed);
  std::map<int, int> seen;
  int position = 0;
  for (std::uint64_t step = 0; step < 40; ++step) {
    auto items = planner.plan(step);
    RC_ASSERT(items.size() == static_cast<std::size_t>(batch * images));
    std::set<int> in_batch;
    for (int i = 0; i < batch; ++i) {
      int label = split.train[items[static_cast<std::size_t>(i * images)].item].label;
      RC_ASSERT(in_batch.insert(label).second);
      std::set<std::size_t> chosen;
      for (int j = 0; j < images; ++j) {
        const BatchItem& item = items[static_cast<std::size_t>(i * images + j)];
        RC_ASSERT(split.train[item.item].label == label);
        RC_ASSERT(item.round == static_cast<std::uint64_t>(position / classes));
        RC_ASSERT(chosen.insert(item.item).second);
        RC_ASSERT(item.occurrence == 0U);
      }
      ++seen[label];
      if (++position % classes == 0)
        for (int other = 0; other < classes; ++other) RC_ASSERT(seen[other] == position / classes);
    }
  }
}

RC_GTEST_PROP(Sampling, is_a_function_of_seed_and_step, ()) {
  int classes = *rc::gen::inRange(2, 25);
  int batch = *rc::gen::inRange(1, classes + 1);
  Split split = made_split(classes, {2, 2});
  BatchPlanner planner(split, {batch, 2}, 7);
  std::vector<std::vector<BatchItem>> in_order;
  for (std::uint64_t step = 0; step < 20; ++step) in_order.push_back(planner.plan(step));
  auto steps = *rc::gen::container<std::vector<std::size_t>>(10, rc::gen::inRange<std::size_t>(0, 20));
  for (auto step : steps) {
    RC_ASSERT(planner.plan(step) == in_order[step]);
    RC_ASSERT(BatchPlanner(split, {batch, 2}, 7).plan(step) == in_order[step]);
  }
}

// Nothing that goes on from a step walks through the steps before it.
TEST(Sampling, a_step_that_no_training_reaches_is_planned_at_once) {
  constexpr unsigned kClasses = 7;
  const Split split = made_split(kClasses, {2});
  for (const std::uint64_t far :
       {std::uint64_t{1'000'000'007}, std::uint64_t{1'000'000'000'000}, std::uint64_t{1} << 48})
    for (const int batch : {1, 3, 5, 7}) {
      // Steps of twice as many rounds as a batch has identities: each of these rounds has every identity once.
      BatchPlanner planner(split, {batch, 1}, 3);
      std::map<std::uint64_t, std::multiset<int>> rounds;
      for (std::uint64_t step = far; step < far + 2 * kClasses; ++step) {
        const std::vector<BatchItem> items = planner.plan(step);
        ASSERT_EQ(items, BatchPlanner(split, {batch, 1}, 3).plan(step)) << step;
        std::set<int> in_batch;
        for (const BatchItem& item : items) {
          EXPECT_TRUE(in_batch.insert(split.train[item.item].label).second) << step;
          rounds[item.round].insert(split.train[item.item].label);
        }
      }
      rounds.erase(rounds.begin());  // the first and the last may be there in part
      rounds.erase(std::prev(rounds.end()));
      for (const auto& [round, labels] : rounds) {
        EXPECT_EQ(labels.size(), kClasses) << round;
        EXPECT_EQ(std::set<int>(labels.begin(), labels.end()).size(), kClasses) << round;
      }
    }
}

TEST(Sampling, cameras_take_turns) {
  Split split = made_split(4, {6, 1});
  for (std::uint64_t step = 0; step < 20; ++step) {
    auto items = BatchPlanner(split, {4, 2}, 3).plan(step);
    for (std::size_t i = 0; i < items.size(); i += 2)
      EXPECT_NE(split.train[items[i].item].camera, split.train[items[i + 1].item].camera);
  }
}

TEST(Sampling, few_images_come_again_only_when_all_have_come) {
  Split split = made_split(2, {2, 1});
  auto items = BatchPlanner(split, {2, 7}, 1).plan(0);
  for (std::size_t identity = 0; identity < 2; ++identity) {
    std::map<std::size_t, int> count;
    for (std::size_t i = 0; i < 7; ++i) {
      const BatchItem& item = items[identity * 7 + i];
      EXPECT_EQ(i / 3, item.occurrence);
      ++count[item.item];
    }
    for (const auto& [item, times] : count) EXPECT_TRUE(times == 2 || times == 3);
  }
}

TEST(Sampling, more_identities_than_there_are_is_refused) {
  Split split = made_split(3, {2});
  tests::expect_error(core::ErrorKind::kInput, {"4 identities from 3", "train.identities"}, [&] {
    BatchPlanner(split, {4, 2}, 0).plan(0);
  });
}

TEST(Sampling, lanes_hold_whole_identities) {
  std::size_t at = 0;
  for (int lane = 0; lane < 3; ++lane) {
    ItemRange range = lane_items(8, 4, 3, lane, lane + 1);
    EXPECT_EQ(at, range.begin);
    EXPECT_EQ(lane < 2 ? 12U : 8U, range.size());
    at = range.end;
  }
  EXPECT_EQ(32U, at);
  EXPECT_EQ(24U, lane_items(8, 4, 3, 0, 2).end);
}

}  // namespace
}  // namespace resolute::datasets::sampling_test
