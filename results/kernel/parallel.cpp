#include "results/kernel/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace resolute::results::kernel {

void parallel_for(std::size_t count, int threads, const std::function<void(std::size_t)>& body) {
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> failed = false;
  std::mutex mutex;
  std::size_t failed_piece = count;
  std::exception_ptr failure;
  auto run = [&] {
    while (!failed.load()) {
      std::size_t piece = next.fetch_add(1);
      if (piece >= count) return;
      try {
        body(piece);
      } catch (...) {
        std::lock_guard lock(mutex);
        failed = true;
        if (piece < failed_piece) {
          failed_piece = piece;
          failure = std::current_exception();
        }
      }
    }
  };
  std::size_t helpers = std::min(count, static_cast<std::size_t>(std::max(threads, 1)));
  {
    std::vector<std::jthread> others;
    for (std::size_t i = 1; i < helpers; ++i) others.emplace_back(run);
    run();
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace resolute::results::kernel
