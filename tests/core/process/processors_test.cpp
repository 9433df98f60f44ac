#include "core/process/processors.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>

#include "tests/support/temporary_folder.h"

namespace resolute::core::processors_test {
namespace {

TEST(Processors, are_those_of_the_affinity_mask) {
  EXPECT_GE(usable_processors(), 1);
  // On a thread of its own: the mask is a thread's, and the others keep theirs.
  std::thread([] {
    cpu_set_t all;
    CPU_ZERO(&all);
    ASSERT_EQ(0, ::sched_getaffinity(0, sizeof all, &all));
    EXPECT_EQ(usable_processors(), std::min(CPU_COUNT(&all), processor_quota().value_or(CPU_COUNT(&all))));
    for (int processor : usable_processor_numbers()) EXPECT_TRUE(CPU_ISSET(processor, &all));
    int first = 0;
    while (!CPU_ISSET(first, &all)) ++first;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    ASSERT_EQ(0, ::sched_setaffinity(0, sizeof one, &one));
    EXPECT_EQ(usable_processors(), 1);
    EXPECT_EQ(usable_processor_numbers(), std::vector<int>{first});
  }).join();
}

// \param files by path below the machine
int quota_of(const std::map<std::string, std::string>& files) {
  const tests::TemporaryFolder machine;
  for (const auto& [path, text] : files) {
    std::filesystem::create_directories((machine / path).parent_path());
    std::ofstream(machine / path) << text;
  }
  return processor_quota(machine.path()).value_or(0);
}

TEST(Processors, are_no_more_than_control_groups_give_time_of) {
  const std::string group = "proc/self/cgroup", root = "sys/fs/cgroup/";
  EXPECT_EQ(quota_of({}), 0) << "no bound";
  EXPECT_EQ(quota_of({{group, "0::/\n"}, {root + "cpu.max", "150000 100000\n"}}), 2) << "of a container";
  EXPECT_EQ(quota_of({{group, "0::/\n"}, {root + "cpu.max", "max 100000\n"}}), 0);
  EXPECT_EQ(
      quota_of(
          {{group, "0::/a/b\n"}, {root + "a/cpu.max", "100000 100000\n"}, {root + "a/b/cpu.max", "400000 100000\n"}}),
      1)
      << "a limit holds below its group";
  EXPECT_EQ(quota_of({{group, "5:memory:/x\n4:cpu,cpuacct:/a\n0::/\n"},
                      {root + "cpu/a/cpu.cfs_quota_us", "50000\n"},
                      {root + "cpu/a/cpu.cfs_period_us", "100000\n"}}),
            1)
      << "of version 1";
  EXPECT_EQ(quota_of({{group, "4:cpu:/\n"},
                      {root + "cpu/cpu.cfs_quota_us", "-1\n"},
                      {root + "cpu/cpu.cfs_period_us", "100000\n"}}),
            0);
  for (const char* broken : {"", "0 0", "100000", "nan 1", "-5 100000", "1e300 1e-300", "x"})
    EXPECT_EQ(quota_of({{group, "0::/\n"}, {root + "cpu.max", broken}}), 0) << broken;
}

}  // namespace
}  // namespace resolute::core::processors_test
