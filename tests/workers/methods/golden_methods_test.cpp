//! Whole steps of RAIN and the baseline against a second implementation in Python: every term, gradient, running
//! statistic and embedding (tests/golden/rain/make_golden.py).
#include <gtest/gtest.h>

#include <set>

#include "tests/workers/formula.h"
#include "workers/methods/method.h"

namespace resolute::workers {
namespace {

experiments::TrainingSpecification specification_of(const core::Json& c) {
  experiments::TrainingSpecification s;
  s.network = {
      .backbone = c["backbone"], .last_stride = c["last_stride"], .neck = c["neck"], .bn_streams = c["bn_streams"]};
  if (c["method"] == "baseline")
    s.method = experiments::BaselineOptions{
        .classification = c["classification"], .triplet = c["triplet"], .margin = c["margin"], .mining = c["mining"]};
  else
    s.method = experiments::RainOptions{.levels = c["levels"].get<std::vector<int>>(),
                                        .classification = c["classification"],
                                        .triplet = c["triplet"],
                                        .reconstruction = c["reconstruction"],
                                        .margin = c["margin"],
                                        .mining = c["mining"],
                                        .adversary = c["adversary"],
                                        .updates = c["updates"],
                                        .discriminator = c["discriminator"],
                                        .decoder = c["decoder"],
                                        .adversarial_weight = c["adversarial_weight"],
                                        .reconstruction_weight = c["reconstruction_weight"],
                                        .supervision = c["supervision"]};
  return s;
}

LaneBatch batch_of(const core::Json& c, at::ScalarType type) {
  const auto labels = c["labels"].get<std::vector<std::int64_t>>();
  const auto rows = static_cast<std::int64_t>(labels.size());
  const auto size = c["size"].get<std::vector<std::int64_t>>();
  auto images = [&](const char* name) {
    return testing::numbers(name, {rows, 3, size[0], size[1]}, 1.5).to(type).contiguous(at::MemoryFormat::ChannelsLast);
  };
  LaneBatch batch;
  batch.hr = images("images/hr");
  batch.lr = images("images/lr");
  batch.labels = at::tensor(labels, at::kLong);
  batch.has_hr = at::empty({rows}, at::kBool);
  for (std::int64_t row = 0; row < rows; ++row)
    batch.has_hr[row] = c["has_hr"][static_cast<std::size_t>(row)].get<bool>();
  // What stands in a row without an HR image must not matter.
  batch.hr.index_put_({batch.has_hr.logical_not()}, 1e3);
  if (!c["has_label"].is_null()) {
    batch.has_label = at::empty({rows}, at::kBool);
    for (std::int64_t row = 0; row < rows; ++row)
      batch.has_label[row] = c["has_label"][static_cast<std::size_t>(row)].get<bool>();
    batch.labels.index_put_({batch.has_label.logical_not()}, -1);
  }
  batch.seed = 7;
  batch.step = 11;
  batch.lane = 1;
  return batch;
}

class GoldenMethods : public ::testing::TestWithParam<std::string> {
 protected:
  //! \param tolerance of a term or gradient, relative to max(1, |expected|)
  void compare(at::ScalarType type, double term_tolerance, double gradient_tolerance) {
    at::set_num_threads(1);
    const core::Json entry = testing::golden("methods.json")[GetParam()];
    const core::Json &c = entry["case"], &expected = entry["expected"];
    auto method = make_method(specification_of(c), c["classes"]);
    testing::fill_with_numbers(method->module());
    method->module().to(type);
    auto near = [](double found, const core::Json& wanted, double tolerance, const std::string& what) {
      const auto value = wanted.get<double>();
      EXPECT_NEAR(found, value, tolerance * std::max(1.0, std::abs(value))) << what;
    };

    const LaneBatch batch = batch_of(c, type);
    const Activations activations = method->forward(batch);
    ASSERT_EQ(method->phases().size(), expected["phases"].size());
    auto groups = method->parameter_groups();
    for (std::size_t phase = 0; phase < method->phases().size(); ++phase) {
      const core::Json& wanted = expected["phases"][phase];
      EXPECT_EQ(method->phases()[phase].name, wanted["name"]);
      EXPECT_EQ(method->phases()[phase].steps_with_next, wanted["steps_with_next"].get<bool>());
      method->module().zero_grad();
      at::Tensor total = at::zeros({}, type);
      std::set<std::string> names;
      for (const LossTerm& term : method->losses(phase, activations, batch)) {
        names.insert(term.name);
        ASSERT_TRUE(wanted["terms"].contains(term.name)) << term.name;
        near(term.value.item<double>(), wanted["terms"][term.name], term_tolerance, term.name);
        total = total + term.value;
      }
      EXPECT_EQ(names.size(), wanted["terms"].size());
      near(total.item<double>(), wanted["total"], term_tolerance, "total");
      total.backward({}, /*retain_graph=*/true);
      for (const ParameterGroup& group : groups) {
        if (group.name != method->phases()[phase].group) continue;
        EXPECT_EQ(group.parameters.size(), wanted["gradients"].size());
        for (const auto& [name, parameter] : group.parameters) {
          // Nothing to learn from may leave no gradient at all.
          const double found = parameter.grad().defined() ? testing::probe(name, parameter.grad()) : 0.0;
          near(found, wanted["gradients"][name], gradient_tolerance, name);
        }
      }
    }
    for (const auto& item : method->module().named_buffers())
      near(testing::probe(item.key(), item.value()), expected["buffers"][item.key()], term_tolerance, item.key());
    // embed() hands out float32.
    near(testing::probe("embedding", method->embed(batch.lr)), expected["embedding"], 1e-5, "embedding");
  }
};

TEST_P(GoldenMethods, in_double_to_rounding) { compare(at::kDouble, 1e-9, 1e-8); }
// Gradients jump where rounding puts a rectifier or a reconstructed value on its other side; terms do not.
TEST_P(GoldenMethods, in_float_to_1e_5) { compare(at::kFloat, 1e-5, 1e-2); }

std::vector<std::string> cases() {
  std::vector<std::string> names;
  const core::Json file = testing::golden("methods.json");
  for (const auto& entry : file.items()) names.push_back(entry.key());
  return names;
}

INSTANTIATE_TEST_SUITE_P(Cases, GoldenMethods, ::testing::ValuesIn(cases()),
                         [](const auto& parameter) { return parameter.param; });

TEST(GoldenMethodsFile, has_its_cases) { EXPECT_EQ(cases().size(), 24U); }

}  // namespace
}  // namespace resolute::workers
