// Work on shards by threads: each once, and whatever fails first, the error is that of the lowest.

#include "datasets/pack/shard_threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "core/error.h"

namespace resolute::datasets::shard_threads_test {
namespace {

TEST(ShardThreads, take_each_once) {
  for (const int threads : {1, 2, 7})
    for (const std::size_t count : {0U, 1U, 5U, 100U}) {
      std::vector<std::atomic<int>> taken(count);
      for_each_shard(count, threads, [&](std::size_t i) { ++taken[i]; });
      for (const std::atomic<int>& times : taken) EXPECT_EQ(1, times);
    }
}

TEST(ShardThreads, that_fail_say_what_the_lowest_says) {
  for (const int threads : {2, 4, 16}) {
    std::atomic<bool> later_failed = false;
    try {
      for_each_shard(64, threads, [&](std::size_t i) {
        if (i != 3 && i != 5) return;
        // The lower one fails after the higher one has.
        if (i == 3)
          while (!later_failed) std::this_thread::yield();
        later_failed = true;
        throw core::input_error("shard " + std::to_string(i));
      });
      ADD_FAILURE() << "nothing was thrown";
    } catch (const core::RuntimeError& error) {
      EXPECT_NE(std::string(error.what()).find("shard 3"), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace resolute::datasets::shard_threads_test
