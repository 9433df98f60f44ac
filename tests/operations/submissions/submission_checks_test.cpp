#include "operations/submissions/submission_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "orchestrator/journal/journal.h"
#include "tests/support/temporary_folder.h"

namespace resolute::operations::submission_checks_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// The nodes that are left out where the run before had set these hosts aside and sinfo lists these nodes.
std::vector<std::string> left_out(const std::vector<std::string>& hosts, const std::string& nodes) {
  const tests::TemporaryFolder folder;
  auto& files = core::real_file_system();
  const experiments::StoreLayout store(folder.path());
  files.create_directories(store.suite_folder("tiny"));
  orchestrator::JournalWriter journal(files, store.suite_folder("tiny"), {1, 0, std::string(32, 'a'), {}});
  journal.append(orchestrator::RunStarted{1, std::string(32, 'a'), "login", 17, -1, {}}, {});
  for (const std::string& host : hosts) journal.append(orchestrator::HostExcluded{host, "2 jobs failed there"}, {});
  journal.append(orchestrator::RunEnded{orchestrator::RunEnd::kInterrupted, ""}, {});
  journal.sync();
  slurm::Effects effects;
  effects.run = [&](const auto&, auto) { return core::CommandOutput{core::Exited{0}, nodes, "", false}; };
  slurm::SubmissionRequest request;
  request.suite = "tiny";
  leave_out_bad_nodes(files, effects, store, request);
  return request.left_out;
}

TEST(BadNodes, are_known_by_their_hosts_names_with_and_without_a_domain) {
  EXPECT_THAT(left_out({"n1.cluster.example"}, "n1\nn2\nn3\n"), ElementsAre("n1"));
  EXPECT_THAT(left_out({"n1"}, "n1.cluster.example\nn2.cluster.example\n"), ElementsAre("n1.cluster.example"));
  EXPECT_THAT(left_out({"n1.a"}, "n1\nn1.a\nn2\n"), ElementsAre("n1.a")) << "the whole name counts first";
}

TEST(BadNodes, of_another_machine_are_passed_over) {
  EXPECT_THAT(left_out({"n1.a"}, "n1.b\nn2\nn3\n"), IsEmpty());
  EXPECT_THAT(left_out({"n1"}, "n10\nn11\nn12\n"), IsEmpty());
  EXPECT_THAT(left_out({"n10.a"}, "n1\nn2\nn3\n"), IsEmpty());
}

TEST(BadNodes, stay_where_too_few_would_be_left) { EXPECT_THAT(left_out({"n1.a", "n2.a"}, "n1\nn2\n"), IsEmpty()); }

}  // namespace
}  // namespace resolute::operations::submission_checks_test
