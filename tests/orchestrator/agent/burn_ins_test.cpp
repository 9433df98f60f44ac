#include "orchestrator/agent/burn_ins.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "core/files/file_system.h"
#include "tests/support/temporary_folder.h"

namespace resolute::orchestrator::burn_ins_test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class BurnIns : public testing::Test {
 protected:
  // \param script of sh, with $cpu: the processors that it may run on
  std::vector<BurnIn> burn_in_by(const std::string& script, const Inventory& inventory, int slots = 8) {
    const auto path = folder_ / "worker";
    core::write_atomic(core::real_file_system(), path,
                       "#!/bin/sh\ncpu=$(sed -n 's/^Cpus_allowed_list:[^0-9]*//p' /proc/self/status)\n" + script);
    ::chmod(path.c_str(), 0755);
    return burn_in({path.string()}, inventory, slots, std::chrono::seconds(7), std::chrono::seconds(60));
  }
  static std::string answer(const std::string& digest, const std::string& images = "900") {
    return "echo '{\"digest\":\"" + digest + "\",\"free_mib\":800,\"images_a_minute\":" + images + "}'\n";
  }
  tests::TemporaryFolder folder_;
};

TEST_F(BurnIns, each_gpu_is_seen_alone_and_answers_for_itself) {
  const auto done = burn_in_by("test \"$*\" = 'burn-in cuda 7' || exit 3\n" + answer("$CUDA_VISIBLE_DEVICES") +
                                   "test $CUDA_VISIBLE_DEVICES = GPU-b && exit 1; exit 0\n",
                               {{0, 1}, {"GPU-a", "GPU-b"}, {}});
  ASSERT_THAT(done, SizeIs(2));
  EXPECT_EQ("GPU-a", done[0].gpu);
  EXPECT_EQ(900, done[0].images_a_minute);
  EXPECT_EQ(800, done[0].free_mib);
  EXPECT_THAT(done[0].problem, IsEmpty());
  EXPECT_THAT(done[1].digest, IsEmpty()) << "one that fails has none, whatever it wrote";
  EXPECT_THAT(done[1].problem, HasSubstr("exit code 1"));
}

TEST_F(BurnIns, processors_answer_together) {
  const Inventory two{{0, 1}, {}, {}};
  const auto alike = burn_in_by(answer("same"), two);
  ASSERT_THAT(alike, SizeIs(1));
  EXPECT_EQ("", alike[0].gpu);
  EXPECT_EQ("same", alike[0].digest);
  const auto unlike =
      burn_in_by("if [ $cpu = 1 ]; then " + answer("other", "30") + "else " + answer("same") + "fi\n", two);
  EXPECT_THAT(unlike[0].problem, HasSubstr("processors 0 and 1 computed other bits"));
  EXPECT_EQ("", unlike[0].digest);
  EXPECT_EQ(30, unlike[0].images_a_minute) << "the slowest";
  EXPECT_EQ("same", burn_in_by("if [ $cpu = 1 ]; then exit 1; fi\n" + answer("same"), two, 1)[0].digest)
      << "only as many processors as slots";
}

TEST_F(BurnIns, what_a_worker_says_is_read_before_it_is_believed) {
  for (const char* words : {"", "{}", "[]", "null", "\"aaaa\"", "{\"digest\":7}", "{\"digest\":\"\"}", "usage: run",
                            "{\"digest\":\"a\",\"images_a_minute\":-5,\"free_mib\":"}) {
    const auto done = burn_in_by(std::string("echo '") + words + "'", {{0}, {"0"}, {}});
    EXPECT_EQ("the worker knows no burn-in", done[0].problem) << words;
    EXPECT_EQ(0, done[0].images_a_minute) << words;
  }
  EXPECT_THAT(
      burn_in({"/no/such/worker"}, {{0}, {"0"}, {}}, 1, std::chrono::seconds(1), std::chrono::seconds(60))[0].problem,
      HasSubstr("/no/such/worker"));
}

TEST_F(BurnIns, one_that_hangs_has_failed) {
  const auto path = folder_ / "worker";
  core::write_atomic(core::real_file_system(), path, "#!/bin/sh\nsleep 1000\n");
  ::chmod(path.c_str(), 0755);
  const auto done = burn_in({path.string()}, {{0}, {"0"}, {}}, 1, std::chrono::seconds(0), std::chrono::seconds(1));
  EXPECT_EQ("no answer in time", done[0].problem);
  EXPECT_GE(done[0].took, Milliseconds(500)) << "the wait is counted";
}

TEST(SlowestLast, gpus_are_given_out_from_the_fastest_on_with_what_is_near_them) {
  const Inventory inventory{{}, {"a", "b", "c", "d"}, {{0}, {1}, {2}, {3}}, 0, 0, {"A", "B", "C", "D"}};
  const auto burned = [](const char* gpu, std::int64_t speed) { return BurnIn{gpu, "d", "", speed, 0, {}}; };
  const Inventory sorted = slowest_last(
      inventory, {burned("a", 300), burned("b", 900), BurnIn{"c", "", "it hangs", 0, 0, {}}, burned("d", 900)});
  EXPECT_THAT(sorted.gpus, testing::ElementsAre("b", "d", "a", "c"));
  EXPECT_THAT(sorted.near, testing::ElementsAre(std::vector{1}, std::vector{3}, std::vector{0}, std::vector{2}));
  EXPECT_THAT(sorted.models, testing::ElementsAre("B", "D", "A", "C"));
  EXPECT_THAT(slowest_last(inventory, {}).gpus, testing::ElementsAreArray(inventory.gpus));
}

}  // namespace
}  // namespace resolute::orchestrator::burn_ins_test
