#pragma once
//! \file
//! Batches and variants of the resolution-adaptive method that several tests share.

#include <string>
#include <vector>

#include "methods/resolution_adaptive/networks/resolution_adaptive.h"
#include "tests/methods/method_terms.h"
#include "tests/methods/small_training.h"
#include "tests/support/any_word.h"
#include "tests/support/formula.h"

namespace resolute::workers::worker_tests {

//! Four levels, sub-vectors of different widths, stages of two steps.
inline experiments::ResolutionAdaptiveOptions narrow_adaptive(const std::string& masks = "joint") {
  return {.widths = {3, 4, 2, 5}, .masks = tests::AnyWord(masks), .stage_steps = 2, .verification_width = 6};
}

//! The LR image of each row is at this rate: 1 to 4. What the row has at the rate 1 is its HR image.
inline void set_rates(methods::LaneBatch& batch, const std::vector<std::int64_t>& rates) {
  batch.lr_rates = at::tensor(rates, at::kLong);
  std::vector<at::Tensor> rows;
  for (std::size_t row = 0; row < rates.size(); ++row) {
    const at::Tensor& from = rates[row] == 1 ? batch.hr : batch.copies[static_cast<std::size_t>(rates[row] - 2)];
    rows.push_back(from[static_cast<std::int64_t>(row)]);
  }
  batch.lr = at::stack(rows).contiguous(at::MemoryFormat::ChannelsLast);
}

//! made_up_batch() of four identities and 32×16 pixels whose LR images are at the rates 2, 3, 4, 1, 2, …
inline methods::LaneBatch mixed_levels_batch(int images = 3, std::uint64_t seed = 0) {
  methods::LaneBatch batch = made_up_batch(4, images, 32, 16, seed);
  std::vector<std::int64_t> rates(static_cast<std::size_t>(4 * images));
  for (std::size_t row = 0; row < rates.size(); ++row) rates[row] = 1 + static_cast<std::int64_t>((row + 1) % 4);
  set_rates(batch, rates);
  return batch;
}

//! Rows of LR images alone, all at one rate.
inline methods::LaneBatch one_level_batch(int rate, int images = 2) {
  methods::LaneBatch batch = made_up_batch(4, images, 32, 16);
  set_rates(batch, std::vector<std::int64_t>(static_cast<std::size_t>(4 * images), rate));
  drop_hr_images(batch, at::zeros({std::int64_t{4} * images}, at::kBool));
  return batch;
}

inline bool is_mask(const std::string& name) { return name.starts_with("masks."); }

//! z (N×d) and logits of a pass in training mode.
inline at::Tensor representation_of(methods::Method& method, const methods::LaneBatch& batch) {
  return method.forward(batch).tensors[0];
}
inline at::Tensor logits_of(methods::Method& method, const methods::LaneBatch& batch) {
  return method.forward(batch).tensors[1];
}

}  // namespace resolute::workers::worker_tests
