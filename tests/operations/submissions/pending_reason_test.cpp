#include "operations/submissions/pending_reason.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace resolute::tests::pending_reason_test {
namespace {

using operations::explain_reason;
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
  for (const char* reason : {"MaxCpuPerAccount", "MaxGRESRunMinsPerUser", "MaxJobsPerAccount"})
    EXPECT_THAT(words(reason), HasSubstr("a limit of its QOS")) << reason;
  EXPECT_THAT(words("MaxPoweredUpNodes"), HasSubstr("powered up"));
  EXPECT_THAT(explain_reason("ReservationInvalid").advice, HasSubstr("resolute suite cancel"));
  EXPECT_THAT(explain_reason("ReqNodeNotAvail, UnavailableNodes:n[1-2]").advice, HasSubstr("sinfo -R"));
  EXPECT_EQ(words("None"), "");
  EXPECT_EQ(words(""), "");
  EXPECT_EQ(words("SomethingOfLaterVersions"), "SomethingOfLaterVersions");
}

TEST(PendingReason, a_refusal_has_the_advice_that_mends_it) {
  const std::pair<const char*, const char*> kAdvice[] = {
      {"Invalid partition name specified", "--partition"},
      {"User's group not permitted to use this partition", "--partition"},
      {"Invalid account or account/partition combination specified", "--account"},
      {"Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)", "--qos"},
      {"Invalid qos specification", "--qos"},
      {"Requested node configuration is not available", "--nodes"},
      {"Requested GRES option unsupported by configured SelectType plugin", "gpu_request"},
      {"Requested time limit is invalid (missing or exceeds some limit)", "--time"},
      {"Invalid feature specification", "--constraint"},
      {"Memory required by task is not available", "change the options"}};
  for (const auto& [words, advice] : kAdvice)
    EXPECT_THAT(operations::advice_on_refusal(words), HasSubstr(advice)) << words;
}

TEST(PendingReason, what_would_wait_for_ever_is_said_to) {
  for (const char* reason :
       {"PartitionConfig", "PartitionTimeLimit", "PartitionNodeLimit", "DependencyNeverSatisfied", "QOSMaxGRESPerJob",
        "QOSMaxNodePerJobLimit", "QOSMaxWallDurationPerJobLimit", "AssocMaxCpuPerJobLimit", "InvalidQOS",
        "BadConstraints", "MaxMemPerLimit", "AssociationTimeLimit", "QOSTimeLimit"}) {
    const auto explained = explain_reason(reason);
    EXPECT_THAT(explained.words, HasSubstr("for ever")) << reason;
    EXPECT_THAT(explained.advice, HasSubstr("resolute suite cancel")) << reason;
  }
  for (const char* reason :
       {"Resources", "QOSMaxGRESPerUser", "QOSGrpNodeLimit", "BeginTime", "Licenses", "MaxNodePerAccount"})
    EXPECT_THAT(explain_reason(reason).words, Not(HasSubstr("for ever"))) << reason;
}

}  // namespace
}  // namespace resolute::tests::pending_reason_test
