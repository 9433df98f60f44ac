#include "results/verdicts/reproduction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/hash/sha256.h"
#include "tests/support/equal.h"

namespace resolute::results::reproduction_test {
namespace {

using namespace testing;

std::string hash(int n) { return core::sha256_hex("reproduction " + std::to_string(n)); }

TrainingRecord training() {
  return {{hash(0)},
          "weights-0123456789abcdef.safetensors",
          hash(1),
          {{"loss", 0.25}},
          {hash(2), hash(3), "device=cpu libtorch=2.11.0 threads=1", 2, true}};
}

EvaluationRecord evaluation() {
  return {{hash(0)},
          hash(1),
          hash(2),
          {{"rank1", 0.5}, {"rank5", 0.75}, {"rank10", 1.0}, {"rank20", 1.0}, {"mAP", 0.375}},
          {hash(3), hash(4), "device=cpu", {hash(5)}}};
}

// A training of 30 steps whose second run is `again`, all steps alike.
Reproduction reproduction(const std::optional<Record>& again = training()) {
  Reproduction made{training(), again, {}, 30, 30, {30, {}}, {}};
  made.numeric_class_again = training().provenance.numeric_class;
  return made;
}

TEST(RecordComparison, every_value_counts_but_the_numeric_class_and_a_name_made_of_a_hash) {
  TrainingRecord again = training();
  again.weights_file = "weights-another.safetensors";
  again.provenance.numeric_class = "device=cuda";
  EXPECT_THAT(compare_records(training(), again), IsEmpty());
  again.weights_sha256 = hash(9);
  again.metrics["loss"] = 0.5;
  again.provenance.split_sha256 = hash(8);
  EXPECT_THAT(compare_records(training(), again),
              ElementsAre(RecordDifference{"metrics.loss", 0.25, 0.5},
                          RecordDifference{"provenance.split_sha256", hash(3), hash(8)},
                          RecordDifference{"weights_sha256", hash(1), hash(9)}));
}

TEST(RecordComparison, metrics_are_compared_by_bits_and_by_name) {
  EvaluationRecord again = evaluation();
  again.metrics["mAP"] = std::nextafter(0.375, 1);
  EXPECT_EQ(1U, compare_records(evaluation(), again).size());
  again = evaluation();
  again.metrics["map_single"] = 0.5;
  EXPECT_THAT(compare_records(evaluation(), again),
              ElementsAre(RecordDifference{"metrics.map_single", core::Json(), 0.5}));
  EvaluationRecord zero = evaluation(), negative = evaluation();
  zero.metrics["offset"] = 0.0;
  negative.metrics["offset"] = -0.0;
  EXPECT_EQ(1U, compare_records(zero, negative).size());
}

TEST(RecordComparison, an_output_that_differs_is_named) {
  EvaluationRecord one = evaluation();
  one.outputs = {{"panels/galleries.png", hash(6)}, {"queries.csv", hash(7)}};
  EvaluationRecord again = one;
  EXPECT_THAT(compare_records(one, again), IsEmpty());
  again.outputs["queries.csv"] = hash(8);
  again.outputs.erase("panels/galleries.png");
  EXPECT_THAT(compare_records(one, again),
              ElementsAre(RecordDifference{"outputs.panels/galleries.png", hash(6), core::Json()},
                          RecordDifference{"outputs.queries.csv", hash(7), hash(8)}));
  EXPECT_THAT(to_text({one, again, "device=cpu", 0, 0, {}, {}}),
              HasSubstr("outputs.queries.csv differs: recorded " + hash(7) + ", again " + hash(8)));
  EXPECT_EQ("same bits: features " + hash(2) + ", 5 metrics, 2 outputs\n",
            to_text({one, one, "device=cpu", 0, 0, {}, {}}));
}

TEST(Verdict, the_same_bits_are_one_line) {
  EXPECT_TRUE(same_bits(reproduction()));
  EXPECT_EQ("same bits: 30 steps, weights " + hash(1) + "\n", to_text(reproduction()));
  Reproduction some = reproduction();
  some.gradients.compared = 20;
  EXPECT_EQ("same bits: 20 of 30 steps (the others are not in both logs), weights " + hash(1) + "\n", to_text(some));
  Reproduction short_run = reproduction(std::nullopt);
  short_run.asked_steps = short_run.gradients.compared = 5;
  EXPECT_TRUE(same_bits(short_run));
  EXPECT_EQ("same bits: the first 5 steps; weights were not compared\n", to_text(short_run));
  EXPECT_EQ("same bits: features " + hash(2) + ", 5 metrics\n",
            to_text({evaluation(), evaluation(), "device=cpu", 0, 0, {}, {}}));
  const ShardRecord shard{{hash(0)}, hash(1), 96, hash(2)};
  EXPECT_EQ("same bits: shard " + hash(1) + ", 96 rows\n", to_text({shard, shard, "", 0, 0, {}, {}}));
  const SealRecord seal{{hash(0)}, hash(1), 192};
  EXPECT_EQ("same bits: pack " + hash(1) + ", 192 rows\n", to_text({seal, seal, "", 0, 0, {}, {}}));
}

TEST(Verdict, a_run_of_which_nothing_was_compared_is_no_proof) {
  Reproduction nothing = reproduction(std::nullopt);
  nothing.gradients.compared = 0;
  EXPECT_FALSE(same_bits(nothing));
}

TEST(Verdict, the_first_difference_is_named_down_to_lane_and_tensor) {
  Reproduction found = reproduction(std::nullopt);
  found.gradients = {12, StepDifference{12, true, {1}, {"networks/trunk.conv1.weight"}}};
  EXPECT_FALSE(same_bits(found));
  EXPECT_EQ("first difference in step 12: lane 1; tensor networks/trunk.conv1.weight\n", to_text(found));
  found.gradients.difference = {12, true, {0, 3}, {"1", "2", "3", "4", "5", "6", "7", "8", "9", "10"}};
  EXPECT_EQ("first difference in step 12: lanes 0, 3; tensors 1, 2, 3, 4, 5, 6, 7, 8 and 2 more\n", to_text(found));
  // Every lane is right: what went wrong is the sum over them.
  found.gradients.difference = {12, true, {}, {"a"}};
  EXPECT_EQ("first difference in step 12: no lane; tensor a\n", to_text(found));
  found.gradients.difference = {12, false, {}, {}};
  EXPECT_THAT(to_text(found), HasSubstr("lane and tensor are not known"));
}

TEST(Verdict, weights_that_differ_after_the_same_gradients_are_told) {
  TrainingRecord again = training();
  again.weights_sha256 = hash(9);
  EXPECT_FALSE(same_bits(reproduction(again)));
  EXPECT_EQ(fmt::format("gradients are the same in 30 of 30 steps\nweights_sha256 differs: recorded {}, again {}\n",
                        hash(1), hash(9)),
            to_text(reproduction(again)));
}

TEST(Verdict, another_numeric_class_is_told_with_what_differs_in_it) {
  Reproduction found = reproduction(std::nullopt);
  found.gradients = {1, StepDifference{1, true, {0}, {"a"}}};
  found.numeric_class_again = "device=cpu libtorch=2.10.0 threads=2 kernels=x";
  EXPECT_EQ(
      "first difference in step 1: lane 0; tensor a\nthe numeric class is another, and bits may differ with it: "
      "libtorch=2.11.0, again 2.10.0; threads=1, again 2; kernels=nothing, again x\n",
      to_text(found));
  // Same bits on another machine are more than was promised.
  Reproduction same = reproduction();
  same.numeric_class_again = "device=cpu libtorch=2.10.0 threads=1";
  EXPECT_TRUE(same_bits(same));
  EXPECT_EQ("same bits: 30 steps, weights " + hash(1) +
                ", although the numeric class is another (libtorch=2.11.0, again 2.10.0)\n",
            to_text(same));
}

TEST(Verdict, attempts_of_the_recorded_run_that_disagree_are_no_same_bits) {
  Reproduction found = reproduction();
  found.disagreements = {{1, 2, {7, true, {1}, {"a"}}}};
  EXPECT_FALSE(same_bits(found));
  EXPECT_EQ(
      "recorded attempts 1 and 2 differ from step 7 on: lane 1; tensor a\n"
      "gradients are the same in 30 of 30 steps\nthe result is the same\n",
      to_text(found));
}

TEST(Verdict, the_json_document_holds_all_of_it) {
  Reproduction found = reproduction(std::nullopt);
  found.gradients = {12, StepDifference{12, true, {1}, {"a"}}};
  found.disagreements = {{1, 2, {7, false, {}, {}}}};
  EXPECT_EQ(core::Json::parse(R"({"job":")" + hash(0) + R"(","kind":"training","same_bits":false,
      "first_difference":{"step":12,"located":true,"lanes":[1],"tensors":["a"]},"differences":[],
      "numeric_class":{"recorded":"device=cpu libtorch=2.11.0 threads=1",
                       "again":"device=cpu libtorch=2.11.0 threads=1"},
      "weights":{"recorded":")" +
                              hash(1) + R"(","again":null},"steps":30,"steps_asked":30,"steps_compared":12,
      "disagreements":[{"attempts":[1,2],
                        "first_difference":{"step":7,"located":false,"lanes":[],"tensors":[]}}]})"),
            to_json(found));
  EvaluationRecord again = evaluation();
  again.metrics["mAP"] = 0.5;
  const core::Json json = to_json({evaluation(), again, "", 0, 0, {}, {}});
  EXPECT_EQ(core::Json::parse(R"([{"key":"metrics.mAP","recorded":0.375,"again":0.5}])"), json["differences"]);
  EXPECT_EQ(core::Json::parse(R"({"recorded":"device=cpu","again":null})"), json["numeric_class"]);
  EXPECT_EQ("evaluation", json["kind"]);
  EXPECT_FALSE(json.contains("weights"));
  const ShardRecord shard{{hash(0)}, hash(1), 96, hash(2)};
  EXPECT_EQ(core::Json(), to_json({shard, shard, "", 0, 0, {}, {}})["numeric_class"]);
}

}  // namespace
}  // namespace resolute::results::reproduction_test
