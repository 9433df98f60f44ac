//! \file
//! The bit-equality matrix with a few kills per row, of which a commit runs a slice; bit_equality_long_test has all
//! rows and ten kills in each cell.

#include <array>

#include "datasets/loader/sampling.h"
#include "datasets/pack/pack.h"
#include "datasets/split/labelled.h"
#include "tests/support/slice.h"
#include "tests/workers/evaluation/mask_stages.h"

namespace resolute::workers::bit_equality_test {
namespace {

INSTANTIATE_TEST_SUITE_P(Rows, MatrixTest, testing::ValuesIn(tests::slice("bit equality", kRows, 1)), MatrixTest::name);

TEST_P(MatrixTest, one_hash_a_row) {
  Row row = make_row(GetParam());
  row.training.recipe.steps = 12;
  expect_one_hash(row, 1, 2);
}

// A signal to one rank, at any moment of its training: all stop after the same step, whose checkpoint is on disk.
TEST_F(BitEqualityTest, signals_at_random_moments_leave_the_same_step_everywhere_and_the_same_bits) {
  const auto training = make_row("rain").training;
  const fs::path folder = store("signals");
  const JobId id = write_specification(folder, training);
  core::RandomStream random("signals", {0});
  int stopped = 0;
  for (int attempt = 1; attempt <= 8 && result(folder, id) == "none"; ++attempt) {
    Attempt gang(folder, id, 2, options(attempt));
    EXPECT_NE("", gang.wait_for_progress("\"step\""));
    pause(random.uniform(0, 120));
    gang.signal(random.below(2), random.below(2) == 0 ? SIGTERM : SIGUSR1);
    const auto ends = gang.wait();
    EXPECT_EQ(ends[0].how, ends[1].how);
    if (ends[0].how != "exit code 75") continue;
    ++stopped;
    const std::uint64_t step = step_of(checkpoints(folder, id).back());
    for (const Ended& end : ends)
      EXPECT_EQ(0U, end.last_line.find(fmt::format("resolute-worker: stopped after step {} (", step))) << end.last_line;
  }
  EXPECT_GT(stopped, 1);
  EXPECT_EQ(std::vector<std::string>{"exit code 0"}, Attempt(folder, id, 1, options(9)).wait_codes());
  EXPECT_EQ(train("signals-calm", training, 1), result(folder, id));
}

// Of a row that says "semi": lanes with and without any label, both.
TEST_F(BitEqualityTest, semi_supervised_rows_have_lanes_that_hold_no_label) {
  for (const std::string name : {"rain-semi", "ftwa-semi", "baseline-semi-mlr"}) {
    const auto training = make_row(name).training;
    const datasets::PackReader pack = datasets::PackReader::open(
        core::real_file_system(), experiments::StoreLayout(root_).pack_folder(training.pack));
    const datasets::Split split = datasets::make_split(pack, training.split);
    const auto labelled = datasets::draw_labelled(split, training.recipe.labelled_fraction);
    const datasets::BatchShape shape{training.recipe.identities, training.recipe.images, training.recipe.lr_images};
    datasets::BatchPlanner planner(split, shape, training.seed);
    int without = 0, with = 0;
    for (std::uint64_t step = 0; step < 12; ++step) {
      const auto items = planner.plan(step);
      for (int lane = 0; lane < training.lanes; ++lane) {
        const auto range =
            datasets::lane_items(training.recipe.identities, training.recipe.images, training.lanes, lane, lane + 1);
        bool any = false;
        for (std::size_t i = range.begin; i < range.end; ++i) any = any || labelled[items[i].item] != 0;
        ++(any ? with : without);
      }
    }
    EXPECT_GT(without, 5) << name;
    EXPECT_GT(with, 5) << name;
  }
}

// Another W at each restart; bit_equality_long_test has each W by itself.
TEST_F(MaskStagesTest, killed_in_every_stage) {
  expect_kills_in_every_stage(
      "stages", 1,
      [](int stage) {
        return std::array{1, 2, 4, 2, 1}.at(static_cast<std::size_t>(stage));
      },
      train("stages-calm", training(), 2));
}

// L is part of what is trained, W is not: eight ranks give the bits of one.
TEST_F(BitEqualityTest, one_and_eight_lanes_have_a_hash_each) {
  auto training = make_row("baseline").training;
  training.recipe.steps = 6;
  training.recipe.identities = 16;
  training.pack.synthetic->identities = 32;
  training.pack.name = "many-identities";
  build_pack(training.pack);
  training.lanes = 8;
  const std::string eight = train("lanes-8-ranks-1", training, 1);
  EXPECT_NE("none", eight);
  EXPECT_EQ(eight, train("lanes-8-ranks-8", training, 8));
  training.lanes = 1;
  const std::string one = train("lanes-1", training, 1);
  EXPECT_NE("none", one);
  EXPECT_NE(weights_hash(eight), weights_hash(one));
}

}  // namespace
}  // namespace resolute::workers::bit_equality_test
