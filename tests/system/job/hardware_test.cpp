// A GPU on which every job fails: the next run begins without it.

#include "tests/system/cluster/quick_suite.h"

namespace resolute::system_test::hardware_test {
namespace {

class Hardware : public testing::Test {
 protected:
  Hardware() {
    file_ = write_quick_suite(scratch_.path(), "few", 8, 1);
    std::string worker = kQuickWorker;
    const std::string training = "sleep 0.5\n";
    worker.insert(worker.find(training), R"(echo "$CUDA_VISIBLE_DEVICES" >>"$store/seen"
if [ "$CUDA_VISIBLE_DEVICES" = GPU-0bad ]; then echo "CUDA error: uncorrectable ECC error" >&2; exit 1; fi
)");
    write(scratch_ / "worker", worker);
  }
  CommandOutput suite(const std::string& command, const std::string& gpus, const Words& more = {}) const {
    auto environment = program_environment();
    environment["CUDA_VISIBLE_DEVICES"] = gpus;
    return run_program(joined({kBin / "resolute", "suite", command, file_, "--store", store()}, more), environment);
  }
  CommandOutput run(const std::string& gpus, int trials) const {
    return suite("run", gpus,
                 {"--slots", "2", "--gpus", "2", "--set", "device=cuda", "--set", fmt::format("trials={}", trials)});
  }
  int seen(const std::string& gpu) const {
    const auto lines = lines_of(text_of(store() / "seen"));
    return static_cast<int>(std::ranges::count(lines, gpu));
  }
  fs::path store() const { return scratch_ / "store"; }

  ScratchFolder scratch_;
  fs::path file_;
};

TEST_F(Hardware, that_a_run_set_aside_is_set_aside_in_the_next_one) {
  const CommandOutput first = run("GPU-0bad,GPU-900d", 8);
  ASSERT_EQ(code_of(first), 0) << first.err;
  const int before = seen("GPU-0bad");
  ASSERT_GE(before, 2) << first.err;
  EXPECT_THAT(first.err, HasSubstr("GPU-0bad is set aside"));

  const CommandOutput next = run("GPU-0bad,GPU-900d", 12);
  ASSERT_EQ(code_of(next), 0) << next.err;
  EXPECT_EQ(seen("GPU-0bad"), before) << "its time is not over: " << next.err;
  EXPECT_THAT(next.err, HasSubstr("set aside by the run before: GPU-0bad of "));
  EXPECT_THAT(next.err, HasSubstr("uncorrectable ECC error"));

  const CommandOutput replaced = run("GPU-0new,GPU-900d", 16);
  ASSERT_EQ(code_of(replaced), 0) << replaced.err;
  EXPECT_GE(seen("GPU-0new"), 1) << "another GPU is in its place";
}

}  // namespace
}  // namespace resolute::system_test::hardware_test
