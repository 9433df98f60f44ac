//! Whole steps of RAIN, CAD-Net, FTWA, MSIFLA, their baselines and resolution-adaptive representations against a second
//! implementation in Python: every term, gradient, running statistic, embedding, mask and recovered image
//! (make_golden.py in tests/golden/rain, cadnet, ftwa, msifla, resolution_adaptive).
#include <gtest/gtest.h>

#include <set>

#include "experiments/specification/method_json.h"
#include "methods/networks/method.h"
#include "tests/support/any_word.h"
#include "tests/support/formula.h"
#include "tests/support/slice.h"
#include "workers/training/make_method.h"

namespace resolute::workers::golden_methods_test {
namespace {

//! The method and the options that a case names; of those that it may leave out, the defaults.
experiments::MethodOptions method_of(const core::Json& c) {
  static const std::set<std::string> may_be_missing{
      "images",    "classification_weight", "recovery_weight",   "ir_learning_rate",
      "mask_mean", "mask_deviation",        "mask_learning_rate"};
  using namespace experiments;
  core::Json json;
  for (const MethodOptions& method :
       {MethodOptions(BaselineOptions()), MethodOptions(RainOptions()), MethodOptions(FtwaOptions()),
        MethodOptions(MsiflaOptions()), MethodOptions(ResolutionAdaptiveOptions()), MethodOptions(CadnetOptions())})
    if (method_name(method) == c["method"])
      json = core::Json::parse(core::CanonicalText(method_members(method)).text());
  for (auto& [name, value] : json["options"].items())
    if (c.contains(name))
      value = c[name];
    else
      EXPECT_TRUE(may_be_missing.contains(name)) << name;
  for (const char* silent_at_default : {"weight_normalisation", "reid_ensemble"})
    if (c.contains(silent_at_default)) json["options"][silent_at_default] = c[silent_at_default];
  core::ObjectReader reader(json, "a golden case");
  return read_method(reader);
}

experiments::TrainingSpecification specification_of(const core::Json& c) {
  experiments::TrainingSpecification s;
  s.network = {.backbone = tests::AnyWord(c["backbone"]),
               .last_stride = c["last_stride"],
               .neck = c["neck"],
               .bn_streams = tests::AnyWord(c["bn_streams"])};
  s.recipe.label_smoothing = c.value("label_smoothing", 0.0);
  s.recipe.steps = c.value("steps", s.recipe.steps);
  s.recipe.train_rates = c.value("train_rates", s.recipe.train_rates);
  s.pack.height = c["size"][0];
  s.pack.width = c["size"][1];
  s.method = method_of(c);
  return s;
}

//! \param rates methods::copy_rates()
methods::LaneBatch batch_of(const core::Json& c, const std::vector<int>& rates, at::ScalarType type) {
  const auto labels = c["labels"].get<std::vector<std::int64_t>>();
  const auto rows = static_cast<std::int64_t>(labels.size());
  const auto size = c["size"].get<std::vector<std::int64_t>>();
  auto images = [&](const char* name) {
    return tests::numbers(name, {rows, 3, size[0], size[1]}, 1.5).to(type).contiguous(at::MemoryFormat::ChannelsLast);
  };
  methods::LaneBatch batch;
  batch.hr = images("images/hr");
  batch.lr = images("images/lr");
  for (int rate : rates) batch.copies.push_back(images(fmt::format("images/copy_{}", rate).c_str()));
  if (c.contains("lr_rates")) batch.lr_rates = at::tensor(c["lr_rates"].get<std::vector<std::int64_t>>(), at::kLong);
  batch.labels = at::tensor(labels, at::kLong);
  batch.has_hr = at::empty({rows}, at::kBool);
  for (std::int64_t row = 0; row < rows; ++row)
    batch.has_hr[row] = c["has_hr"][static_cast<std::size_t>(row)].get<bool>();
  // What stands in a row without an HR image or without a label must not matter.
  batch.hr.index_put_({batch.has_hr.logical_not()}, 1e3);
  for (at::Tensor& copies : batch.copies) copies.index_put_({batch.has_hr.logical_not()}, 1e3);
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
    const std::string& asked = GetParam();
    const auto slash = asked.find('/');
    const core::Json entry = tests::golden(asked.substr(0, slash) + "/methods.json")[asked.substr(slash + 1)];
    const core::Json &c = entry["case"], &expected = entry["expected"];
    const experiments::TrainingSpecification specification = specification_of(c);
    auto method = make_method(specification, c["classes"]);
    tests::fill_with_numbers(method->module());
    convert(method->module(), type);
    auto near = [](double found, const core::Json& wanted, double tolerance, const std::string& what) {
      const auto value = wanted.get<double>();
      EXPECT_NEAR(found, value, tolerance * std::max(1.0, std::abs(value))) << what;
    };

    const methods::LaneBatch batch = batch_of(c, methods::copy_rates(method->row().needs, specification.recipe), type);
    const methods::Activations activations = method->forward(batch);
    ASSERT_EQ(method->phases().size(), expected["phases"].size());
    auto groups = method->parameter_groups();
    for (std::size_t phase = 0; phase < method->phases().size(); ++phase) {
      const core::Json& wanted = expected["phases"][phase];
      EXPECT_EQ(method->phases()[phase].name, wanted["name"]);
      EXPECT_EQ(method->phases()[phase].steps_with_next, wanted["steps_with_next"].get<bool>());
      EXPECT_EQ(method->phases()[phase].first_step, wanted.value("first_step", std::uint64_t{0}));
      if (batch.step < method->phases()[phase].first_step) continue;  // the trainer asks for nothing then
      method->module().zero_grad();
      at::Tensor total = at::zeros({}, type);
      std::set<std::string> names;
      for (const methods::LossTerm& term : method->losses(phase, activations, batch)) {
        names.insert(term.name);
        ASSERT_TRUE(wanted["terms"].contains(term.name)) << term.name;
        near(term.value.item<double>(), wanted["terms"][term.name], term_tolerance, term.name);
        total = total + term.value;
      }
      EXPECT_EQ(names.size(), wanted["terms"].size());
      near(total.item<double>(), wanted["total"], term_tolerance, "total");
      total.backward({}, /*retain_graph=*/true);
      std::size_t updated = 0;
      for (const methods::ParameterGroup& group : groups) {
        if (!method->phases()[phase].updates(group.name) || !group.moves_in(batch.step)) continue;
        updated += group.parameters.size();
        for (const auto& [name, parameter] : group.parameters) {
          ASSERT_TRUE(wanted["gradients"].contains(name)) << name;
          // Nothing to learn from may leave no gradient at all.
          const double found = parameter.grad().defined() ? tests::probe(name, parameter.grad()) : 0.0;
          near(found, wanted["gradients"][name], gradient_tolerance, name);
        }
      }
      EXPECT_EQ(updated, wanted["gradients"].size());
    }
    EXPECT_EQ(method->module().named_buffers().size(), expected["buffers"].size());
    for (const auto& item : method->module().named_buffers()) {
      ASSERT_TRUE(expected["buffers"].contains(item.key())) << item.key();
      near(tests::probe(item.key(), item.value()), expected["buffers"][item.key()], term_tolerance, item.key());
    }
    // embed() hands out float32.
    near(tests::probe("embedding", method->embed(batch.lr)), expected["embedding"], 1e-5, "embedding");
    if (method->tells().sides) compare_sides(*method, batch.lr, expected);
    if (expected.contains("recovered")) compare_recovered(*method, batch.lr, expected["recovered"]);
    if (expected.contains("levels"))
      compare_levels(*method, batch.lr, experiments::uses_levels(method_of(c)), expected);
  }
  //! Parameters and running statistics; what counts or flags stays as it is.
  static void convert(torch::nn::Module& module, at::ScalarType type) {
    for (at::Tensor& tensor : module.parameters()) tensor.set_data(tensor.to(type));
    for (at::Tensor& tensor : module.buffers())
      if (tensor.is_floating_point()) tensor.set_data(tensor.to(type));
  }
  //! What images of each level are compared by, and the masks that make it. \param apart whether levels matter
  static void compare_levels(methods::Method& method, const at::Tensor& images, bool apart,
                             const core::Json& expected) {
    const auto near = [](const std::string& name, const at::Tensor& found, const core::Json& wanted, double size) {
      EXPECT_NEAR(tests::probe(name, found), wanted.get<double>(), 1e-5 * size) << name;
    };
    const core::Json& levels = expected["levels"];
    ASSERT_EQ(method.tells().level_rates.size(), apart ? levels.size() : 0);
    for (std::size_t i = 0; i < levels.size(); ++i) {
      const int level = static_cast<int>(i) + 1;
      EXPECT_EQ(method.compared_dimensions(level), levels[i]["dimensions"].get<int>());
      const methods::EmbedderOptions options{.height = images.size(2), .width = images.size(3), .level = level};
      near("embedding", method.embedder(options)(images.to(at::kFloat)), levels[i]["embedding"],
           levels[i]["size"].get<double>());
    }
    const std::vector<methods::MaskValues> masks = method.mask_values();
    ASSERT_EQ(masks.size(), expected["masks"].size());
    for (std::size_t i = 0; i < masks.size(); ++i) {
      const core::Json& wanted = expected["masks"][i];
      EXPECT_EQ(masks[i].block, wanted["block"].get<std::string>());
      EXPECT_EQ(masks[i].level, wanted["level"].get<int>());
      near(fmt::format("mask/{}/{}", masks[i].block, masks[i].level), at::tensor(masks[i].values), wanted["values"],
           1.0);
    }
  }
  //! What each decoder makes of images, for reports.
  static void compare_recovered(methods::Method& method, const at::Tensor& images, const core::Json& expected) {
    const std::vector<at::Tensor> found = method.recover(images);
    const std::vector<int>& scales = method.tells().recovered;
    ASSERT_EQ(found.size(), expected.size());
    ASSERT_EQ(scales.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_EQ(scales[i], expected[i]["scale"].get<int>());
      EXPECT_FALSE(found[i].requires_grad());
      const auto value = expected[i]["images"].get<double>();
      EXPECT_NEAR(tests::probe(fmt::format("recovered/{}", scales[i]), found[i]), value, 1e-5) << i;
    }
  }
  //! What images are compared by on either side, as reports and evaluations ask for it.
  static void compare_sides(methods::Method& method, const at::Tensor& images, const core::Json& expected) {
    const at::Tensor narrow = images.to(at::kFloat);
    for (const auto& [side, name] : {std::pair{methods::Side::kHigh, "high"}, std::pair{methods::Side::kLow, "low"}}) {
      const methods::EmbedderOptions options{.height = images.size(2), .width = images.size(3), .side = side};
      const auto near = [&](const methods::Embedder& embed, const std::string& probe, const std::string& wanted) {
        const auto value = expected[wanted].get<double>();
        EXPECT_NEAR(tests::probe(probe, embed(narrow)), value, 1e-5 * std::max(1.0, std::abs(value))) << wanted;
      };
      near(method.embedder(options), "embedding", side == methods::Side::kHigh ? "embedding" : "embedding_low");
      near(method.branch_embedder(options), "branches", std::string("branches_") + name);
    }
  }
};

class GoldenMethodsInFloat : public GoldenMethods {};

TEST_P(GoldenMethods, in_double_to_rounding) { compare(at::kDouble, 1e-9, 1e-8); }
// Gradients jump where rounding puts a rectifier or a reconstructed value on its other side, the more often the more
// layers lie behind one another; terms do not.
TEST_P(GoldenMethodsInFloat, to_1e_5) { compare(at::kFloat, 1e-5, GetParam().starts_with("msifla/") ? 5e-2 : 1e-2); }

enum class Trunk { kSmall, kLarge };  // the large ones are not compared in float, and take seconds

std::vector<std::string> cases(Trunk trunk) {
  std::vector<std::string> names;
  for (const std::string folder : {"rain", "cadnet", "ftwa", "msifla", "resolution_adaptive"}) {
    const core::Json file = tests::golden(folder + "/methods.json");
    for (const auto& entry : file.items())
      if (entry.value()["case"].value("in_float", true) == (trunk == Trunk::kSmall))
        names.push_back(folder + "/" + entry.key());
  }
  return names;
}

std::string test_name(const ::testing::TestParamInfo<std::string>& asked) {
  std::string name = asked.param;
  name[name.find('/')] = '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Cases, GoldenMethods, ::testing::ValuesIn(cases(Trunk::kSmall)), test_name);
INSTANTIATE_TEST_SUITE_P(LargeTrunks, GoldenMethods,
                         ::testing::ValuesIn(tests::slice("golden methods, large trunks", cases(Trunk::kLarge), 4)),
                         test_name);
INSTANTIATE_TEST_SUITE_P(Cases, GoldenMethodsInFloat,
                         ::testing::ValuesIn(tests::slice("golden methods in float", cases(Trunk::kSmall), 24)),
                         test_name);

TEST(GoldenMethodsFile, has_its_cases) {
  EXPECT_EQ(cases(Trunk::kSmall).size(), 25U + 16U + 46U + 28U + 35U);
  EXPECT_EQ(cases(Trunk::kLarge).size(), 3U + 1U + 2U + 2U + 5U);
}

}  // namespace
}  // namespace resolute::workers::golden_methods_test
