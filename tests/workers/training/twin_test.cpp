//! \file
//! The trainer against a twin in PyTorch's Python: 20 steps of each method from the same weights and batches, float32,
//! batch norm and mining by lane, warm-up and a milestone on the way (tests/golden/trainer/make_golden.py). RAIN's are
//! joint min-max steps: with D ahead of the others or beside them, with lanes that hold no label, with other networks.
//! CAD-Net's have two discriminators, and lanes without a label, in which its second encoder stands still.
//! FTWA's and MSIFLA's have lanes of unequally many HR and LR rows, MSIFLA's two optimisers of which the IR networks'
//! gets the sum of two phases' gradients, and a warm-up in which the other stands still. Resolution-adaptive
//! representations pass all stages of their masks, whose optimisers begin and end one after another, or have one for
//! all.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "core/files/file_system.h"
#include "core/files/json.h"
#include "tests/support/any_word.h"
#include "tests/support/folders.h"
#include "tests/support/formula.h"
#include "tests/support/temporary_folder.h"
#include "tests/workers/training/metrics_lines.h"
#include "workers/training/make_method.h"
#include "workers/training/trainer.h"

namespace resolute::workers::twin_test {
namespace {

constexpr double kTolerance = 1e-4;

core::Json read_json(const std::filesystem::path& path) {
  std::ifstream file(path);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  return core::parse_json(text, path.string());
}

core::Json twin() { return read_json(tests::source_folder() / "tests/golden/trainer/twenty_steps.json"); }

//! The batches of make_golden.py's Lane.
class FormulaSource final : public BatchSource {
 public:
  FormulaSource(const core::Json& golden, const core::Json& asked_case)
      : lanes_(experiments::identities_per_lane(golden["identities"], golden["lanes"])),
        images_(golden["images"]),
        classes_(golden["classes"]),
        height_(golden["height"]),
        width_(golden["width"]),
        partly_labelled_(asked_case["partly_labelled"]),
        some_lr_(asked_case["some_lr"]) {}
  std::vector<std::int64_t> lane_rows(std::uint64_t) override {
    std::vector<std::int64_t> rows;
    for (const int identities : lanes_) rows.push_back(identities * images_);
    return rows;
  }
  methods::LaneBatch batch(std::uint64_t step, int lane) override {
    const std::int64_t rows = lane_rows(step)[static_cast<std::size_t>(lane)];
    const auto images = [&](const char* kind) {
      const std::string name = "images/" + std::to_string(step) + "/" + std::to_string(lane) + "/" + kind;
      return tests::numbers(name, {rows, 3, height_, width_}, 1.5).contiguous(at::MemoryFormat::ChannelsLast);
    };
    methods::LaneBatch batch;
    batch.hr = images("hr");
    batch.lr = images("lr");
    for (const int rate : {2, 3, 4}) batch.copies.push_back(images(fmt::format("copy_{}", rate).c_str()));
    batch.labels = at::empty({rows}, at::kLong);
    for (std::int64_t i = 0; i < rows; ++i)
      batch.labels.mutable_data_ptr<std::int64_t>()[i] =
          (static_cast<std::int64_t>(step) + lane + 2 * (i / images_)) % classes_;
    batch.lr_rates = 2 + (at::arange(rows, at::kLong) + static_cast<std::int64_t>(step) + lane).remainder(3);
    batch.has_hr = at::ones({rows}, at::kBool);
    if (some_lr_) drop_hr_images(batch, static_cast<std::int64_t>(step));
    if (partly_labelled_) drop_labels(batch, static_cast<std::int64_t>(step), lane);
    batch.step = step;
    batch.lane = lane;
    return batch;
  }

 private:
  //! One lane of a step keeps no label, the other some: make_golden.py's is_labelled().
  void drop_labels(methods::LaneBatch& batch, std::int64_t step, int lane) const {
    const auto lanes = static_cast<std::int64_t>(lanes_.size());
    batch.has_label = at::empty({batch.labels.size(0)}, at::kBool);
    for (std::int64_t row = 0; row < batch.labels.size(0); ++row)
      batch.has_label.mutable_data_ptr<bool>()[row] = lane != step % lanes && (5 * row + 3 * step) % 7 >= 3;
    batch.labels.index_put_({batch.has_label.logical_not()}, -1);
  }

  //! Of an identity's images the first one or two keep theirs: make_golden.py's has_hr().
  void drop_hr_images(methods::LaneBatch& batch, std::int64_t step) const {
    for (std::int64_t row = 0; row < batch.has_hr.size(0); ++row)
      batch.has_hr.mutable_data_ptr<bool>()[row] = row % images_ <= (row / images_ + step) % 2;
    batch.hr.index_put_({batch.has_hr.logical_not()}, 0.0);
    for (at::Tensor& copies : batch.copies) copies.index_put_({batch.has_hr.logical_not()}, 0.0);
  }

  std::vector<int> lanes_;
  std::int64_t images_, classes_, height_, width_;
  bool partly_labelled_, some_lr_;
};

experiments::MethodOptions msifla_options(const core::Json& golden, const core::Json& asked_case) {
  return experiments::MsiflaOptions{
      .scales = asked_case["scales"].get<std::vector<int>>(),
      .reid_networks = tests::AnyWord(asked_case["reid_networks"]),
      .margin = golden["margin"],
      .reid_into_ir = asked_case["reid_into_ir"],
      .ir_width = asked_case["ir_width"],
      .ir_residual = asked_case["ir_residual"],
      .ir_learning_rate = golden["recipes"][asked_case["recipe"].get<std::string>()]["ir_learning_rate"],
      .ir_warmup_steps = asked_case["ir_warmup_steps"]};
}

experiments::MethodOptions adaptive_options(const core::Json& golden, const core::Json& asked_case) {
  const auto widths = asked_case["widths"].get<std::vector<int>>();
  return experiments::ResolutionAdaptiveOptions{
      .level_rates = widths.size() == 4 ? std::vector<int>{4, 3, 2, 1} : std::vector<int>{4, 2, 1},
      .widths = widths,
      .varying_length = asked_case["varying_length"],
      .masks = tests::AnyWord(asked_case["masks"]),
      .mask_blocks = tests::AnyWord(asked_case["mask_blocks"]),
      .mask_learning_rate = golden["recipes"][asked_case["recipe"].get<std::string>()]["mask_learning_rate"],
      .stage_steps = asked_case["stage_steps"],
      .verification_weight = asked_case["verification_weight"],
      .verification_width = asked_case["verification_width"]};
}

experiments::TrainingSpecification specification(const core::Json& golden, const core::Json& asked_case) {
  experiments::TrainingSpecification asked;
  const std::string method = asked_case["method"];
  asked.network.bn_streams = tests::AnyWord(asked_case["bn_streams"]);
  asked.network.neck = asked_case["neck"];
  if (method == "ftwa")
    asked.method = experiments::FtwaOptions{
        {.margin = golden["margin"],
         .transformation_detach = tests::AnyWord(asked_case["transformation_detach"]),
         .triplet_weighting = tests::AnyWord(asked_case["triplet_weighting"]),
         .weight_balance = asked_case["weight_balance"]},
        asked_case["weighting"] ? methods::FtwaForm::kWeighted : methods::FtwaForm::kTransformed};
  else if (method == "rain")
    asked.method = experiments::RainOptions::of({.levels = asked_case["levels"].get<std::vector<int>>(),
                                                 .margin = golden["margin"],
                                                 .mining = methods::Mining::kBatchHard,
                                                 .adversary = tests::AnyWord(asked_case["adversary"]),
                                                 .updates = tests::AnyWord(asked_case["updates"]),
                                                 .discriminator = tests::AnyWord(asked_case["discriminator"]),
                                                 .decoder = tests::AnyWord(asked_case["decoder"])});
  else if (method == "cadnet")
    asked.method = experiments::CadnetOptions{.margin = golden["margin"], .mining = methods::Mining::kBatchHard};
  else if (method == "msifla")
    asked.method = msifla_options(golden, asked_case);
  else if (method == "resolution_adaptive")
    asked.method = adaptive_options(golden, asked_case);
  else
    asked.method = experiments::BaselineOptions{.images = tests::AnyWord(asked_case["images"]),
                                                .margin = golden["margin"],
                                                .mining = methods::Mining::kBatchHard,
                                                .classification_weight = asked_case["classification_weight"]};
  asked.network.backbone = settings::Trunk::kResnetSmall;
  const core::Json& recipe = golden["recipes"][asked_case["recipe"].get<std::string>()];
  asked.recipe.steps = golden["steps"];
  asked.recipe.identities = golden["identities"];
  asked.recipe.images = golden["images"];
  asked.recipe.learning_rate = recipe["learning_rate"];
  asked.recipe.weight_decay = recipe["weight_decay"];
  asked.recipe.warmup_steps = recipe["warmup_steps"];
  asked.recipe.milestones = recipe["milestones"].get<std::vector<int>>();
  asked.recipe.gamma = recipe["gamma"];
  asked.recipe.discriminator_learning_rate = recipe["discriminator_learning_rate"];
  asked.lanes = golden["lanes"];
  return asked;
}

class Twin : public ::testing::TestWithParam<std::string> {
 protected:
  //! What the trainer wrote about each step.
  std::vector<core::Json> train(const core::Json& golden) {
    const core::Json& asked_case = golden["cases"][GetParam()];
    const experiments::TrainingSpecification asked = specification(golden, asked_case);
    const std::unique_ptr<methods::Method> method = make_method(asked, golden["classes"]);
    tests::fill_with_numbers(method->module());
    FormulaSource source(golden, asked_case);
    ProgressPipe silent(-1);
    const tests::TemporaryFolder folder;
    const std::filesystem::path path = folder.path() / "metrics.jsonl";
    MetricsLog metrics(core::real_file_system(), path);
    TrainerOptions options{.recipe = asked.recipe, .lanes = asked.lanes};
    Trainer trainer({.method = *method, .source = source, .progress = silent, .metrics = &metrics}, options);
    trainer.run();
    metrics.close();
    return metrics_lines(path);
  }
};

TEST_P(Twin, sees_the_losses_of_twenty_steps_within_1e_4) {
  at::set_num_threads(1);
  const core::Json golden = twin();
  const std::vector<core::Json> ours = train(golden);
  const core::Json& theirs = golden["losses"][GetParam()];
  ASSERT_EQ(ours.size(), 20U);
  ASSERT_EQ(theirs.size(), 20U);
  double largest = 0;
  for (std::size_t step = 0; step < ours.size(); ++step) {
    const core::Json& losses = ours[step]["losses"];
    ASSERT_EQ(losses.size(), theirs[step].size());
    double sum = 0;
    for (const auto& [name, expected] : theirs[step].items()) {
      ASSERT_TRUE(losses.contains(name)) << name;
      const double difference = std::abs(losses[name].get<double>() - expected.get<double>());
      EXPECT_LT(difference, kTolerance) << "step " << step + 1 << ", " << name;
      largest = std::max(largest, difference);
      sum += expected.get<double>();
    }
    EXPECT_NEAR(ours[step]["loss"].get<double>(), sum, kTolerance * static_cast<double>(losses.size()));
  }
  RecordProperty("largest_difference", std::to_string(largest));
  std::cout << GetParam() << ": largest difference of a loss in 20 steps " << largest << '\n';
}

std::vector<std::string> cases() {
  std::vector<std::string> names;
  const core::Json golden = twin();
  for (const auto& asked : golden["cases"].items()) names.push_back(asked.key());
  return names;
}

INSTANTIATE_TEST_SUITE_P(Methods, Twin, ::testing::ValuesIn(cases()),
                         [](const auto& parameter) { return parameter.param; });

TEST(TwinFile, has_its_cases) { EXPECT_EQ(cases().size(), 18U); }

}  // namespace
}  // namespace resolute::workers::twin_test
