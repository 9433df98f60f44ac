//! \file
//! Gradients of whole steps of FTWA and of table 2's baseline against central differences in float64, and which side of
//! eq. 2 is a constant.
#include "tests/methods/finite_difference.h"
#include "tests/support/any_word.h"

namespace resolute::workers::ftwa_finite_difference_test {
namespace {

using worker_tests::expect_gradients;
using worker_tests::Tensors;

class FtwaStep : public worker_tests::MethodStep {
 protected:
  //! Identity 0 has two rows of either kind, 1 one HR row and two LR rows, 2 and 3 a row each, and two have no label.
  FtwaStep() { make_batch({0, 0, 0, 0, 1, 1, 1, 2, 3, -1, -1}, {1, 1, 0, 0, 1, 0, 0, 1, 0, 1, 0}); }

  void expect_gradients_of_total() {
    Tensors tensors = parameters(0);
    tensors.insert(tensors.end(), {{"hr", batch_.hr.requires_grad_()}, {"lr", batch_.lr.requires_grad_()}});
    expect_gradients([&] { return total(0); }, tensors);
  }
  //! Parameters whose name begins with one of the prefixes.
  Tensors parameters_below(const std::vector<std::string>& prefixes) {
    Tensors found;
    for (const auto& item : parameters(0))
      for (const std::string& prefix : prefixes)
        if (item.first.starts_with(prefix)) found.push_back(item);
    return found;
  }
  //! The gradient of the total in them, zeros where there is none.
  std::vector<at::Tensor> gradients_in(const Tensors& tensors) {
    std::vector<at::Tensor> inputs;
    for (const auto& [name, tensor] : tensors) inputs.push_back(tensor);
    auto gradients = torch::autograd::grad({total(0)}, inputs, {}, std::nullopt, false, /*allow_unused=*/true);
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (!gradients[i].defined()) gradients[i] = at::zeros_like(inputs[i]);
    return gradients;
  }
};

// A constant side of eq. 2 has no gradient though the loss moves with it: here no side is one.
TEST_F(FtwaStep, has_the_gradients_of_its_totals) {
  const std::vector<std::pair<std::string, experiments::FtwaOptions>> every = {
      {"joint", {{.margin = 1.0, .transformation_weight = 1.0}}},
      {"separate",
       {{.margin = 1.0,
         .mining = methods::Mining::kRandom,
         .classification_weighting = methods::Weighting::kBatchMean,
         .triplet_weighting = methods::Weighting::kPerSample,
         .weight_balance = 0.5}}},
      {"joint",
       {{.mining = methods::Mining::kAll, .triplet_weighting = methods::Weighting::kPerSample, .weight_balance = 2.0}}},
      {"separate", {{.classification = false, .margin = 1.0, .mining = methods::Mining::kAll}}},
      {"separate", {{.margin = 1.0}, methods::FtwaForm::kTransformed}},
      {"joint", {{.margin = 1.0, .mining = methods::Mining::kRandom}, methods::FtwaForm::kStreams}}};
  for (auto [bn_streams, options] : every) {
    SCOPED_TRACE(settings::canonical(options.section()).text() + bn_streams);
    options.transformation_detach = methods::Detached::kNone;
    options.transformation_blocks = 1;
    make(options, bn_streams);
    expect_gradients_of_total();
  }
}

TEST_F(FtwaStep, of_stored_images_has_the_gradients_of_its_totals) {
  for (const char* mining : {"batch-hard", "all"}) {
    SCOPED_TRACE(mining);
    make(experiments::BaselineOptions{.images = methods::BaselineImages::kStored,
                                      .margin = 1.0,
                                      .mining = tests::AnyWord(mining),
                                      .classification_weight = 3},
         "joint");
    expect_gradients_of_total();
  }
}

// Eq. 2 alone, with batch norms by stream: F_HR hangs on E_H and F'_LR on E_L alone, both on E_ID.
TEST_F(FtwaStep, takes_the_side_of_equation_2_that_it_is_told_as_a_constant) {
  const auto make_with = [&](const char* detach) {
    make(experiments::FtwaOptions{{.classification = false,
                                   .triplet = false,
                                   .transformation_weight = 1.0,
                                   .transformation_detach = tests::AnyWord(detach),
                                   .transformation_blocks = 1},
                                  methods::FtwaForm::kTransformed},
         "separate");
  };
  const std::vector<std::string> of_hr{"trunk.conv1.", "trunk.bn1.", "trunk.layer1."}, of_lr{"lr_encoder."},
      of_both{"trunk.layer2.", "trunk.layer3.", "trunk.layer4."};
  std::vector<at::Tensor> sum;
  for (const auto& [detach, constant, moving] : {std::tuple{"hr", of_hr, of_lr}, std::tuple{"lr", of_lr, of_hr}}) {
    SCOPED_TRACE(detach);
    make_with(detach);
    const Tensors still = parameters_below(constant);
    EXPECT_FALSE(still.empty());
    for (const at::Tensor& gradient : gradients_in(still)) EXPECT_EQ(gradient.abs().max().item<double>(), 0.0);
    Tensors tensors = parameters_below(moving);
    EXPECT_FALSE(tensors.empty());
    for (const auto& item : parameters_below({"transformation."})) tensors.push_back(item);
    expect_gradients([&] { return total(0); }, tensors);
    const std::vector<at::Tensor> shared = gradients_in(parameters_below(of_both));
    for (std::size_t i = 0; i < shared.size(); ++i) {
      EXPECT_GT(shared[i].abs().max().item<double>(), 0.0);
      if (sum.size() < shared.size())
        sum.push_back(shared[i]);
      else
        sum[i] = sum[i] + shared[i];
    }
  }
  // E_ID learns from both sides where neither is a constant.
  make_with("none");
  const std::vector<at::Tensor> whole = gradients_in(parameters_below(of_both));
  ASSERT_EQ(whole.size(), sum.size());
  for (std::size_t i = 0; i < whole.size(); ++i)
    EXPECT_LT((whole[i] - sum[i]).abs().max().item<double>(), 1e-12 + 1e-9 * whole[i].abs().max().item<double>());
}

}  // namespace
}  // namespace resolute::workers::ftwa_finite_difference_test
