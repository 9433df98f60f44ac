#pragma once
//! \file
//! Batches and variants of MSIFLA that several tests share.

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "methods/networks/method.h"
#include "tests/methods/method_terms.h"
#include "tests/methods/small_training.h"
#include "tests/support/formula.h"

namespace resolute::workers::worker_tests {

//! A small MSIFLA whose labels are smoothed.
inline std::unique_ptr<methods::Method> made_up_msifla(
    const experiments::MsiflaOptions& options,
    const experiments::NetworkSettings& network = {.backbone = settings::Trunk::kResnetSmall},
    double label_smoothing = 0.1) {
  return made_up(options, network, 4, label_smoothing);
}

//! Narrow IR networks, so that a test is quick.
inline experiments::MsiflaOptions narrow_msifla(std::vector<int> scales = {3, 2, 1}) {
  return {.scales = std::move(scales), .ir_width = 4};
}

//! made_up_batch() of four identities and 32×16 pixels, in which the second half of each identity's rows are LR rows.
inline methods::LaneBatch half_lr_batch(int images = 4) {
  methods::LaneBatch batch = made_up_batch(4, images, 32, 16);
  at::Tensor has_hr = at::ones({std::int64_t{4} * images}, at::kBool);
  for (int row = 0; row < 4 * images; ++row) has_hr[row] = row % images < (images + 1) / 2;
  drop_hr_images(batch, has_hr);
  return batch;
}

//! half_lr_batch() with identities of HR rows alone and of LR rows alone, and rows of both kinds without a label: 1
//! and 9 (HR), 6 and 15 (LR).
inline methods::LaneBatch uneven_msifla_batch() {
  methods::LaneBatch batch = made_up_batch(4, 4, 32, 16);
  std::vector<std::int64_t> hr{1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0};
  drop_hr_images(batch, at::tensor(hr, at::kLong).to(at::kBool));
  batch.has_label = at::ones({16}, at::kBool);
  for (std::int64_t row : {1, 9, 6, 15}) {
    batch.has_label[row] = false;
    batch.labels[row] = -1;
  }
  return batch;
}

//! table 2's "+ CMSR²" where there are several scales.
inline experiments::MsiflaOptions shared(experiments::MsiflaOptions options) {
  options.reid_networks = methods::ReidNetworks::kShared;
  return options;
}

inline std::map<std::string, at::Tensor> all_terms(methods::Method& method, const methods::LaneBatch& batch) {
  const methods::Activations activations = method.forward(batch);
  auto terms = terms_of(method, 0, activations, batch);
  terms.merge(terms_of(method, 1, activations, batch));
  return terms;
}

}  // namespace resolute::workers::worker_tests
