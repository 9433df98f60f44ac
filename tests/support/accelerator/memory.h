#pragma once
//! \file
//! Memory of the simulated accelerator. A tensor's address lies in pages that nobody may touch; kernels reach the same
//! memory by other addresses. So a host that reads or writes a device's tensor dies on the spot, with its call stack.
//! Blocks are given out again as a GPU's caching allocator does: at once to the stream that they were taken on, and to
//! no stream before those have run that record_stream() named. New memory holds NaN.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tests/support/accelerator/streams.h"

namespace resolute::accelerator {

//! Memory that the process's tensors take, in multiples of 512 bytes. A block counts from when it is taken to when it
//! is given back. A pool counts with the most that its blocks took at once.
struct MemoryUse {
  std::uint64_t taken = 0, most = 0;  //!< bytes now, and at once since set_memory_limit()
  std::uint64_t limit = 0;
  std::uint64_t refusals = 0;  //!< in this process
};
MemoryUse memory_use();
//! Limits the blocks that are taken at once; `most` begins anew. \param bytes 0: as much as there are addresses
void set_memory_limit(std::uint64_t bytes);

//! A block for `stream`, filled with NaN by the stream itself. \throws c10::OutOfMemoryError beyond the limit
void* take_device_memory(std::size_t bytes, StreamKey stream);
void give_device_memory_back(void* address);
//! Blocks of `stream` are a pool of recordings from the first one that joins until as many have left.
void join_pool(StreamKey stream);
void leave_pool(StreamKey stream);
//! The block is in use on another stream than its own, too.
void use_on_stream(void* address, StreamKey stream);
//! The address by which kernels reach what a tensor's address names; null for null.
std::byte* contents(const void* address);
bool is_device_memory(const void* address);

//! Page-locked memory of the host, from which copies run late. Freed, it holds NaN once no copy needs it.
void* take_pinned_memory(std::size_t bytes);
void give_pinned_memory_back(void* address);
//! Whether an address lies in such a block.
bool is_pinned(const void* address);
//! Keeps a block, once it is given back, until the mark is reached. \param address its first byte
void keep_pinned_until(void* address, const MarkPointer& mark);

}  // namespace resolute::accelerator
