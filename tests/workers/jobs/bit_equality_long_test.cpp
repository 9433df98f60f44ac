//! \file
//! The whole bit-equality matrix, with more rows than bit_equality_test: ten kills in each cell that has kills.

#include "tests/workers/evaluation/mask_stages.h"

namespace resolute::workers::bit_equality_long_test {
namespace {

INSTANTIATE_TEST_SUITE_P(Rows, MatrixTest, testing::ValuesIn(kRows), MatrixTest::name);
INSTANTIATE_TEST_SUITE_P(MoreRows, MatrixTest,
                         testing::Values("cadnet-bf16", "cadnet-shuffled", "cadnet-semi", "ftwa-bf16", "ftwa-swapped",
                                         "msifla-bf16", "msifla-swapped", "adaptive-joint", "adaptive-bf16",
                                         "adaptive-swapped", "rain-lite0", "ftwa-lite0", "msifla-lite0",
                                         "adaptive-lite0"),
                         MatrixTest::name);

TEST_P(MatrixTest, one_hash_a_row) {
  Row row = make_row(GetParam());
  row.training.recipe.steps = 60;
  expect_one_hash(row, 10, 10);
}

// At each W of its own, at three moments of each stage: after its first step, in the middle, before its last.
TEST_F(MaskStagesTest, killed_thrice_in_every_stage) {
  const std::string calm = train("stages-calm", training(), 4);
  for (const int ranks : {1, 2, 4})
    for (const int steps_into : {1, kStageSteps / 2, kStageSteps - 3})
      expect_kills_in_every_stage(
          fmt::format("stages-{}-{}", ranks, steps_into), steps_into, [=](int) { return ranks; }, calm);
}

}  // namespace
}  // namespace resolute::workers::bit_equality_long_test
