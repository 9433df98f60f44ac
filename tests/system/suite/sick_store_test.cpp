// The program on a store that fails or hangs for a while beneath it (tests/support/store_shim): no attempt is charged,
// and the tables have the bytes of a run that nobody disturbed. Workers see a store that is well.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cerrno>
#include <thread>

#include "core/files/json.h"
#include "tests/system/cluster/quick_suite.h"
#include "tests/system/tiny_suite.h"

namespace resolute::system_test::sick_store_test {
namespace {

using namespace std::chrono_literals;

struct Sickness {
  const char* name;
  std::string control;               // lines of the shim's control file
  std::chrono::milliseconds length;  // from the first call that it strikes
  bool said = true;                  // a line on standard error says that nothing is started
};

std::string line(const std::string& call, const std::string& where, int error_number,
                 std::chrono::milliseconds time = {}) {
  return fmt::format("{} {} {} {}\n", call, where, error_number, time.count());
}

const std::vector<Sickness>& sicknesses() {
  static const std::vector<Sickness> kAll = {
      {"input_output_errors",
       line("mkdir", "/jobs/", EIO) + line("link", "/claim", EIO) + line("open", "spec.json", EIO), 2s},
      {"a_full_disk", line("write", "*", ENOSPC) + line("mkdir", "*", ENOSPC) + line("link", "*", ENOSPC), 2s},
      {"stale_handles", line("*", "/jobs/", ESTALE), 2s},
      {"a_look_that_fails", line("stat", "result.json", EIO), 400ms},
      {"an_fsync_that_hangs", line("sync", "journal-", 0, 4s), 1s, false},
  };
  return kAll;
}

class SickStore : public testing::TestWithParam<Sickness> {
 protected:
  fs::path store() const { return scratch_ / "store"; }
  int results() const {
    int count = 0;
    std::error_code error;  // folders come and go
    for (fs::recursive_directory_iterator it(store() / "jobs", error), end; !error && it != end; it.increment(error))
      count += it->path().filename() == "result.json" ? 1 : 0;
    return count;
  }
  core::SpawnRequest run() const {
    const fs::path worker = scratch_ / "worker";
    std::ofstream(worker) << "#!/bin/sh\nunset LD_PRELOAD\nexec " << (kBin / "resolute-worker").string() << " \"$@\"\n";
    ::chmod(worker.c_str(), 0755);
    core::SpawnRequest request =
        program({kBin / "resolute", "suite", "run", kTinySuite, "--store", store(), "--slots", "2"});
    request.environment["LD_PRELOAD"] = kBin / "store_shim.so";
    request.environment["RESOLUTE_SHIM_FOLDER"] = store();
    request.environment["RESOLUTE_SHIM_CONTROL"] = scratch_ / "control";
    request.environment["RESOLUTE_WORKER"] = worker;
    return request;
  }
  ScratchFolder scratch_;
};

TEST_P(SickStore, charges_no_attempt_and_changes_no_byte) {
  const std::string calm = undisturbed_tables();
  std::thread disease([&] {
    EXPECT_TRUE(wait_until([&] { return results() > 0; }));
    write(scratch_ / "control", GetParam().control);
    EXPECT_TRUE(wait_until([&] { return fs::exists(scratch_ / "control.struck"); }));
    std::this_thread::sleep_for(GetParam().length);
    fs::remove(scratch_ / "control");
  });
  const CommandOutput output = core::run_command(run(), tests::kPatience);
  disease.join();
  EXPECT_EQ(code_of(output), 0) << output.err;
  EXPECT_EQ(tables_of(store()), calm);
  EXPECT_EQ(output.err.find("nothing is started until it answers again") != std::string::npos, GetParam().said)
      << output.err;
  int with_result = 0;
  for (const std::string& text : lines_of(resolute({"suite", "log", kTinySuite, "--store", store(), "--json"}).out)) {
    const auto event = core::parse_json(text, "log");
    if (event.at("type") == "attempt-ended") {
      EXPECT_EQ(event.at("event").at("cause"), "store-error") << text;
    }
    if (event.at("type") != "job-succeeded") continue;
    EXPECT_EQ(event.at("event").at("attempt"), 1) << text;
    ++with_result;
  }
  EXPECT_EQ(with_result, results());
}

INSTANTIATE_TEST_SUITE_P(Under, SickStore, testing::ValuesIn(sicknesses()),
                         [](const auto& asked) { return std::string(asked.param.name); });

// A store that spans several file systems (unionfs, some object stores) links within a folder alone.
TEST(StoreWithoutLinks, from_folder_to_folder_completes_a_suite) {
  for (const int error_number : {EXDEV, EMLINK, EOPNOTSUPP, EPERM}) {
    const ScratchFolder scratch;
    const fs::path suite = write_quick_suite(scratch.path(), "few", 2, 1), store = scratch / "store";
    auto environment = program_environment();
    environment["LD_PRELOAD"] = kBin / "store_shim.so";
    environment["RESOLUTE_SHIM_FOLDER"] = store;
    environment["RESOLUTE_SHIM_LINKS"] = std::to_string(error_number);
    const CommandOutput run =
        run_program({kBin / "resolute", "suite", "run", suite, "--store", store, "--slots", "2"}, environment);
    EXPECT_EQ(code_of(run), 0) << run.err;
    EXPECT_THAT(run.err, HasSubstr("6/6 done")) << error_number;
    EXPECT_TRUE(fs::exists(scratch / "store.struck")) << "no link was refused";
    EXPECT_TRUE(fs::exists(store / "suites/few/tables")) << error_number;
  }
}

}  // namespace
}  // namespace resolute::system_test::sick_store_test
