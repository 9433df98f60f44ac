#pragma once
//! \file
//! Memory for hundreds of megabytes that are moved at once, such as a checkpoint's file: whole pages, large ones where
//! the kernel has them, so that touching it for the first time costs a hundredth of the page faults.

#include <cstddef>
#include <span>

namespace resolute::core {

class PageMemory {
 public:
  //! At least `bytes` bytes, zero, aligned to 2 MiB. Pages come into being when they are first touched.
  //! \throws RuntimeError (kEnvironment) if there is not so much memory
  explicit PageMemory(std::size_t bytes);
  ~PageMemory();
  PageMemory(const PageMemory&) = delete;
  PageMemory& operator=(const PageMemory&) = delete;

  std::span<std::byte> bytes() const { return {data_, size_}; }
  std::size_t size() const { return size_; }
  //! Touches every page; what is in them does not change. Not while another thread writes to it.
  void touch();

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  void* mapped_ = nullptr;
  std::size_t mapped_size_ = 0;
};

}  // namespace resolute::core
