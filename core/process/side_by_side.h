#pragma once
//! \file
//! Several pieces of work at a time: calls to a file system that is far away, the shards of a pack.

#include <cstddef>
#include <functional>

namespace resolute::core {

//! Calls work(0) to work(count - 1), up to `at_once` of them at a time, each once; returns when all have ended. The
//! caller's thread gets the help of as many others as can be had; all of them are gone when it returns. After a piece
//! has thrown no other begins; of several errors it throws the lowest piece's, whichever came first.
void side_by_side(std::size_t count, std::size_t at_once, const std::function<void(std::size_t)>& work);

}  // namespace resolute::core
