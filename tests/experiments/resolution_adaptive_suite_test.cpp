//! Suites with rows of resolution_adaptive: options that reach their jobs, jobs that rows share, and what is refused
//! while planning; queries taken for a level, and a paper without numbers.

#include "experiments/specification/metrics.h"
#include "methods/levels.h"
#include "tests/experiments/suite_fixture.h"

namespace resolute::experiments::resolution_adaptive_suite_test {
namespace {

using namespace testing;

constexpr const char* kPlain = ".varying_length = false\n.masks = \"off\"\n";
constexpr const char* kMasksAlone = ".varying_length = false\n.masks = \"joint\"\n";
constexpr const char* kNoMasks = ".masks = \"off\"\n";
constexpr const char* kJoint = ".masks = \"joint\"\n";

class ResolutionAdaptiveSuite : public MethodSuite {
 protected:
  //! In refusals a row's first setting is on line 22.
  ResolutionAdaptiveSuite()
      : MethodSuite("resolution_adaptive",
                    "backbone = \"resnet-small\"\ntrain.steps = 10\ntrain.identities = 4\ntrain.images = 2\n") {}
};

TEST_F(ResolutionAdaptiveSuite, levels_descend_to_the_hr_image_each_with_a_width) {
  expect_accepted({".level_rates = [2, 1]\n.widths = [1, 16384]", ".level_rates = [3, 2, 1]\n.widths = [8, 8, 8]",
                   ".level_rates = [16, 3, 2, 1]"});
  expect_value_refused(".level_rates", "[]", "at least one is needed");
  expect_value_refused(".level_rates", "[1]", "use method 'baseline' where no levels are told apart");
  expect_value_refused(".level_rates", "[8, 4, 3, 2, 1]", "2 to 4 levels are needed");
  expect_value_refused(".level_rates", "[1, 2, 3, 4]", "they must descend, none twice");
  expect_value_refused(".level_rates", "[4, 4, 2, 1]", "they must descend, none twice");
  expect_value_refused(".level_rates", "[5, 4, 3, 2]", "the last must be 1");
  expect_value_refused(".level_rates", "[17, 3, 2, 1]", "each must be 1 to 16");
  expect_value_refused(".level_rates", "[4, 3, 2, 0]", "each must be 1 to 16");
  expect_value_refused(".widths", "[512, 512, 512]", "'.level_rates' has 4 levels, each with a sub-vector");
  expect_value_refused(".widths", "[]", "; name 4 widths");
  expect_value_refused(".widths", "[512, 512, 512, 0]", "each must be 1 to 16384");
  expect_value_refused(".widths", "[16385, 512, 512, 512]", "each must be 1 to 16384");
}

TEST_F(ResolutionAdaptiveSuite, every_progressive_mask_has_its_turn) {
  // Four masks, five stages.
  expect_refused("train.steps = 4",
                 {"s.toml:22:7: key 'train.steps' has the value 4 (the 4 masks of 'resnet-small' are trained one after "
                  "another, in 5 stages of a step or more, for row 'r' on data set 'easy'); raise it to 5 or "
                  "set resolution_adaptive.masks = \"joint\""});
  expect_refused(
      ".stage_steps = 3",
      {"s.toml:22:21: key '.stage_steps' has the value 3 (1 of the 4 masks of 'resnet-small' would never be "
       "trained: the training ends at step 10 and stage 4 begins at step 12, for row 'r' on data set 'easy'); "
       "set it to 2 at most, or to 0 for equal stages"});
  expect_refused(".stage_steps = 9", {"3 of the 4 masks of 'resnet-small'"});
  // Stage 1 begins where the training ends: no mask has a step.
  for (const char* steps : {"10", "2147483647"})
    expect_refused(fmt::format(".stage_steps = {}", steps), {"4 of the 4 masks of 'resnet-small'"});
  expect_refused("train.steps = 4\n.stage_steps = 1",
                 {"s.toml:23:21: key '.stage_steps' has the value 1 (1 of the 4", "; raise 'train.steps' above 4"});
  // ResNet-50 has 16 blocks, in four stages.
  expect_refused("backbone = \"resnet50\"", {"the 16 masks of 'resnet50'"});
  expect_accepted({"train.steps = 5", std::string("train.steps = 4\n") + kJoint, ".stage_steps = 2",
                   "backbone = \"resnet50\"\n.mask_blocks = \"stages\"", "backbone = \"resnet50\"\ntrain.steps = 17"});
}

TEST_F(ResolutionAdaptiveSuite, a_loss_is_left_and_has_its_pairs_and_labels) {
  expect_refused(".classification = false\n.verification = false",
                 {"s.toml:23:21: key '.verification' has the value false", "no loss is left"});
  expect_refused("train.labelled_fraction = 0",
                 {"s.toml:22:7: key 'train.labelled_fraction' has the value 0", "needs labels"});
  expect_refused(
      "train.images = 1",
      {"s.toml:22:7: key 'train.images' has the value 1 (the verification loss needs 2 images of each identity "
       "in a lane, and of the pool 'mlr' a row stored as an LR image alone gives one, for row 'r' on data set "
       "'easy'); raise it to 2, or set another 'split.train_pool'"});
  expect_refused("lanes = 3", {"3 lanes leave a lane with 1 of the 2 identities that it needs"});
  const std::string one = "train.images = 1\n";  // an HR image and its copy are two
  expect_accepted({one + "split.train_pool = \"hr-both-views\"", one + "split.train_pool = \"hr-view-only\"",
                   one + ".verification = false", "lanes = 2"});
}

TEST_F(ResolutionAdaptiveSuite, what_nothing_reads_makes_no_other_job) {
  const std::string of_masks =
      ".mask_blocks = \"stages\"\n.mask_mean = 2\n"
      ".mask_deviation = 0\n.mask_learning_rate = 1e-2\n";
  expect_one_job(kNoMasks, {of_masks + ".stage_steps = 3"});
  expect_one_job(kJoint, {".stage_steps = 3"});
  for (const char* line : {"mask_blocks = \"stages\"", "mask_mean = 2", "mask_deviation = 0", "mask_learning_rate = 1"})
    expect_other_jobs(kJoint, {std::string(".") + line});
  // 10 steps in 5 stages are 2 each.
  expect_one_job("", {".stage_steps = 2"});
  expect_other_jobs("", {".stage_steps = 1", kJoint, ".verification_weight = 2"});
  const std::string none = ".verification = false\n";
  expect_one_job(none, {".verification_weight = 2", ".verification_width = 8",
                        ".verification_weight = 2\n.verification_width = 8"});
  // Still checked.
  expect_refused(std::string(kNoMasks) + ".mask_mean = 99", {"'."});
}

TEST_F(ResolutionAdaptiveSuite, levels_make_another_job_where_images_are_told_apart_by_them) {
  const std::string rates = ".level_rates = [8, 4, 2, 1]\n";
  expect_one_job(kPlain, {rates});
  for (const char* kind : {kMasksAlone, kNoMasks, kJoint}) expect_other_jobs(kind, {rates});
  // With images alike, a linear layer of 2048 dimensions is one however it is cut.
  const std::string cut = ".widths = [1024, 512, 256, 256]\n";
  const std::string two = ".level_rates = [2, 1]\n.widths = [2000, 48]\n";
  expect_one_job(kPlain, {cut, two});
  expect_one_job(kMasksAlone, {cut});
  expect_other_jobs(kMasksAlone, {two});
  expect_other_jobs(kNoMasks, {cut});
  expect_other_jobs(kPlain, {".widths = [512, 512, 512, 511]\n"});
  // A neck has a batch norm for each sub-vector, whoever reads it.
  const std::string neck = "network.neck = true\n";
  expect_other_jobs(neck + kPlain, {cut, two});
  // It stands before the classifier: without one there is none.
  const std::string none = ".classification = false\n";
  for (const std::string kind : {kPlain, kMasksAlone, kNoMasks, kJoint, ""}) {
    expect_other_jobs(kind, {neck});
    expect_one_job(none + kind, {neck});
  }
  expect_one_job(none + kPlain, {neck + cut});
  EXPECT_FALSE(training(none + neck).network.neck);
  expect_one_job(neck + kPlain, {rates});
}

TEST_F(ResolutionAdaptiveSuite, a_normalised_job_is_valid_and_keeps_its_dimensions) {
  for (const char* widths : {"[2, 1]\n.widths = [1, 1]", "[2, 1]\n.widths = [1, 2]", "[2, 1]\n.widths = [16384, 16384]",
                             "[3, 2, 1]\n.widths = [16384, 16384, 16383]", "[16, 8, 4, 1]"})
    for (const char* kind : {kPlain, kMasksAlone, kNoMasks, kJoint})
      for (const char* neck : {"", "network.neck = true\n"}) {
        const std::string settings = fmt::format("{}{}.level_rates = {}\n", neck, kind, widths);
        const TrainingSpecification job = training(settings);
        EXPECT_NO_THROW(validate(job, "job")) << settings;
        EXPECT_EQ(job_id(job), job_id(training(settings))) << settings;
        const auto& made = std::get<ResolutionAdaptiveOptions>(job.method);
        int dimensions = 0;
        for (int width : made.widths) dimensions += width;
        const std::string written = widths;
        EXPECT_EQ(written.ends_with("[1, 1]")   ? 2
                  : written.ends_with("[1, 2]") ? 3
                  : written.ends_with("16384]") ? 32768
                  : written.ends_with("16383]") ? 49151
                                                : 2048,
                  dimensions)
            << settings;
      }
}

TEST_F(ResolutionAdaptiveSuite, queries_are_taken_for_a_level_where_levels_matter) {
  EXPECT_EQ(settings::QueryLevel::kKnown,
            evaluation(std::string(kPlain) + "evaluate.query_level = \"lowest\"").protocol.query_level);
  EXPECT_EQ(settings::QueryLevel::kLowest,
            evaluation(std::string(kMasksAlone) + "evaluate.query_level = \"lowest\"").protocol.query_level);
  expect_refused("evaluate.query_level = \"low\"",
                 {"s.toml:22:10: key 'evaluate.query_level' has the value 'low' (it must "
                  "be one of known, native-size, highest, lowest"});
  expect_refused(
      "method = \"baseline\"\nevaluate.query_level = \"highest\"",
      {"s.toml:23:10: key 'evaluate.query_level' has the value 'highest' (method 'baseline' tells no levels of "
       "resolution apart",
       "use method 'resolution_adaptive'"});
  expect_accepted({"method = \"baseline\"\nevaluate.query_level = \"known\"", "evaluate.gallery_rate = 3"});
  expect_refused("evaluate.distance = \"hr\"", {"compares by one embedding"});
  // Rows that ask otherwise share their training, and have the same queries.
  const Plan made = plan(
      with_line("compare_with = \"known\"", row("known", "") + row("highest", "evaluate.query_level = \"highest\"")));
  check_sound(made);
  EXPECT_EQ(1U, jobs_of<TrainingSpecification>(made).size());
  EXPECT_EQ(2U, jobs_of<EvaluationSpecification>(made).size());
}

TEST_F(ResolutionAdaptiveSuite, columns_of_levels_and_masks_are_of_rows_that_have_them) {
  const std::string plain = row("plain", kPlain), lengths = row("lengths", kNoMasks), masks = row("masks", kMasksAlone);
  check_sound(plan(with_metrics("\"level_agreement\", \"mask_spread\"", plain + lengths + masks)));
  expect_says(
      refusal_of(with_metrics("\"level_agreement\"", plain + row("b", "method = \"baseline\""))),
      {"s.toml:17:1: key 'metrics' names 'level_agreement' (no row of table 't' tells levels of resolution apart); "
       "leave it out or add a row of method 'resolution_adaptive' or 'vpfa' at its defaults"});
  expect_says(
      refusal_of(with_metrics("\"mask_spread\"", plain + lengths)),
      {"s.toml:17:1: key 'metrics' names 'mask_spread' (no row of table 't' has masks); leave it out or add a row "
       "of method 'resolution_adaptive' at its defaults"});
  EXPECT_EQ("", refusal_of(with_metrics("\"level_agreement\"", lengths)));
  EXPECT_EQ("", refusal_of(with_metrics("\"level_agreement\", \"mask_spread\"", masks)));
}

TEST_F(ResolutionAdaptiveSuite, a_paper_without_numbers_is_named_as_such) {
  const std::string title =
      "Learning Resolution-Adaptive Representations for Cross-Resolution Person Re-Identification";
  const auto with_paper = [&](const std::string& paper, const std::string& rows) {
    return with_line("reference = { paper = \"" + paper + "\" }", rows);
  };
  // The table alone names it.
  EXPECT_THAT(plan(with_paper("wu2022", row("r", ""))).tables.at(0).no_reference, ElementsAre(title));
  const Plan of_rows = plan(
      with_paper("wu2022", row("r",
                               "reference = { table = \"ablation\", method = \"wu2022\", dataset = \"mlr-cuhk03\", "
                               "variant = \"masks only\" }")));
  EXPECT_THAT(of_rows.tables.at(0).no_reference, ElementsAre(title));
  EXPECT_THAT(row_of(of_rows, "t", "r").cells.at(0).references, IsEmpty());
  EXPECT_EQ(title, json_of(of_rows).at("tables").at(0).at("no_reference").at(0));
  // A paper of which a number stands there has a reference; so has a table that names no paper none to lack.
  const std::string rain =
      row("rain",
          "method = \"rain\"\nreference = { paper = \"rain\", table = \"table3\", method = \"rain\", variant = "
          "\"full\", dataset = \"mlr-cuhk03\" }");
  EXPECT_THAT(plan(with_paper("wu2022", rain)).tables.at(0).no_reference, ElementsAre(title));
  EXPECT_THAT(plan(with_paper("rain", rain)).tables.at(0).no_reference, IsEmpty());
  EXPECT_THAT(plan_of("").tables.at(0).no_reference, IsEmpty());
  // Numbers of other metrics than the table's do not stand there.
  const std::string ftwa =
      row("ftwa",
          "method = \"baseline\"\nreference = { paper = \"ftwa\", table = \"table2\", method = \"ftwa-baseline\", "
          "dataset = \"mlr-cuhk03\" }");
  EXPECT_THAT(plan(head_ + ftwa).tables.at(0).no_reference, IsEmpty());
  EXPECT_THAT(plan(with_metrics("\"mAP\"", ftwa)).tables.at(0).no_reference, testing::SizeIs(1));
  // A paper whose number gives way to another's has one.
  const std::string both =
      row("both",
          "reference = [{ paper = \"ftwa\", table = \"table2\", method = \"ftwa\", dataset = \"mlr-cuhk03\" }, "
          "{ paper = \"msifla\", table = \"table2\", method = \"msifla\", dataset = \"mlr-cuhk03\" }]");
  const Plan of_two = plan(head_ + both);
  EXPECT_EQ(83.2, row_of(of_two, "t", "both").cells.at(0).references.at("rank1"));
  EXPECT_THAT(of_two.tables.at(0).no_reference, IsEmpty());
  expect_says(refusal_of(with_paper("wu2002", row("r", ""))),
              {"s.toml:19:15: key 'reference' has the paper 'wu2002'", "did you mean 'wu2022'"});
}

}  // namespace
}  // namespace resolute::experiments::resolution_adaptive_suite_test
