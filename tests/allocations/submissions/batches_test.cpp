#include "allocations/submissions/batches.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/equal.h"

namespace resolute::allocations::batches_test {
namespace {

using namespace testing;

experiments::PlannedJob job(const std::string& name, const std::vector<std::string>& after = {}) {
  experiments::PlannedJob planned;
  planned.id = {name};
  for (const std::string& need : after) planned.after.push_back({need});
  return planned;
}

// Two shards, their seal, two trainings, an evaluation of each.
experiments::Plan small_plan() {
  experiments::Plan plan;
  plan.suite = "tiny";
  plan.title = "Tiny";
  plan.jobs = {job("a1"),         job("a2"),         job("b1", {"a1", "a2"}), job("c1", {"b1"}),
               job("c2", {"b1"}), job("d1", {"c1"}), job("d2", {"c2"})};
  return plan;
}
const auto kNoResult = [](const experiments::JobId&) { return false; };

TEST(Batches, are_one_an_allocation) {
  const auto batches = batches_of("tiny", "0123456789ab", {{{}, {}, 2, 2}});
  ASSERT_EQ(batches.size(), 2U);
  EXPECT_EQ(batches[0], (slurm::Batch{1, "resolute-tiny-0123456789ab-1", 1, {}, 0}));
  EXPECT_EQ(batches[1], (slurm::Batch{2, "resolute-tiny-0123456789ab-2", 2, {}, 0}));
}

TEST(Batches, of_an_array_are_the_levels_of_the_plan_each_after_the_one_before) {
  const auto batches = array_batches_of(small_plan(), "0123456789ab", {{}}, kNoResult);
  ASSERT_EQ(batches.size(), 4U);
  EXPECT_EQ(batches[0], (slurm::Batch{1, "resolute-tiny-0123456789ab-1", 1, {"a1", "a2"}, 0}));
  EXPECT_EQ(batches[1], (slurm::Batch{2, "resolute-tiny-0123456789ab-2", 3, {"b1"}, 1}));
  EXPECT_EQ(batches[2], (slurm::Batch{3, "resolute-tiny-0123456789ab-3", 4, {"c1", "c2"}, 2}));
  EXPECT_EQ(batches[3], (slurm::Batch{4, "resolute-tiny-0123456789ab-4", 6, {"d1", "d2"}, 3}));
}

TEST(Batches, of_an_array_leave_out_what_has_its_result) {
  const auto batches = array_batches_of(small_plan(), "0123456789ab", {{}},
                                        [](const experiments::JobId& job) { return job.hex < "c2"; });
  ASSERT_EQ(batches.size(), 2U);
  EXPECT_THAT(batches[0].jobs, ElementsAre("c2", "d1")) << "c1, which d1 needs, is there";
  EXPECT_EQ(batches[0].after, 0);
  EXPECT_THAT(batches[1].jobs, ElementsAre("d2"));
  EXPECT_EQ(batches[1].after, 1);
  EXPECT_THAT(array_batches_of(small_plan(), "0123456789ab", {{}}, [](const experiments::JobId&) { return true; }),
              IsEmpty());
}

// None holds more than SLURM's default allows.
TEST(Batches, of_a_large_level_are_a_thousand_each_and_wait_for_the_last_that_they_need) {
  experiments::Plan plan;
  plan.suite = std::string(200, 's');
  for (int i = 0; i < 2500; ++i) plan.jobs.push_back(job("a" + std::to_string(i)));
  for (int i = 0; i < 1200; ++i)
    plan.jobs.push_back(job("b" + std::to_string(i), {"a" + std::to_string(i), "a" + std::to_string(i + 900)}));
  const auto batches = array_batches_of(plan, "0123456789ab", {{}}, kNoResult);
  ASSERT_EQ(batches.size(), 5U);
  std::vector<std::size_t> sizes;
  std::vector<int> afters, firsts;
  for (const auto& batch : batches) {
    sizes.push_back(batch.jobs.size());
    afters.push_back(batch.after);
    firsts.push_back(batch.first_allocation);
    EXPECT_TRUE(slurm::is_job_name(batch.job_name)) << batch.job_name;
  }
  EXPECT_THAT(sizes, ElementsAre(1000U, 1000U, 500U, 1000U, 200U));
  EXPECT_THAT(afters, ElementsAre(0, 0, 0, 2, 3));
  EXPECT_THAT(firsts, ElementsAre(1, 1001, 2001, 2501, 3501));
}

// The pools of a site with machines of its own for trainings, of two shapes.
std::vector<Pool> two_pools() {
  slurm::Resources large, small;
  large.nodes = 4;
  small.partition = "short";
  return {{{settings::JobKind::kTraining}, {large, small}, 1, 3},
          {{settings::JobKind::kPack, settings::JobKind::kEvaluation}, {}, 0, 1}};
}

TEST(Batches, of_pools_are_those_that_are_kept_then_those_on_demand_of_each_shape) {
  const auto batches = batches_of("tiny", "0123456789ab", two_pools());
  std::vector<std::string> seen;
  for (const auto& batch : batches)
    seen.push_back(fmt::format("{} {} {} {} {}", batch.number, batch.first_allocation, batch.kinds.size(),
                               batch.on_demand, batch.resources ? batch.resources->nodes : 0));
  EXPECT_THAT(seen, ElementsAre("1 1 1 false 4", "2 2 1 true 4", "3 3 1 true 4", "4 4 1 true 1", "5 5 1 true 1",
                                "6 6 2 true 0"));
  slurm::SubmissionRequest request;
  request.batches = batches;
  EXPECT_EQ(most_at_once(request, batches[0]), 3);
  EXPECT_EQ(most_at_once(request, batches[5]), 1);
  EXPECT_EQ(batches_of("tiny", "0123456789ab", pools_of(request)), batches) << "and back";
}

TEST(Batches, of_an_array_are_apart_where_kinds_of_jobs_have_machines_of_their_own) {
  experiments::Plan plan = small_plan();
  plan.jobs[3].specification = experiments::TrainingSpecification{};  // c1, and c2 is a shard
  const auto batches = array_batches_of(plan, "0123456789ab", two_pools(),
                                        [](const experiments::JobId& job) { return job.hex < "c" || job.hex > "d"; });
  ASSERT_EQ(batches.size(), 2U);
  EXPECT_THAT(batches[0].jobs, ElementsAre("c1"));
  EXPECT_EQ(batches[0].resources.value().nodes, 4);
  EXPECT_THAT(batches[1].jobs, ElementsAre("c2"));
  EXPECT_EQ(batches[1].first_allocation, 2);
}

TEST(SuiteVariables, are_those_that_the_text_names_and_the_environment_has) {
  const std::map<std::string, std::string> environment{{"B", "two"},   {"A", "one"}, {"EMPTY", ""}, {"STORE", "x"},
                                                       {"OTHER", "y"}, {"1", "z"},   {"A B", "z"}};
  EXPECT_THAT(
      suite_variables("r = \"${B}/x\" # ${A} ${B} ${STORE} ${EMPTY} ${MISSING} $OTHER ${1} ${A B} ${}", environment),
      ElementsAre(Pair("A", "one"), Pair("B", "two")));
  EXPECT_THAT(suite_variables("${${A}", environment), ElementsAre(Pair("A", "one")));
  EXPECT_THAT(suite_variables("${A", environment), IsEmpty());
  EXPECT_THAT(suite_variables("", environment), IsEmpty());
  for (const char* methods : {"[[method]]\npython = \"mine.py\"", "method = [{ python = \"mine.py\" }]"})
    EXPECT_THAT(suite_variables(methods, {{"RESOLUTE_PYTHON", "/p"}, {"A", "one"}}),
                ElementsAre(Pair("RESOLUTE_PYTHON", "/p")));
}

}  // namespace
}  // namespace resolute::allocations::batches_test
