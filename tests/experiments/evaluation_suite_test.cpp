//! Suites that ask the same trainings in several ways: what an evaluation can be told, evaluations that rows share, and
//! what is refused while planning.

#include "tests/experiments/suite_fixture.h"

namespace resolute::experiments::evaluation_suite_test {
namespace {

class EvaluationSuite : public MethodSuite {
 protected:
  //! In refusals a row's first setting is on line 23.
  EvaluationSuite()
      : MethodSuite("baseline", "train.steps = 20\ntrain.identities = 4\ntrain.images = 4\ntrain.lr_images = 2\n",
                    "rates = [2, 3, 4]\n") {}
  JobId evaluation_id(const std::string& settings) {
    return row_of(plan_of(settings), "t", "r").cells.at(0).evaluations.at(0);
  }
};

constexpr const char* kCosine = "evaluate.distance = \"cosine\"\n";
constexpr const char* kReRanked = "evaluate.re_ranking = true\n";

TEST_F(EvaluationSuite, a_training_is_asked_in_many_ways_and_run_once) {
  const std::string cosine = kCosine;
  const std::vector<std::string> ways = {
      "",
      cosine,
      "evaluate.flip = true\n",
      "evaluate.protocol = \"whole-gallery\"\n",
      "evaluate.protocol = \"multi-shot\"\n",
      "evaluate.protocol = \"multi-shot\"\nevaluate.shots = 2\n",
      kReRanked,
      cosine + kReRanked,
      std::string(kReRanked) + "evaluate.re_ranking_lambda = 0.5\n",
      cosine + "evaluate.query_expansion = 5\n",
      cosine + "evaluate.query_expansion = 5\nevaluate.query_expansion_alpha = 1\n",
      "evaluate.gallery_rate = 2\n",
  };
  std::set<JobId> evaluations;
  for (const std::string& way : ways) {
    EXPECT_EQ(training_id(""), training_id(way)) << way;
    EXPECT_TRUE(evaluations.insert(evaluation_id(way)).second) << way;
  }
}

TEST_F(EvaluationSuite, what_makes_no_difference_makes_no_other_evaluation) {
  for (const char* unread : {"evaluate.shots = 9", "evaluate.query_expansion_alpha = 1", "evaluate.re_ranking_k1 = 9",
                             "evaluate.re_ranking_k2 = 2", "evaluate.re_ranking_lambda = 0", "evaluate.flip = false",
                             "evaluate.device = \"cpu\""})
    EXPECT_EQ(evaluation_id(""), evaluation_id(unread)) << unread;
  const std::string whole = "evaluate.protocol = \"whole-gallery\"\n";
  EXPECT_EQ(evaluation_id(whole), evaluation_id(whole + "evaluate.draws = 7"));
}

TEST_F(EvaluationSuite, a_specification_of_before_keeps_its_id) {
  // What nobody asks for is not in the text that is hashed.
  const std::string text = canonical_text(evaluation(""));
  for (const char* key : {"shots", "flip", "query_expansion", "re_ranking"})
    EXPECT_EQ(std::string::npos, text.find(key)) << key;
  EXPECT_NE(std::string::npos, canonical_text(evaluation("evaluate.flip = true")).find("\"flip\":true"));
}

TEST_F(EvaluationSuite, features_that_are_not_compared_whole_are_neither_expanded_nor_re_ranked) {
  const std::string expanded = std::string(kCosine) + "evaluate.query_expansion = 5\n";
  for (const std::string& way : {std::string(kCosine), expanded, std::string(kReRanked)}) {
    expect_accepted({way, "method = \"rain\"\n" + way, "method = \"msifla\"\n" + way});
    expect_refused("method = \"resolution_adaptive\"\n" + way, {"by fewer dimensions than others"});
  }
  expect_refused(std::string("method = \"ftwa\"\n") + kReRanked,
                 {"key 'evaluate.re_ranking' has the value true", "method 'ftwa' compares by several branches"});
  expect_accepted({"method = \"ftwa\"\nevaluate.flip = true\n",
                   "method = \"resolution_adaptive\"\nevaluate.flip = true\nevaluate.protocol = \"multi-shot\"\n"});
}

TEST_F(EvaluationSuite, what_does_not_go_together_is_refused) {
  expect_refused(
      "evaluate.query_expansion = 5",
      {"s.toml:23:10: key 'evaluate.query_expansion' has the value 5 (gallery images are weighted by cosines",
       "set evaluate.distance = \"cosine\""});
  expect_refused("evaluate.re_ranking = true\nevaluate.re_ranking_k1 = 5\n",
                 {"key 'evaluate.re_ranking_k2' has the value 6 (it must be 1 to 5"});
  // Some draws hold no match of such a query, which would then count as a miss.
  const std::string usual = "split.partition = \"official\"\nsplit.lr_camera = 1\nsplit.lr_side = \"query\"\n";
  for (const char* drawn : {"single-shot", "multi-shot"})
    expect_refused(usual + "evaluate.protocol = \"" + drawn + "\"\n",
                   {std::string("key 'evaluate.protocol' has the value '") + drawn + "'",
                    "set evaluate.protocol = \"whole-gallery\""});
  expect_accepted({usual + "evaluate.protocol = \"whole-gallery\"\n"});
}

}  // namespace
}  // namespace resolute::experiments::evaluation_suite_test
