#include "core/process/page_memory.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstdint>
#include <limits>

#include "core/error.h"

namespace resolute::core {
namespace {

constexpr std::size_t kLargePage = std::size_t{2} << 20;
constexpr std::size_t kSmallPage = 4096;

}  // namespace

PageMemory::PageMemory(std::size_t bytes) {
  const auto refused = [&](int error) { return system_error(fmt::format("no memory for {} bytes", bytes), error); };
  if (bytes > std::numeric_limits<std::size_t>::max() - 2 * kLargePage) throw refused(ENOMEM);
  size_ = (bytes + kLargePage - 1) / kLargePage * kLargePage;
  // One large page more than is needed holds an aligned start.
  mapped_size_ = size_ + kLargePage;
  mapped_ = ::mmap(nullptr, mapped_size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped_ == MAP_FAILED) throw refused(errno);
  const auto address = reinterpret_cast<std::uintptr_t>(mapped_);
  data_ = static_cast<std::byte*>(mapped_) + (kLargePage - address % kLargePage) % kLargePage;
  // A kernel without large pages refuses; the memory is as good, only slower at first touch.
  static_cast<void>(::madvise(data_, size_, MADV_HUGEPAGE));
}

PageMemory::~PageMemory() { ::munmap(mapped_, mapped_size_); }

void PageMemory::touch() {
  for (std::size_t at = 0; at < size_; at += kSmallPage) {
    volatile std::byte& page = data_[at];
    page = page;
  }
}

}  // namespace resolute::core
