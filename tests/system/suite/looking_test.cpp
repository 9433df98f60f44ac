// What `resolute suite watch` does to the store that it looks at: nothing.

#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include "cli/results/store_reader.h"
#include "cli/suite/arguments.h"
#include "core/files/file_system.h"
#include "core/process/process.h"
#include "orchestrator/journal/owner.h"
#include "orchestrator/store/live.h"
#include "orchestrator/store/wall_clock.h"
#include "tests/support/watched_file_system.h"
#include "tests/system/tiny_suite.h"

namespace resolute::system_test::looking_test {
namespace {

// Counts reads, and keeps the names of all other calls.
class Observed final : public tests::WatchedFileSystem {
 public:
  int reads = 0;
  std::vector<std::string> writes;

 protected:
  void before(Call call, const fs::path& path) override {
    if (call == kRead || call == kExists || call == kList)
      ++reads;
    else
      writes.push_back(fmt::format("call {} of '{}'", static_cast<int>(call), path.string()));
  }
};

experiments::Plan plan_of(const fs::path& store) {
  const auto arguments = cli::parse_suite_arguments({kTinySuite, "--store", store.string()}, {"", "", ""}, {});
  return arguments->plan(false);
}

TEST(Looking, asks_of_the_store_for_nothing_but_reads_and_sees_what_is_there) {
  ScratchFolder scratch;
  const fs::path store = undisturbed_store(scratch);
  Observed files;
  cli::StoreReader reader(files, experiments::StoreLayout(store), plan_of(store), false);
  const core::Json first = reader.look();
  EXPECT_EQ(first.at("status").at("complete"), true);
  EXPECT_GT(files.reads, 30);
  EXPECT_EQ(first, reader.look()) << "maps that were made already are the same";
  EXPECT_EQ(files.writes, std::vector<std::string>{});
  EXPECT_EQ(first, json_of(resolute({"suite", "report", kTinySuite, "--store", store, "--json"})));
}

// What a coordinator of another machine leaves that was lost: its last word is a training's beginning, and whether its
// process lives this machine cannot see.
void lose_a_run_elsewhere(const fs::path& store) {
  const fs::path suite_folder = store / "suites/tiny";
  auto& files = core::real_file_system();
  const pid_t run = core::spawn_process(program({kBin / "resolute", "suite", "run", kTinySuite, "--store", store,
                                                 "--slots", "1", "--set", "train.steps=100000"}));
  EXPECT_TRUE(wait_until([&] { return orchestrator::read_live(files, suite_folder).has_value(); }));
  ::kill(run, SIGKILL);
  ::waitpid(run, nullptr, 0);
  auto owner = orchestrator::read_owner(files, suite_folder, 1);
  ASSERT_TRUE(owner);
  owner->host = "elsewhere";
  owner->boot = "another";
  orchestrator::write_owner(files, suite_folder, 1, *owner);
}

TEST(Looking, sees_that_a_run_of_another_machine_has_fallen_silent) {
  ScratchFolder scratch;
  const fs::path store = scratch / "store", suite_folder = store / "suites/tiny";
  lose_a_run_elsewhere(store);
  auto& files = core::real_file_system();
  cli::StoreReader reader(files, experiments::StoreLayout(store), plan_of(store), false);
  const auto status = [&](std::chrono::seconds ago) {
    orchestrator::LiveStatus live;
    live.epoch = 1;
    live.at = orchestrator::wall_clock() - ago;
    orchestrator::write_live(files, suite_folder, live);
    return reader.look().at("status");
  };
  for (const auto& [ago, silent] : {std::pair{2, false}, {25, true}, {3, false}}) {
    const core::Json seen = status(std::chrono::seconds(ago));
    EXPECT_EQ(seen.at("live"), true);
    EXPECT_EQ(seen.at("silent"), silent) << "heard of " << ago << " s ago";
  }
}

TEST(Looking, at_a_store_without_the_suite_makes_no_folder_of_it) {
  ScratchFolder scratch;
  Observed files;
  cli::StoreReader reader(files, experiments::StoreLayout(scratch.path()), plan_of(scratch.path()), false);
  EXPECT_EQ(reader.look().at("status").at("complete"), false);
  EXPECT_EQ(files.writes, std::vector<std::string>{});
  EXPECT_TRUE(fs::is_empty(scratch.path()));
}

}  // namespace
}  // namespace resolute::system_test::looking_test
