#include "datasets/pack/shard_threads.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "core/error.h"

namespace resolute::datasets {

void for_each_shard(std::size_t count, int threads, const std::function<void(std::size_t)>& work) {
  RESOLUTE_EXPECT(threads >= 1, "work needs a thread");
  std::atomic<std::size_t> next{0};
  std::mutex lock;
  std::size_t failed = count;
  std::exception_ptr failure;
  const auto run = [&] {
    for (std::size_t i = next++; i < count; i = next++) {
      try {
        work(i);
      } catch (...) {
        // Shards are taken in order: every one before this one is done or in work, and may yet be the lowest to fail.
        const std::lock_guard guard(lock);
        if (i < failed) {
          failed = i;
          failure = std::current_exception();
        }
        next = count;
      }
    }
  };
  std::vector<std::jthread> others;
  for (std::size_t i = 1; i < std::min(count, static_cast<std::size_t>(threads)); ++i) others.emplace_back(run);
  run();
  others.clear();
  if (failure) std::rethrow_exception(failure);
}

void for_each_shard_pair(std::size_t count, int threads, const std::function<void(std::size_t, std::size_t)>& work) {
  if (count < 2 * static_cast<std::size_t>(threads))
    for_each_shard(count, threads, [&](std::size_t i) { work(i, 1); });
  else
    for_each_shard((count + 1) / 2, threads,
                   [&](std::size_t i) { work(2 * i, std::min<std::size_t>(2, count - 2 * i)); });
}

}  // namespace resolute::datasets
