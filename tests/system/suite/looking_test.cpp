// What `resolute suite watch` does to the store that it looks at: nothing.

#include <mutex>
#include <set>

#include "cli/suite/arguments.h"
#include "cli/watch/store_reader.h"
#include "core/files/file_system.h"
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
  fs::path store = scratch / "store";
  if (const auto shared = shared_undisturbed_store())
    store = *shared;
  else
    run_undisturbed(store);
  Observed files;
  cli::StoreReader reader(files, experiments::StoreLayout(store), plan_of(store), false);
  const core::Json first = reader.look();
  EXPECT_EQ(first.at("status").at("complete"), true);
  EXPECT_GT(files.reads, 30);
  EXPECT_EQ(first, reader.look()) << "maps that were made already are the same";
  EXPECT_EQ(files.writes, std::vector<std::string>{});
  EXPECT_EQ(first, json_of(resolute({"suite", "report", kTinySuite, "--store", store, "--json"})));
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
