#pragma once
//! \file
//! Batches and variants of FTWA that several tests share, and what one step gives.

#include <map>
#include <string>
#include <vector>

#include "methods/networks/method.h"
#include "tests/methods/method_terms.h"
#include "tests/methods/small_training.h"
#include "tests/support/formula.h"

namespace resolute::workers::worker_tests {

//! made_up_batch() of 32×16 pixels; the last `lr_images` of each identity's rows have an LR image alone.
inline methods::LaneBatch mixed_batch(int identities, int images, int lr_images, std::uint64_t seed = 0) {
  methods::LaneBatch batch = made_up_batch(identities, images, 32, 16, seed);
  for (int identity = 0; identity < identities; ++identity)
    for (int image = images - lr_images; image < images; ++image) batch.has_hr[identity * images + image] = false;
  batch.hr.mul_(batch.has_hr.view({-1, 1, 1, 1}));
  for (at::Tensor& copies : batch.copies) copies.mul_(batch.has_hr.view({-1, 1, 1, 1}));
  return batch;
}

//! Table 2's FTWA_R and FTWA_B.
inline experiments::FtwaOptions without_weighting(experiments::FtwaOptions options = {}) {
  options.form = methods::FtwaForm::kTransformed;
  return options;
}
inline experiments::FtwaOptions without_transformation(experiments::FtwaOptions options = {}) {
  options.form = methods::FtwaForm::kStreams;
  return options;
}

//! Hides the labels of these rows.
inline void hide_labels(methods::LaneBatch& batch, const std::vector<std::int64_t>& rows) {
  if (!batch.has_label.defined()) batch.has_label = at::ones({batch.labels.size(0)}, at::kBool);
  for (std::int64_t row : rows) {
    batch.has_label[row] = false;
    batch.labels[row] = -1;
  }
}

struct Step {
  std::map<std::string, at::Tensor> terms;      //!< of the one phase
  std::map<std::string, at::Tensor> gradients;  //!< of their sum; without those that are not defined
};

inline Step step_of(methods::Method& method, const methods::LaneBatch& batch) {
  Step step;
  const auto terms = terms_of(method, 0, method.forward(batch), batch);
  for (const auto& [name, value] : terms) step.terms[name] = value.detach();
  method.module().zero_grad();
  sum_of(terms).backward();
  for (const auto& item : method.module().named_parameters())
    if (item.value().grad().defined()) step.gradients[item.key()] = item.value().grad().clone();
  return step;
}

//! The gradient of one term; parameters that it does not reach have zeros.
inline std::map<std::string, at::Tensor> gradients_of(methods::Method& method, const methods::LaneBatch& batch,
                                                      const std::string& name) {
  const at::Tensor term = terms_of(method, 0, method.forward(batch), batch).at(name);
  std::map<std::string, at::Tensor> gradients = gradients_of(method, term);
  for (const auto& item : method.module().named_parameters())
    gradients.try_emplace(item.key(), at::zeros_like(item.value()));
  return gradients;
}

}  // namespace resolute::workers::worker_tests
