#pragma once
//! \file
//! Several pieces of work at a time: calls to a file system that is far away, the shards of a pack.

#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace resolute::core {

//! Calls work(0) to work(count - 1), up to `at_once` of them at a time, each once; returns when all have ended. The
//! caller's thread gets the help of as many others as can be had; all of them are gone when it returns. After a piece
//! has thrown no other begins; of several errors it throws the lowest piece's, whichever came first.
void side_by_side(std::size_t count, std::size_t at_once, const std::function<void(std::size_t)>& work);

//! How many calls to a store may be under way together for so many jobs.
std::size_t calls_at_once(std::size_t jobs);
//! The same with calls_at_once(count): a store that is far away answers many calls in the time of one.
void side_by_side(std::size_t count, const std::function<void(std::size_t)>& work);

//! Calls take(i, read(i)) for 0 to count - 1 in this order, in the caller's thread; calls_at_once() pieces are read
//! side by side and held together. Throws what either throws.
template <class Read, class Take>
void read_ahead(std::size_t count, const Read& read, const Take& take) {
  const std::size_t at_once = calls_at_once(count);
  for (std::size_t begin = 0; begin < count; begin += at_once) {
    std::vector<std::optional<std::invoke_result_t<Read, std::size_t>>> found(std::min(count - begin, at_once));
    side_by_side(found.size(), at_once, [&](std::size_t i) { found[i].emplace(read(begin + i)); });
    for (std::size_t i = 0; i < found.size(); ++i) take(begin + i, std::move(*found[i]));
  }
}

}  // namespace resolute::core
