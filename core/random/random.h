#pragma once
//! \file
//! Counter-based random numbers: every draw is a pure function of its key and index, so no result depends on the order
//! in which images, batches or lanes are visited, nor on the standard library.
//! Source: Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011 (Philox4x32-10).

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

namespace resolute::core {

//! One block of Philox4x32-10.
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

//! A stream of draws keyed by a purpose and any number of integers, e.g. RandomStream("augment", {seed, epoch, index}).
//! The key is the SHA-256 of purpose and integers: streams of different keys are independent. Copyable; not
//! thread-safe.
class RandomStream {
 public:
  RandomStream(std::string_view purpose, std::initializer_list<std::uint64_t> key);
  std::uint64_t next_u64();
  //! Uniform in [0, bound), without modulo bias (rejection). bound > 0.
  std::uint64_t below(std::uint64_t bound);
  //! Uniform in [0, 1), 53 bits.
  double uniform();
  //! Fills each element as successive calls of uniform() would; several times as fast for many elements.
  void fill_uniform(std::span<double> to);
  //! Skips `draws` draws of next_u64() in constant time, so that parts of a stream can be drawn separately.
  void skip(std::uint64_t draws);
  //! Uniform in [low, high).
  double uniform(double low, double high);
  //! Standard normal by Box-Muller on two uniform draws; the value depends on libm's log, sqrt, cos only.
  double normal();
  //! Fisher-Yates from the back.
  template <class T>
  void shuffle(std::span<T> items) {
    for (std::size_t i = items.size(); i > 1; --i) {
      std::size_t j = static_cast<std::size_t>(below(i));
      std::swap(items[i - 1], items[j]);
    }
  }
  //! 0, 1, …, count - 1 in random order.
  std::vector<std::size_t> permutation(std::size_t count);

 private:
  std::array<std::uint32_t, 2> key_{};
  std::array<std::uint32_t, 4> counter_{};
  std::array<std::uint32_t, 4> block_{};
  int used_ = 4;
};

}  // namespace resolute::core
