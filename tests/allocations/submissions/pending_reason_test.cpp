#include "allocations/submissions/pending_reason.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace resolute::tests::pending_reason_test {
namespace {

using allocations::explain_reason;
using testing::HasSubstr;
using testing::Not;

TEST(PendingReason, reasons_are_explained_in_plain_words) {
  const auto words = [](const char* reason) { return explain_reason(reason).words; };
  EXPECT_THAT(words("Priority"), HasSubstr("other jobs come first"));
  EXPECT_THAT(words("Dependency"), HasSubstr("has to end first"));
  EXPECT_THAT(words("BeginTime"), AllOf(HasSubstr("asked for"), HasSubstr("after a requeue")));
  EXPECT_THAT(words("QOSMaxGRESPerUser"), HasSubstr("QOS are at a limit"));
  EXPECT_THAT(words("QOSGrpCpuLimit"), HasSubstr("all users"));
  EXPECT_THAT(words("AssocMaxJobsLimit"), HasSubstr("account"));
  EXPECT_THAT(explain_reason("ReqNodeNotAvail, UnavailableNodes:n[1-2]").advice, HasSubstr("sinfo -R"));
  EXPECT_EQ(words("None"), "");
  EXPECT_EQ(words(""), "");
  EXPECT_EQ(words("SomethingOfLaterVersions"), "SomethingOfLaterVersions");
}

TEST(PendingReason, what_would_wait_for_ever_is_said_to) {
  for (const char* reason : {"PartitionConfig", "PartitionTimeLimit", "PartitionNodeLimit", "DependencyNeverSatisfied",
                             "QOSMaxGRESPerJob", "QOSMaxNodePerJobLimit", "QOSMaxWallDurationPerJobLimit",
                             "AssocMaxCpuPerJobLimit", "InvalidQOS", "BadConstraints"}) {
    const auto explained = explain_reason(reason);
    EXPECT_THAT(explained.words, HasSubstr("for ever")) << reason;
    EXPECT_THAT(explained.advice, HasSubstr("resolute suite cancel")) << reason;
  }
  for (const char* reason : {"Resources", "QOSMaxGRESPerUser", "QOSGrpNodeLimit", "BeginTime", "Licenses"})
    EXPECT_THAT(explain_reason(reason).words, Not(HasSubstr("for ever"))) << reason;
}

}  // namespace
}  // namespace resolute::tests::pending_reason_test
