// `resolute train`: one training without a coordinator.

#include "core/files/json.h"
#include "experiments/store/job_folder.h"
#include "tests/system/program.h"

namespace resolute::system_test::train_test {
namespace {

TEST(TrainCommand, two_process_ranks_without_a_coordinator_give_the_bits_of_a_suites_run) {
  ScratchFolder scratch;
  const fs::path suite_store = scratch / "suite";
  const fs::path train_store = scratch / "train";
  succeeded(resolute({"suite", "run", kTinySuite, "--store", suite_store, "--only", "rain"}));
  // Two shards and the seal: the pack alone. The rest is left undone, which is exit code 3.
  auto pack = resolute({"suite", "run", kTinySuite, "--store", train_store, "--only", "rain", "--max-jobs", "3"});
  ASSERT_EQ(code_of(pack), 3) << pack.err;

  const auto plan = json_of(resolute({"suite", "plan", kTinySuite, "--store", suite_store, "--json"}));
  std::string id;
  for (const auto& job : plan["jobs"])
    if (job["kind"] == "training" && job["specification"]["method"] == "rain" && id.empty()) {
      id = job["id"];
      write(scratch / "spec.json", job["specification"].dump());
    }
  ASSERT_FALSE(id.empty());
  succeeded(resolute({"train", scratch / "spec.json", "--store", train_store, "--ranks", "2", "--trace",
                      scratch / "trace.json", "--steps", "2..3"}));
  for (const char* trace : {"trace.json", "trace.rank1.json"})
    EXPECT_GT(json_of(scratch / trace).at("traceEvents").size(), 100) << trace;
  const fs::path result = fs::path("jobs") / id.substr(0, 2) / id / "result.json";
  EXPECT_EQ(text_of(train_store / result), text_of(suite_store / result));

  // Once more it only says what is there.
  auto again = resolute({"train", scratch / "spec.json", "--store", train_store, "--json"});
  EXPECT_EQ(again.out, text_of(train_store / result));
  EXPECT_EQ(experiments::stored_attempts(core::real_file_system(), train_store / "jobs" / id.substr(0, 2) / id),
            std::set<int>{1});
}

}  // namespace
}  // namespace resolute::system_test::train_test
