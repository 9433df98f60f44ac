#pragma once
//! \file
//! A value that whoever asks first makes, any thread. Unlike std::call_once it is tried again after an error, and one
//! that is there costs a load.

#include <atomic>
#include <mutex>

namespace resolute::datasets {

template <class T>
class Lazy {
 public:
  //! The value, made by `make()` unless it is there. Errors of `make` pass through; the next one then tries again.
  template <class Make>
  const T& get(const Make& make) const {
    if (!made_.load(std::memory_order_acquire)) {
      const std::lock_guard guard(lock_);
      if (!made_.load(std::memory_order_relaxed)) {
        value_ = make();
        made_.store(true, std::memory_order_release);
      }
    }
    return value_;
  }

 private:
  mutable std::mutex lock_;
  mutable std::atomic<bool> made_{false};
  mutable T value_{};
};

}  // namespace resolute::datasets
