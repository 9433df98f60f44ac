//! What an epoch is.

#include "settings/epochs.h"

#include <gtest/gtest.h>

namespace resolute::settings::epochs_test {
namespace {

Recipe batch(int identities, int images) {
  Recipe recipe;
  recipe.identities = identities;
  recipe.images = images;
  return recipe;
}

TEST(Epochs, one_is_as_many_rows_as_there_are_training_images) {
  EXPECT_EQ(1U, steps_of_epochs(1, 64, batch(16, 4)));
  EXPECT_EQ(203U, steps_of_epochs(1, 12'936, batch(16, 4)));  // 202.1: Market-1501
  EXPECT_EQ(24'255U, steps_of_epochs(120, 12'936, batch(16, 4)));
  EXPECT_EQ(120, epochs_of_steps(24'255, 12'936, batch(16, 4)));
  EXPECT_EQ(657U, steps_of_epochs(1, 13'140, batch(5, 4)));
  EXPECT_EQ(1U, steps_of_epochs(1, 3, batch(8, 2)));
  EXPECT_GT(steps_of_epochs(UINT64_MAX, 751, batch(1, 1)), 1U << 31);
  EXPECT_THROW(steps_of_epochs(0, 3, batch(8, 2)), core::ContractError);
}

// The first step with which so many rows have been: against integers, one below and at each border.
TEST(Epochs, are_over_with_the_first_step_that_completes_them) {
  for (const int rows : {1, 3, 64, 100})
    for (std::uint64_t epochs = 1; epochs < 40; ++epochs)
      for (std::size_t images = 1; images < 300; images += 7) {
        const std::uint64_t steps = steps_of_epochs(epochs, images, batch(rows, 1));
        EXPECT_GE(steps * static_cast<std::uint64_t>(rows), epochs * images);
        EXPECT_LT((steps - 1) * static_cast<std::uint64_t>(rows), epochs * images);
      }
}

}  // namespace
}  // namespace resolute::settings::epochs_test
