//! Suites with rows of FTWA and of its control: options that reach their jobs, jobs that rows share, and what is
//! refused while planning.

#include "tests/experiments/suite_fixture.h"

namespace resolute::experiments::ftwa_suite_test {
namespace {

using testing::ElementsAre;

constexpr const char* kUnweighted = ".weighting = false\n";
constexpr const char* kUntransformed = ".weighting = false\n.transformation = false\n";

class FtwaSuite : public MethodSuite {
 protected:
  //! In refusals a row's first setting is on line 23.
  FtwaSuite()
      : MethodSuite("ftwa", "train.steps = 10\ntrain.identities = 4\ntrain.images = 4\ntrain.lr_images = 2\n",
                    "rates = [2, 3, 4]\n") {}
  EvaluationProtocol protocol(const std::string& settings) { return evaluation(settings).protocol; }
  JobId evaluation_id(const std::string& settings) {
    return row_of(plan_of(settings), "t", "r").cells.at(0).evaluations.at(0);
  }
};

TEST_F(FtwaSuite, every_key_of_the_evaluation_reaches_its_job) {
  EXPECT_EQ(EvaluationProtocol(), protocol(""));
  const EvaluationProtocol equal = protocol("evaluate.distance = \"equal\"\nevaluate.gallery_copy_rate = 0");
  EXPECT_EQ(settings::DistanceName::kEqual, equal.distance);
  EXPECT_EQ(0, equal.gallery_copy_rate);
  EXPECT_EQ(4, protocol("evaluate.gallery_copy_rate = 4").gallery_copy_rate);
  EXPECT_EQ(3, protocol("method = \"baseline\"\nevaluate.gallery_rate = 3").gallery_rate);
}

// Types, ranges and spelling of every key: every_setting_test.cpp and refusals_test.cpp.
TEST_F(FtwaSuite, values_that_a_pack_or_a_batch_lacks_are_refused) {
  expect_value_refused("train.lr_images", "4");
  expect_value_refused("evaluate.gallery_rate", "8");
  expect_refused(".weight_balance = nan", {"holds a number that is not finite"});
  expect_refused("method = \"ftaw\"", {"s.toml:23:1: key 'method' has the value 'ftaw'",
                                       "methods are baseline, cadnet, ftwa, msifla, rain"});
}

TEST_F(FtwaSuite, weights_need_something_to_weigh) {
  expect_refused(".transformation = false", {"s.toml:20:1: key '.weighting' has the value true",
                                             "'.transformation' is off", "set ftwa.weighting = false"});
  expect_refused(".weighting = true\n.transformed_losses = false",
                 {"s.toml:23:6: key '.weighting' has the value true", "'.transformed_losses' is off"});
  expect_refused(".classification = false\n.triplet = false", {"key '.weighting' has the value true", "are off"});
  const std::string unweighted = ".weighting = false\n";
  expect_accepted({unweighted + ".transformation = false", unweighted + ".transformed_losses = false",
                   unweighted + ".classification = false\n.triplet = false"});
  expect_refused(
      unweighted + ".classification = false\n.triplet = false\n.transformation = false",
      {"s.toml:26:6: key '.transformation' has the value false", "every other loss is off too, so none is left"});
}

TEST_F(FtwaSuite, a_batch_has_both_kinds_of_rows) {
  expect_refused("train.lr_images = 0",
                 {"s.toml:23:7: key 'train.lr_images' has the value 0 ('ftwa' has a stream of LR images",
                  "; set it to half of 'train.images', 2"});
  expect_refused("train.lr_images = 0\ntrain.images = 1", {"; raise 'train.images' to 2 and set it to 1"});
  // Pairs of rows, where the option that asks for them is in use.
  const std::string pairs = ".triplet_weighting = \"per-sample\"\n";
  expect_refused(pairs + "train.lr_images = 1",
                 {"s.toml:24:7: key 'train.lr_images' has the value 1", "'per-sample'", "half of 'train.images', 4"});
  expect_refused(pairs + "train.images = 5", {"half of 'train.images', 5"});
  expect_accepted({pairs, pairs + "train.images = 6\ntrain.lr_images = 3",
                   pairs + "train.lr_images = 1\n.weighting = false", pairs + "train.lr_images = 1\n.triplet = false",
                   "train.lr_images = 1"});
}

TEST_F(FtwaSuite, triplets_of_hr_features_have_a_positive) {
  const std::string one = "train.lr_images = 3\n.weighting = false\n";
  expect_refused(one + ".transformation = false",
                 {"s.toml:23:7: key 'train.lr_images' has the value 3 (the HR triplets need 2 HR images",
                  "raise 'train.images' to 5"});
  expect_refused(one + ".transformed_losses = false", {"the HR triplets need 2 HR images"});
  const std::string baseline = "method = \"baseline\"\ntrain.lr_images = 3\n";
  expect_refused(baseline, {"s.toml:24:7: key 'train.lr_images' has the value 3 (the triplet loss of HR"});
  const std::string rain = "method = \"rain\"\ntrain.lr_images = 3\n";
  expect_refused(rain, {"key 'train.lr_images' has the value 3 (the HR triplets need 2 HR images"});
  expect_accepted({one,  // v'_HR of an LR row is one
                   one + ".transformation = false\n.triplet = false", one + ".transformation = false\ntrain.images = 5",
                   baseline + "baseline.images = \"stored\"", baseline + "baseline.triplet = false",
                   rain + "rain.triplet = false", rain + "train.images = 5"});
}

TEST_F(FtwaSuite, without_labels_the_transformation_teaches) {
  expect_accepted({"train.labelled_fraction = 0"});
  expect_refused("train.labelled_fraction = 0\n.weighting = false\n.transformation = false",
                 {"s.toml:23:7: key 'train.labelled_fraction' has the value 0",
                  "without labels and '.transformation' no loss is left"});
}

TEST_F(FtwaSuite, a_distance_is_one_that_the_method_has) {
  const auto distance = [](const char* name) { return fmt::format("evaluate.distance = \"{}\"\n", name); };
  for (const char* name : {"default", "weighted", "equal", "hr", "lr"}) expect_accepted({distance(name)});
  for (const char* name : {"default", "equal", "hr", "lr"}) expect_accepted({distance(name) + kUnweighted});
  for (const char* name : {"default", "hr", "lr"}) expect_accepted({distance(name) + kUntransformed});
  expect_refused(distance("weighted") + kUnweighted, {"s.toml:23:10: key 'evaluate.distance' has the value 'weighted'",
                                                      "method 'ftwa' has equal, hr, lr,"});
  expect_refused(distance("equal") + kUntransformed, {"method 'ftwa' has hr, lr,"});
  for (const char* method : {"baseline", "rain"}) {
    const std::string chosen = fmt::format("method = \"{}\"\n", method);
    expect_accepted({distance("default") + chosen});
    expect_refused(distance("hr") + chosen, {fmt::format("method '{}' compares by one embedding", method)});
  }
}

TEST_F(FtwaSuite, the_gallery_is_shrunk_for_methods_of_one_embedding) {
  expect_refused("evaluate.gallery_rate = 3", {"s.toml:23:10: key 'evaluate.gallery_rate' has the value 3",
                                               "streams of its own", "set evaluate.distance = \"lr\""});
  const std::string baseline = "method = \"baseline\"\nevaluate.gallery_rate = ";
  expect_accepted({"evaluate.gallery_rate = 1", baseline + "3", "method = \"rain\"\nevaluate.gallery_rate = 3"});
  expect_refused(baseline + "8", {"key 'evaluate.gallery_rate' has the value 8 (data set 'easy' has rates [2, 3, 4]",
                                  "add 8 to its key 'rates'"});
}

TEST_F(FtwaSuite, a_rate_of_copies_is_in_the_pack_where_copies_are_compared) {
  const std::string eight = "evaluate.gallery_copy_rate = 8\n";
  for (const char* distance : {"default", "weighted", "equal", "lr"})
    expect_refused(
        eight + fmt::format("evaluate.distance = \"{}\"", distance),
        {"s.toml:23:10: key 'evaluate.gallery_copy_rate' has the value 8 (data set 'easy' has rates [2, 3, 4]"});
  expect_accepted({eight + "evaluate.distance = \"hr\"", eight + kUntransformed, eight + "method = \"baseline\"",
                   "evaluate.gallery_copy_rate = 0", "evaluate.gallery_copy_rate = 1",
                   "evaluate.gallery_copy_rate = 2"});
}

TEST_F(FtwaSuite, options_of_what_is_switched_off_make_no_other_job) {
  const std::string plain = kUnweighted;
  expect_one_job(plain, {".weight_balance = 1", ".weight_normalisation = \"running-mean\"",
                         ".classification_weighting = \"batch-mean\"", ".triplet_weighting = \"per-sample\""});
  expect_other_jobs(plain, {".transformation_weight = 1", ".transformation_blocks = 1",
                            ".transformation_detach = \"lr\"", ".transformed_losses = false"});
  expect_one_job(plain + ".transformation = false\n",
                 {".transformation_weight = 1", ".transformation_blocks = 1", ".transformation_detach = \"lr\"",
                  ".transformed_losses = false"});
  expect_one_job(".triplet = false\n",
                 {".margin = 1", ".mining = \"all\"", ".triplet_weight = 2", ".triplet_weighting = \"per-sample\""});
  expect_one_job(".classification = false\n",
                 {".classification_weight = 1", ".classification_weighting = \"batch-mean\""});
  expect_other_jobs(".classification = false\n.weight_balance = 1\n", {".classification_weighting = \"batch-mean\""});
  expect_other_jobs("",
                    {".margin = 1", ".mining = \"all\"", ".triplet_weight = 2", ".triplet_weighting = \"per-sample\"",
                     ".classification_weight = 1", ".classification_weighting = \"batch-mean\"", ".weight_balance = 1",
                     ".weight_normalisation = \"running-mean\"", "train.lr_images = 1"});
  expect_one_job("method = \"baseline\"\nbaseline.classification = false\n", {"baseline.classification_weight = 3"});
  expect_other_jobs("method = \"baseline\"\n", {"baseline.classification_weight = 3", "baseline.images = \"stored\""});
}

TEST_F(FtwaSuite, one_distance_by_two_names_is_one_evaluation) {
  const std::string without_weights = kUnweighted, without_transformation = kUntransformed;
  EXPECT_EQ(evaluation_id(""), evaluation_id("evaluate.distance = \"weighted\""));
  EXPECT_EQ(evaluation_id(without_weights), evaluation_id(without_weights + "evaluate.distance = \"equal\""));
  EXPECT_EQ(evaluation_id(without_transformation),
            evaluation_id(without_transformation + "evaluate.distance = \"hr\""));
  EXPECT_NE(evaluation_id(""), evaluation_id("evaluate.distance = \"equal\""));
  EXPECT_EQ(training_id(""), training_id("evaluate.distance = \"equal\""));
  const std::string copies = "evaluate.gallery_copy_rate = 2\n";
  EXPECT_NE(evaluation_id(""), evaluation_id(copies));
  EXPECT_EQ(evaluation_id("evaluate.distance = \"hr\""), evaluation_id(copies + "evaluate.distance = \"hr\""));
  EXPECT_EQ(evaluation_id(without_transformation), evaluation_id(copies + without_transformation));
  EXPECT_EQ(evaluation_id("method = \"baseline\""), evaluation_id(copies + "method = \"baseline\""));
}

TEST_F(FtwaSuite, a_control_row_shares_its_training_and_its_queries) {
  const Plan made =
      plan(with_line("compare_with = \"shrunk\"",
                     row("plain", "method = \"baseline\"") +
                         row("shrunk", "method = \"baseline\"\nevaluate.gallery_rate = 3") + row("ftwa", "")));
  check_sound(made);
  EXPECT_EQ(2U, jobs_of<TrainingSpecification>(made).size());
  EXPECT_EQ(3U, jobs_of<EvaluationSpecification>(made).size());
  EXPECT_EQ(job_id(training_of(made, "t", "plain")), job_id(training_of(made, "t", "shrunk")));
}

TEST_F(FtwaSuite, the_papers_four_rows_are_held_against_its_claim) {
  const auto reference = [](const char* method) {
    return fmt::format(
        "reference = {{ paper = \"ftwa\", table = \"table2\", method = \"{}\", dataset = \"mlr-cuhk03\" }}", method);
  };
  const std::string rows = row("baseline", "method = \"baseline\"\n" + reference("ftwa-baseline")) +
                           row("b", ".weighting = false\n.transformation = false\n" + reference("ftwa-b")) +
                           row("r", ".weighting = false\n" + reference("ftwa-r")) + row("full", reference("ftwa"));
  const Plan made = plan(head_ + rows);
  ASSERT_EQ(1U, made.tables.at(0).claims.size());
  EXPECT_EQ("rank1", made.tables[0].claims[0].metric);
  EXPECT_EQ("mlr-cuhk03", made.tables[0].claims[0].paper_dataset);
  EXPECT_THAT(made.tables[0].claims[0].worse_to_better, ElementsAre("baseline", "b", "r", "full"));
  const auto printed = [&](const char* id) { return row_of(made, "t", id).cells.at(0).references.at("rank1"); };
  EXPECT_EQ(46.3, printed("baseline"));
  EXPECT_EQ(52.6, printed("b"));
  EXPECT_EQ(82.3, printed("r"));
  EXPECT_EQ(83.2, printed("full"));
}

TEST_F(FtwaSuite, a_table_of_weights_may_have_rows_without) {
  const std::string control = row("control", "method = \"baseline\"\nevaluate.gallery_rate = 3");
  const std::string plain = row("r", ".weighting = false");
  const std::string full = row("full", "evaluate.sample_rates = [1, 2, 3, 4]");
  const std::string all = "\"rank1\", \"weight_hr_rho\", \"weight_lr_rho\", \"hr_share\", \"weight_query_hr\"";
  const Plan made = plan(with_metrics(all, control + plain + full));
  check_sound(made);
  EXPECT_EQ(5U, made.tables.at(0).metrics.size());
  const auto refused = [&](const std::string& metrics, const std::string& rows, Texts parts) {
    expect_says(refusal_of(with_metrics(metrics, rows)), parts);
  };
  const std::string none = "(no row of table 't' compares by learned weights)";
  refused("\"rank1\", \"weight_hr_rho\"", control + plain,
          {"s.toml:18:1: key 'metrics' names 'weight_hr_rho' " + none +
           "; leave it out or add a row of method 'ftwa' at its defaults"});
  for (const char* metric : {"weight_hr_rho", "weight_lr_rho"})
    refused(
        fmt::format("\"{}\"", metric), control + row("full", ""),
        {fmt::format("s.toml:18:1: key 'metrics' names '{}' ('evaluate.sample_rates' is [], too few to rank for row "
                     "'full' on data set 'easy'); set evaluate.sample_rates = [1, 2, 3, 4]",
                     metric)});
  // One rate has no rank.
  refused("\"weight_hr_rho\"", row("full", "evaluate.sample_rates = [2]"), {"'evaluate.sample_rates' is [2]"});
  // Means over test pairs are of the weighted distance, whatever is sampled.
  const std::string means = "\"hr_share\", \"weight_query_hr\"";
  const std::string equal = row("equal", "evaluate.distance = \"equal\"");
  EXPECT_EQ("", refusal_of(with_metrics(means, row("full", ""))));
  EXPECT_EQ("", refusal_of(with_metrics(means, row("full", "") + equal)));
  refused(means, equal, {"s.toml:18:1: key 'metrics' names 'hr_share' " + none});
  refused("\"weight_rho\"", full, {"s.toml:18:1: key 'metrics' names 'weight_rho'"});
}

}  // namespace
}  // namespace resolute::experiments::ftwa_suite_test
