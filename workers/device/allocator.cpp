#include "workers/device/allocator.h"

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace resolute::workers {
namespace {

// The heap grows into what is taken and freed here: the advice stays with the addresses. They stay with the heap, but
// nothing is touched, so no memory is used up; a system that does not lend so many addresses keeps small pages. One
// that counts every address taken (overcommit_memory = 2) would count these, and is left alone.
void advise_huge_pages() {
  if (std::ifstream policy("/proc/sys/vm/overcommit_memory"); policy.get() == '2') return;
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const std::size_t size = static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES)) / 2 * page;
  void* heap = std::malloc(size);
  if (heap == nullptr) return;
  void* begin = heap;
  std::size_t room = size;
  if (std::align(page, size - page, begin, room) != nullptr) madvise(begin, size - page, MADV_HUGEPAGE);
  std::free(heap);
}

}  // namespace

void keep_freed_memory() {
  constexpr int kGrowth = 64 << 20;
  // Without mappings of their own large tensors stay in the heap; glibc's threshold for them ends at 32 MiB.
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, -1);
  mallopt(M_TOP_PAD, kGrowth);
  advise_huge_pages();
}

}  // namespace resolute::workers
