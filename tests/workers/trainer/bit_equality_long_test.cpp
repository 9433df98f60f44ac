//! \file
//! The whole bit-equality matrix, with more rows than bit_equality_test: ten kills in each cell that has kills.

#include "tests/workers/trainer/bit_equality.h"

namespace resolute::workers {
namespace {

INSTANTIATE_TEST_SUITE_P(Rows, MatrixTest, testing::ValuesIn(kRows), MatrixTest::name);
INSTANTIATE_TEST_SUITE_P(MoreRows, MatrixTest,
                         testing::Values("ftwa-bf16", "ftwa-swapped", "msifla-bf16", "msifla-swapped"),
                         MatrixTest::name);

TEST_P(MatrixTest, one_hash_a_row) {
  Row row = make_row(GetParam());
  row.training.recipe.steps = 60;
  expect_one_hash(row, 10, 10);
}

}  // namespace
}  // namespace resolute::workers
