//! Suites with rows of FTWA and of its control: options that reach their jobs, jobs that rows share, and what is
//! refused while planning.

#include "tests/experiments/suite_fixture.h"

namespace resolute::experiments::ftwa_suite_test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

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

TEST_F(FtwaSuite, wrong_types_and_misspelt_words_are_refused) {
  expect_refused({"train.lr_images"}, {"4"});
  expect_refused({"evaluate.gallery_rate"}, {"8"});
  EXPECT_THAT(refusal("ftwa.weight_balance = nan"), HasSubstr("holds a number that is not finite"));
  EXPECT_THAT(refusal("train.lr_images = 1.5"), HasSubstr("(an integer is needed)"));
  EXPECT_EQ("s.toml:23:6: key 'ftwa.weigthing' is unknown; did you mean 'ftwa.weighting'",
            refusal("ftwa.weigthing = false"));
  EXPECT_EQ("s.toml:23:7: key 'train.lr_image' is unknown; did you mean 'train.lr_images'",
            refusal("train.lr_image = 2"));
  EXPECT_THAT(refusal("ftwa.triplet_weighting = \"batch-means\""), HasSubstr("did you mean 'batch-mean'"));
  EXPECT_THAT(refusal("evaluate.distance = \"weigthed\""), HasSubstr("did you mean 'weighted'"));
  EXPECT_THAT(refusal("method = \"ftaw\""), AllOf(StartsWith("s.toml:23:1: key 'method' has the value 'ftaw'"),
                                                  HasSubstr("methods are baseline, ftwa, msifla, rain")));
}

TEST_F(FtwaSuite, weights_need_something_to_weigh) {
  EXPECT_THAT(refusal("ftwa.transformation = false"),
              AllOf(StartsWith("s.toml:20:1: key 'ftwa.weighting' has the value true"),
                    HasSubstr("'ftwa.transformation' is off"), HasSubstr("set ftwa.weighting = false")));
  EXPECT_THAT(refusal("ftwa.weighting = true\nftwa.transformed_losses = false"),
              AllOf(StartsWith("s.toml:23:6: key 'ftwa.weighting' has the value true"),
                    HasSubstr("'ftwa.transformed_losses' is off")));
  EXPECT_THAT(refusal("ftwa.classification = false\nftwa.triplet = false"),
              AllOf(HasSubstr("key 'ftwa.weighting' has the value true"), HasSubstr("are off")));
  EXPECT_EQ("", refusal("ftwa.weighting = false\nftwa.transformation = false"));
  EXPECT_EQ("", refusal("ftwa.weighting = false\nftwa.transformed_losses = false"));
  EXPECT_EQ("", refusal("ftwa.weighting = false\nftwa.classification = false\nftwa.triplet = false"));
  EXPECT_THAT(refusal("ftwa.weighting = false\nftwa.classification = false\nftwa.triplet = false\n"
                      "ftwa.transformation = false"),
              AllOf(StartsWith("s.toml:26:6: key 'ftwa.transformation' has the value false"),
                    HasSubstr("every other loss is off too, so none is left")));
}

TEST_F(FtwaSuite, a_batch_has_both_kinds_of_rows) {
  EXPECT_THAT(refusal("train.lr_images = 0"),
              AllOf(StartsWith("s.toml:23:7: key 'train.lr_images' has the value 0 ('ftwa' has a stream of LR images"),
                    HasSubstr("; set it to half of 'train.images', 2")));
  EXPECT_THAT(refusal("train.lr_images = 0\ntrain.images = 1"),
              HasSubstr("; raise 'train.images' to 2 and set it to 1"));
  // Pairs of rows, where the option that asks for them is in use.
  const std::string pairs = "ftwa.triplet_weighting = \"per-sample\"\n";
  EXPECT_THAT(refusal(pairs + "train.lr_images = 1"),
              AllOf(StartsWith("s.toml:24:7: key 'train.lr_images' has the value 1"), HasSubstr("'per-sample'"),
                    HasSubstr("half of 'train.images', 4")));
  EXPECT_THAT(refusal(pairs + "train.images = 5"), HasSubstr("half of 'train.images', 5"));
  EXPECT_EQ("", refusal(pairs));
  EXPECT_EQ("", refusal(pairs + "train.images = 6\ntrain.lr_images = 3"));
  EXPECT_EQ("", refusal(pairs + "train.lr_images = 1\nftwa.weighting = false"));
  EXPECT_EQ("", refusal(pairs + "train.lr_images = 1\nftwa.triplet = false"));
  EXPECT_EQ("", refusal("train.lr_images = 1"));
}

TEST_F(FtwaSuite, triplets_of_hr_features_have_a_positive) {
  const std::string one = "train.lr_images = 3\nftwa.weighting = false\n";
  EXPECT_EQ("", refusal(one));  // v'_HR of an LR row is one
  EXPECT_THAT(refusal(one + "ftwa.transformation = false"),
              AllOf(StartsWith("s.toml:23:7: key 'train.lr_images' has the value 3 (the HR triplets need 2 HR images"),
                    HasSubstr("raise 'train.images' to 5")));
  EXPECT_THAT(refusal(one + "ftwa.transformed_losses = false"), HasSubstr("the HR triplets need 2 HR images"));
  EXPECT_EQ("", refusal(one + "ftwa.transformation = false\nftwa.triplet = false"));
  EXPECT_EQ("", refusal(one + "ftwa.transformation = false\ntrain.images = 5"));
  const std::string baseline = "method = \"baseline\"\ntrain.lr_images = 3\n";
  EXPECT_THAT(refusal(baseline),
              StartsWith("s.toml:24:7: key 'train.lr_images' has the value 3 (the triplet loss of HR"));
  EXPECT_EQ("", refusal(baseline + "baseline.images = \"stored\""));
  EXPECT_EQ("", refusal(baseline + "baseline.triplet = false"));
  const std::string rain = "method = \"rain\"\ntrain.lr_images = 3\n";
  EXPECT_THAT(refusal(rain), HasSubstr("key 'train.lr_images' has the value 3 (the HR triplets need 2 HR images"));
  EXPECT_EQ("", refusal(rain + "rain.triplet = false"));
  EXPECT_EQ("", refusal(rain + "train.images = 5"));
}

TEST_F(FtwaSuite, without_labels_the_transformation_teaches) {
  EXPECT_EQ("", refusal("train.labelled_fraction = 0"));
  EXPECT_THAT(refusal("train.labelled_fraction = 0\nftwa.weighting = false\nftwa.transformation = false"),
              AllOf(StartsWith("s.toml:23:7: key 'train.labelled_fraction' has the value 0"),
                    HasSubstr("without labels and 'ftwa.transformation' no loss is left")));
}

TEST_F(FtwaSuite, a_distance_is_one_that_the_method_has) {
  const auto distance = [&](const std::string& name, const std::string& more = {}) {
    return refusal("evaluate.distance = \"" + name + "\"\n" + more);
  };
  const std::string without_weights = "ftwa.weighting = false\n";
  const std::string without_transformation = without_weights + "ftwa.transformation = false\n";
  for (const char* name : {"default", "weighted", "equal", "hr", "lr"}) EXPECT_EQ("", distance(name)) << name;
  for (const char* name : {"default", "equal", "hr", "lr"}) EXPECT_EQ("", distance(name, without_weights)) << name;
  for (const char* name : {"default", "hr", "lr"}) EXPECT_EQ("", distance(name, without_transformation)) << name;
  EXPECT_THAT(distance("weighted", without_weights),
              AllOf(StartsWith("s.toml:23:10: key 'evaluate.distance' has the value 'weighted'"),
                    HasSubstr("method 'ftwa' has equal, hr, lr,")));
  EXPECT_THAT(distance("equal", without_transformation), HasSubstr("method 'ftwa' has hr, lr,"));
  for (const char* method : {"baseline", "rain"}) {
    const std::string chosen = fmt::format("method = \"{}\"\n", method);
    EXPECT_EQ("", distance("default", chosen));
    EXPECT_THAT(distance("hr", chosen), HasSubstr(fmt::format("method '{}' compares by one embedding", method)));
  }
}

TEST_F(FtwaSuite, the_gallery_is_shrunk_for_methods_of_one_embedding) {
  EXPECT_THAT(refusal("evaluate.gallery_rate = 3"),
              AllOf(StartsWith("s.toml:23:10: key 'evaluate.gallery_rate' has the value 3"),
                    HasSubstr("streams of its own"), HasSubstr("set evaluate.distance = \"lr\"")));
  EXPECT_EQ("", refusal("evaluate.gallery_rate = 1"));
  for (const char* method : {"baseline", "rain"})
    EXPECT_EQ("", refusal(fmt::format("method = \"{}\"\nevaluate.gallery_rate = 3", method)));
  EXPECT_THAT(refusal("method = \"baseline\"\nevaluate.gallery_rate = 8"),
              AllOf(HasSubstr("key 'evaluate.gallery_rate' has the value 8 (data set 'easy' has rates [2, 3, 4]"),
                    HasSubstr("add 8 to its key 'rates'")));
}

TEST_F(FtwaSuite, a_rate_of_copies_is_in_the_pack_where_copies_are_compared) {
  const std::string eight = "evaluate.gallery_copy_rate = 8\n";
  for (const char* distance : {"default", "weighted", "equal", "lr"})
    EXPECT_THAT(refusal(eight + fmt::format("evaluate.distance = \"{}\"", distance)),
                StartsWith("s.toml:23:10: key 'evaluate.gallery_copy_rate' has the value 8 (data set 'easy' has rates "
                           "[2, 3, 4]"))
        << distance;
  EXPECT_EQ("", refusal(eight + "evaluate.distance = \"hr\""));
  EXPECT_EQ("", refusal(eight + "ftwa.weighting = false\nftwa.transformation = false"));
  EXPECT_EQ("", refusal(eight + "method = \"baseline\""));
  for (const char* rate : {"0", "1", "2"}) EXPECT_EQ("", refusal(fmt::format("evaluate.gallery_copy_rate = {}", rate)));
}

TEST_F(FtwaSuite, options_of_what_is_switched_off_make_no_other_job) {
  const std::string plain = "ftwa.weighting = false\n";
  expect_one_job(plain, {"ftwa.weight_balance = 1", "ftwa.classification_weighting = \"batch-mean\"",
                         "ftwa.triplet_weighting = \"per-sample\""});
  expect_other_jobs(plain, {"ftwa.transformation_weight = 1", "ftwa.transformation_blocks = 1",
                            "ftwa.transformation_detach = \"lr\"", "ftwa.transformed_losses = false"});
  expect_one_job(plain + "ftwa.transformation = false\n",
                 {"ftwa.transformation_weight = 1", "ftwa.transformation_blocks = 1",
                  "ftwa.transformation_detach = \"lr\"", "ftwa.transformed_losses = false"});
  expect_one_job("ftwa.triplet = false\n", {"ftwa.margin = 1", "ftwa.mining = \"all\"", "ftwa.triplet_weight = 2",
                                            "ftwa.triplet_weighting = \"per-sample\""});
  expect_one_job("ftwa.classification = false\n",
                 {"ftwa.classification_weight = 1", "ftwa.classification_weighting = \"batch-mean\""});
  expect_other_jobs("ftwa.classification = false\nftwa.weight_balance = 1\n",
                    {"ftwa.classification_weighting = \"batch-mean\""});
  expect_other_jobs(
      "", {"ftwa.margin = 1", "ftwa.mining = \"all\"", "ftwa.triplet_weight = 2",
           "ftwa.triplet_weighting = \"per-sample\"", "ftwa.classification_weight = 1",
           "ftwa.classification_weighting = \"batch-mean\"", "ftwa.weight_balance = 1", "train.lr_images = 1"});
  expect_one_job("method = \"baseline\"\nbaseline.classification = false\n", {"baseline.classification_weight = 3"});
  expect_other_jobs("method = \"baseline\"\n", {"baseline.classification_weight = 3", "baseline.images = \"stored\""});
}

TEST_F(FtwaSuite, one_distance_by_two_names_is_one_evaluation) {
  const std::string without_weights = "ftwa.weighting = false\n";
  const std::string without_transformation = without_weights + "ftwa.transformation = false\n";
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
                           row("b", "ftwa.weighting = false\nftwa.transformation = false\n" + reference("ftwa-b")) +
                           row("r", "ftwa.weighting = false\n" + reference("ftwa-r")) + row("full", reference("ftwa"));
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
  const std::string plain = row("r", "ftwa.weighting = false");
  const std::string full = row("full", "evaluate.sample_rates = [1, 2, 3, 4]");
  const std::string all = "\"rank1\", \"weight_hr_rho\", \"weight_lr_rho\", \"hr_share\", \"weight_query_hr\"";
  const Plan made = plan(with_metrics(all, control + plain + full));
  check_sound(made);
  EXPECT_EQ(5U, made.tables.at(0).metrics.size());
  EXPECT_EQ(
      "s.toml:18:1: key 'metrics' names 'weight_hr_rho' (no row of table 't' compares by learned weights); leave it "
      "out "
      "or add a "
      "row of method 'ftwa' at its defaults",
      refusal_of(with_metrics("\"rank1\", \"weight_hr_rho\"", control + plain)));
  for (const char* metric : {"weight_hr_rho", "weight_lr_rho"})
    EXPECT_EQ(
        fmt::format("s.toml:18:1: key 'metrics' names '{}' ('evaluate.sample_rates' is [], too few to rank for row "
                    "'full' on data set 'easy'); set evaluate.sample_rates = [1, 2, 3, 4]",
                    metric),
        refusal_of(with_metrics(fmt::format("\"{}\"", metric), control + row("full", ""))));
  // One rate has no rank.
  EXPECT_THAT(refusal_of(with_metrics("\"weight_hr_rho\"", row("full", "evaluate.sample_rates = [2]"))),
              HasSubstr("'evaluate.sample_rates' is [2]"));
  // Means over test pairs are of the weighted distance, whatever is sampled.
  const std::string means = "\"hr_share\", \"weight_query_hr\"";
  EXPECT_EQ("", refusal_of(with_metrics(means, row("full", ""))));
  EXPECT_EQ("", refusal_of(with_metrics(means, row("full", "") + row("equal", "evaluate.distance = \"equal\""))));
  EXPECT_THAT(
      refusal_of(with_metrics(means, row("equal", "evaluate.distance = \"equal\""))),
      StartsWith("s.toml:18:1: key 'metrics' names 'hr_share' (no row of table 't' compares by learned weights)"));
  EXPECT_THAT(refusal_of(with_metrics("\"weight_rho\"", full)),
              StartsWith("s.toml:18:1: key 'metrics' names 'weight_rho'"));
}

}  // namespace
}  // namespace resolute::experiments::ftwa_suite_test
