#include "operations/submissions/batches.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/equal.h"

namespace resolute::operations::batches_test {
namespace {

using namespace testing;

TEST(Batches, are_one_an_allocation) {
  const auto batches = batches_of("tiny", "0123456789ab", {{{}, {}, 2, 2}});
  ASSERT_EQ(batches.size(), 2U);
  EXPECT_EQ(batches[0], (slurm::Batch{1, "resolute-tiny-0123456789ab-1", 1}));
  EXPECT_EQ(batches[1], (slurm::Batch{2, "resolute-tiny-0123456789ab-2", 2}));
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

TEST(Batches, of_a_suite_with_a_long_name_have_names_that_slurm_takes) {
  const auto batches = batches_of(std::string(200, 's'), "0123456789ab", {{{}, {}, 999, 999}});
  ASSERT_EQ(batches.size(), 999U);
  EXPECT_TRUE(slurm::is_job_name(batches.back().job_name)) << batches.back().job_name;
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
}  // namespace resolute::operations::batches_test
