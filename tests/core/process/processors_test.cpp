#include "core/process/processors.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <thread>

namespace resolute::core::processors_test {
namespace {

TEST(Processors, are_those_of_the_affinity_mask) {
  EXPECT_GE(usable_processors(), 1);
  // On a thread of its own: the mask is a thread's, and the others keep theirs.
  std::thread([] {
    cpu_set_t all;
    CPU_ZERO(&all);
    ASSERT_EQ(0, ::sched_getaffinity(0, sizeof all, &all));
    EXPECT_EQ(usable_processors(), CPU_COUNT(&all));
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

}  // namespace
}  // namespace resolute::core::processors_test
