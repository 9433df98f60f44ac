//! \file
//! After its first batches loading takes no memory. This program counts: operator new, and where no sanitizer stands
//! between, malloc itself, so that libraries' calls are seen too.

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "datasets/loader/loader.h"
#include "tests/datasets/pack/raw_images.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
#define COUNTS_MALLOC 0
#else
#define COUNTS_MALLOC 1
#endif

namespace {

std::atomic<std::size_t> taken{0};

void* try_to_take(std::size_t bytes, std::size_t alignment) {
  ++taken;
  return alignment == 0 ? std::malloc(bytes == 0 ? 1 : bytes)
                        : std::aligned_alloc(alignment, (bytes + alignment) / alignment * alignment);
}
void* take(std::size_t bytes, std::size_t alignment) {
  void* block = try_to_take(bytes, alignment);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

// Not inlined: a compiler that sees free() behind delete, and not the malloc() behind new, calls them mismatched.
[[gnu::noinline]] void give_back(void* block) { std::free(block); }

}  // namespace

void* operator new(std::size_t bytes) { return take(bytes, 0); }
void* operator new[](std::size_t bytes) { return take(bytes, 0); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return take(bytes, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment) {
  return take(bytes, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return try_to_take(bytes, 0); }
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept { return try_to_take(bytes, 0); }
void operator delete(void* block) noexcept { give_back(block); }
void operator delete[](void* block) noexcept { give_back(block); }
void operator delete(void* block, std::size_t) noexcept { give_back(block); }
void operator delete[](void* block, std::size_t) noexcept { give_back(block); }
void operator delete(void* block, std::align_val_t) noexcept { give_back(block); }
void operator delete[](void* block, std::align_val_t) noexcept { give_back(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { give_back(block); }
void operator delete[](void* block, std::size_t, std::align_val_t) noexcept { give_back(block); }

#if COUNTS_MALLOC
extern "C" {
// NOLINTBEGIN(bugprone-reserved-identifier): glibc's own names of what is counted here
void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t count, std::size_t bytes);
void* __libc_realloc(void* block, std::size_t bytes);
// NOLINTEND(bugprone-reserved-identifier)
void* malloc(std::size_t bytes) {
  ++taken;
  return __libc_malloc(bytes);
}
void* calloc(std::size_t count, std::size_t bytes) {
  ++taken;
  return __libc_calloc(count, bytes);
}
void* realloc(void* block, std::size_t bytes) {
  ++taken;
  return __libc_realloc(block, bytes);
}
}
#endif

namespace resolute::datasets::loader_allocation_test {
namespace {

class LoaderAllocationTest : public testing::Test {
 protected:
  LoaderAllocationTest() : pack_(tests::open_small_pack(raw_)) {
    split_ = make_split(pack_, tests::small_split());  // mlr: HR images with their copies, and views of other sizes
    augmented_.train_rates = {2, 3};
    augmented_.pad = 2;
    augmented_.erasing = 0.5;
    augmented_.colours = {.jitter = 0.5,
                          .brightness = 0.2,
                          .contrast = 0.2,
                          .saturation = 0.2,
                          .hue = 0.1,
                          .policy = settings::ColourPolicy::kRandAugmentColour};
    prefetch_.copy_rates = {2, 3};
  }

  tests::RawImages raw_{6, 3};
  PackReader pack_;
  Split split_;
  LoaderOptions augmented_;
  PrefetchOptions prefetch_;
};

TEST_F(LoaderAllocationTest, what_is_counted_is_counted) {
  const std::size_t before = taken;
  ::operator delete(::operator new(8));  // a pair of expressions might be left out
  EXPECT_LT(before, taken);
}

// HR images, LR copies and views enlarged, plans, labels, rates; all three sizes of views come in the first batches.
TEST_F(LoaderAllocationTest, batches_after_the_first_take_no_memory) {
  for (const int lr_images : {0, 2}) {
    prefetch_.end_step = 60;
    PrefetchingLoader loader(pack_, split_, augmented_, {3, 4, lr_images}, prefetch_);
    for (int step = 0; step < 6; ++step) loader.next();  // and one or two are being loaded
    const std::size_t before = taken;
    std::size_t images = 0;
    for (int step = 6; step < 50; ++step) images += loader.next().items.size();
    const std::size_t after = taken;
    EXPECT_EQ(44U * 12U, images);
    EXPECT_EQ(0U, after - before) << "with " << lr_images << " LR images";
  }
}

// Each thread has working memory of its own and may come to need it late: as much as one alone needs, each, give or
// take the order in which sizes come; far less than one block a batch.
TEST_F(LoaderAllocationTest, memory_of_many_threads_does_not_grow_with_batches) {
  constexpr std::size_t kBatches = 3000;
  const auto taken_by = [&](int threads, std::size_t batches) {
    prefetch_.threads = threads;
    prefetch_.end_step = batches;
    const std::size_t before = taken;
    PrefetchingLoader loader(pack_, split_, augmented_, {3, 4, 0}, prefetch_);
    for (std::size_t step = 0; step < batches; ++step) loader.next();
    return taken - before;
  };
  const std::size_t alone = taken_by(1, 50);
  ASSERT_GT(kBatches, 6 * alone);
  EXPECT_GE(6 * alone, taken_by(3, kBatches));
}

TEST_F(LoaderAllocationTest, planning_into_room_that_is_there_takes_no_memory) {
  for (const int lr_images : {0, 2}) {
    BatchPlanner planner(split_, {2, 4, lr_images}, 1);
    std::vector<BatchItem> items;
    items.reserve(8);
    const std::size_t before = taken;
    for (std::uint64_t step = 0; step < 100; ++step) planner.plan(step, items);
    const std::size_t after = taken;
    EXPECT_EQ(0U, after - before);
  }
}

}  // namespace
}  // namespace resolute::datasets::loader_allocation_test
