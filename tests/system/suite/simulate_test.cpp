// `resolute suite simulate` as a user calls it.

#include "core/files/json.h"
#include "tests/support/record_text.h"
#include "tests/system/program.h"

namespace resolute::system_test::simulate_test {
namespace {

TEST(SuiteSimulate, of_the_published_workload_says_the_same_twice) {
  const std::vector<std::string> call{"suite",   "simulate", "--workload", "published", "--jobs", "300",
                                      "--nodes", "16",       "--mtbf",     "24",        "--json"};
  const CommandOutput first = succeeded(resolute(call)), second = succeeded(resolute(call));
  EXPECT_EQ(first.out, second.out);
  const core::Json report = core::parse_json(first.out, "the report");
  EXPECT_EQ(report["jobs"]["succeeded"], 300);
  EXPECT_GT(report["node_failures"], 0);
  EXPECT_GT(report["goodput"], 0.5);
  EXPECT_LE(report["goodput"], report["optimum_goodput"]);
}

TEST(SuiteSimulate, of_a_suite_runs_every_copy_of_its_jobs_without_a_store_and_writes_nothing) {
  tests::TemporaryFolder folder;
  const auto jobs = [&](const char* copies) {
    const CommandOutput output =
        succeeded(resolute({"suite", "simulate", kTinySuite.string(), "--nodes", "2", "--replicate", copies, "--store",
                            folder.path().string(), "--json"}));
    const core::Json report = core::parse_json(output.out, "the report");
    EXPECT_EQ(report["jobs"]["succeeded"], report["jobs"]["total"]);
    return report["jobs"]["total"].get<int>();
  };
  const int once = jobs("1");
  EXPECT_GT(once, 0);
  EXPECT_EQ(jobs("3"), 3 * once);
  EXPECT_TRUE(fs::is_empty(folder.path()));
  succeeded(resolute({"suite", "simulate", kTinySuite.string()}));
}

TEST(SuiteSimulate, of_what_is_missing_leaves_out_jobs_that_have_a_result) {
  tests::TemporaryFolder folder;
  const auto simulate = [&] {
    return resolute(
        {"suite", "simulate", kTinySuite.string(), "--missing", "--store", folder.path().string(), "--json"});
  };
  const auto total = [](const CommandOutput& output) {
    return core::parse_json(output.out, "the report")["jobs"]["total"].get<std::size_t>();
  };
  const CommandOutput planned =
      resolute({"suite", "plan", kTinySuite.string(), "--store", folder.path().string(), "--json"});
  const core::Json jobs = core::parse_json(planned.out, "the plan")["jobs"];
  EXPECT_EQ(total(simulate()), jobs.size());
  std::size_t left = jobs.size();
  for (const core::Json& job : jobs) {
    const auto id = job["id"].get<std::string>();
    const fs::path of_job = folder.path() / "jobs" / id.substr(0, 2) / id;
    fs::create_directories(of_job);
    std::ofstream(of_job / "result.json") << tests::record_text_of(id, job["kind"].get<std::string>());
    if (--left == 0) break;
    EXPECT_EQ(total(simulate()), left);
  }
  EXPECT_NE(simulate().err.find("nothing is left to simulate"), std::string::npos);
}

TEST(SuiteSimulate, refuses_what_it_cannot_simulate) {
  EXPECT_EQ(code_of(resolute({"suite", "simulate", "--workload", "other"})), 2);
  EXPECT_EQ(code_of(resolute({"suite", "simulate", "--workload", "published", "--nodes", "0"})), 2);
  for (const auto& [option, value] :
       {std::pair("--nodes", "20001"), {"--slots-per-node", "100001"}, {"--gpus-per-node", "100001"}})
    expect_refusal(resolute({"suite", "simulate", "--workload", "published", option, value}), 2,
                   std::string(option) + " " + value + " is too large");
  EXPECT_EQ(code_of(resolute({"suite", "simulate", "--workload", "published", "--mtbf", "-1"})), 2);
  EXPECT_EQ(code_of(resolute({"suite", "simulate", "--workload", "published", "--jobs", "0"})), 2);
}

}  // namespace
}  // namespace resolute::system_test::simulate_test
