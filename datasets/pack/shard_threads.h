#pragma once
//! \file
//! Work on the shards of a pack by several threads.

#include <cstddef>
#include <functional>

namespace resolute::datasets {

//! Calls `work(i)` for every i below `count`, on `threads` threads (the caller's among them), each shard by one of
//! them. \param threads 1 or more \throws what `work` throws; of several errors that of the lowest shard, whatever came
//! first. Shards behind one that failed may be left out
void for_each_shard(std::size_t count, int threads, const std::function<void(std::size_t)>& work);

//! The same with neighbours two at a time where that leaves something for every thread: calls `work(first, n)` for the
//! shards first to first + n - 1, n being 1 or 2.
void for_each_shard_pair(std::size_t count, int threads, const std::function<void(std::size_t, std::size_t)>& work);

}  // namespace resolute::datasets
