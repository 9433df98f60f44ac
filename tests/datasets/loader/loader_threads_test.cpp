//! \file
//! Prefetching with any number of threads: the same bytes in the same order, the same error, memory from whom the
//! caller names.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "datasets/loader/loader.h"
#include "tests/datasets/pack/raw_images.h"

namespace resolute::datasets::loader_threads_test {
namespace {

using tests::expect_error;

constexpr std::size_t kFloats = 12 * 6 * 3;

class LoaderThreadsTest : public testing::Test {
 protected:
  LoaderThreadsTest() : pack_(tests::open_small_pack(raw_)), split_(make_split(pack_, tests::small_split())) {
    augmented_.train_rates = {2, 3};
    augmented_.pad = 3;
    augmented_.erasing = 0.5;
    augmented_.seed = 4;
  }
  PrefetchOptions steps(std::uint64_t count, int threads) const {
    return {.end_step = count, .copy_rates = {3, 2}, .threads = threads};
  }
  static std::vector<float> floats(std::span<const float> images) { return {images.begin(), images.end()}; }

  tests::RawImages raw_{6, 3};
  PackReader pack_;
  Split split_;
  LoaderOptions augmented_;
  BatchShape shape_{3, 4, 1};
};

TEST_F(LoaderThreadsTest, no_byte_and_no_order_depends_on_their_number) {
  for (const int threads : {2, 3, 16, 0}) {
    SCOPED_TRACE(threads);
    PrefetchingLoader one(pack_, split_, augmented_, shape_, steps(40, 1));
    PrefetchingLoader many(pack_, split_, augmented_, shape_, steps(40, threads));
    for (std::uint64_t step = 0; step < 40; ++step) {
      const LoadedBatch& a = one.next();
      const LoadedBatch& b = many.next();
      ASSERT_EQ(step, b.step);
      ASSERT_EQ(12 * kFloats, b.hr.size());
      ASSERT_EQ(BatchPlanner(split_, shape_, augmented_.seed).plan(step), b.items);
      ASSERT_EQ(a.lr_rates, b.lr_rates);
      ASSERT_EQ(a.labels, b.labels);
      ASSERT_EQ(a.has_hr, b.has_hr);
      ASSERT_EQ(floats(a.hr), floats(b.hr));
      ASSERT_EQ(floats(a.lr), floats(b.lr));
      ASSERT_EQ(2U, b.copies.size());
      for (std::size_t i = 0; i < 2; ++i) ASSERT_EQ(floats(a.copies[i]), floats(b.copies[i]));
    }
    EXPECT_THROW(many.next(), core::ContractError);
  }
}

TEST_F(LoaderThreadsTest, a_batch_stays_as_it_is_until_the_next_one_is_asked_for) {
  PrefetchingLoader loader(pack_, split_, augmented_, shape_, steps(30, 3));
  Loader alone(pack_, augmented_);
  for (std::uint64_t step = 0; step < 30; ++step) {
    const LoadedBatch& batch = loader.next();
    std::vector<float> hr(batch.hr.size());
    // While the threads load the next one.
    for (std::size_t i = 0; i < batch.items.size(); ++i)
      alone.fill_item<float>(split_, batch.items[i],
                             std::span(hr).subspan(i * alone.image_floats(), alone.image_floats()), {});
    ASSERT_EQ(hr, floats(batch.hr));
  }
}

TEST_F(LoaderThreadsTest, a_rank_without_items_gets_empty_batches) {
  PrefetchOptions none = steps(5, 2);
  none.items = {12, 12};
  PrefetchingLoader loader(pack_, split_, augmented_, shape_, none);
  for (std::uint64_t step = 0; step < 5; ++step) {
    const LoadedBatch& batch = loader.next();
    EXPECT_EQ(step, batch.step);
    EXPECT_TRUE(batch.items.empty() && batch.hr.empty() && batch.lr.empty());
  }
  EXPECT_THROW(loader.next(), core::ContractError);
}

TEST_F(LoaderThreadsTest, they_end_at_any_time) {
  for (const int threads : {1, 3})
    for (int taken = 0; taken < 4; ++taken) {
      PrefetchingLoader loader(pack_, split_, augmented_, shape_, steps(1000, threads));
      for (int i = 0; i < taken; ++i) loader.next();
    }
}

// Every HR row but one image's is damaged, so most images fail; the one that is named is what one thread meets first.
TEST_F(LoaderThreadsTest, the_error_is_that_of_the_first_image_and_whole_batches_before_it_arrive) {
  PrefetchOptions hr_alone = steps(200, 1);
  hr_alone.lr = false;
  hr_alone.copy_rates.clear();
  // Rows that some batches need and others do not: those of the identity that comes last.
  BatchPlanner planner(split_, {1, 2, 0}, augmented_.seed);
  std::vector<std::size_t> good;
  for (std::uint64_t step = 0; step < 2; ++step)
    for (const BatchItem& item : planner.plan(step)) good.push_back(split_.train[item.item].row);
  const fs::path shard = raw_.pack() / "shard-00000.h5";
  const core::Bytes bytes = tests::file_bytes(shard);
  for (std::size_t row = 0; row < pack_.size(); ++row) {
    if (std::ranges::find(good, row) != good.end()) continue;
    std::vector<std::uint8_t> pixels(kFloats);
    pack_.read_hr(row, pixels);
    const auto found = std::search(bytes.begin(), bytes.end(), std::as_bytes(std::span(pixels)).begin(),
                                   std::as_bytes(std::span(pixels)).end());
    ASSERT_NE(bytes.end(), found);
    tests::flip_byte(shard, static_cast<std::uint64_t>(found - bytes.begin()), 1);
  }
  std::map<std::string, std::set<std::uint64_t>> seen;  // message, batches that came before it
  for (const int threads : {1, 2, 5, 16})
    for (int again = 0; again < 5; ++again) {
      hr_alone.threads = threads;
      PrefetchingLoader loader(pack_, split_, augmented_, {1, 2, 0}, hr_alone);
      std::uint64_t whole = 0;
      std::string message;
      while (message.empty()) try {
          loader.next();
          ++whole;
        } catch (const core::RuntimeError& error) {
          EXPECT_EQ(core::ErrorKind::kCorrupt, error.kind());
          message = error.what();
        }
      seen[message].insert(whole);
      EXPECT_THROW(loader.next(), core::RuntimeError);
    }
  ASSERT_EQ(1U, seen.size());
  ASSERT_EQ(1U, seen.begin()->second.size());
  EXPECT_LE(2U, *seen.begin()->second.begin());
}

TEST_F(LoaderThreadsTest, memory_comes_from_whom_the_caller_names_for_two_batches_and_goes_back) {
  struct Block {
    std::size_t bytes;
    bool given_back = false;
  };
  std::map<const std::byte*, Block> blocks;
  PrefetchOptions options = steps(30, 2);
  options.allocate = [&](std::size_t bytes) {
    const BatchMemory memory = host_memory(bytes);
    std::byte* const at = memory.get();
    blocks[at] = {bytes};
    return BatchMemory(at, [&blocks, memory](std::byte* block) { blocks.at(block).given_back = true; });
  };
  {
    PrefetchingLoader loader(pack_, split_, augmented_, shape_, options);
    EXPECT_EQ(8U, blocks.size());  // HR, LR and two copies, twice
    std::set<const float*> used;
    for (std::uint64_t step = 0; step < 30; ++step) {
      const LoadedBatch& batch = loader.next();
      for (const auto images : {batch.hr, batch.lr, batch.copies[0], batch.copies[1]}) {
        ASSERT_EQ(1U, blocks.count(reinterpret_cast<const std::byte*>(images.data())));
        ASSERT_EQ(images.size() * sizeof(float), blocks.at(reinterpret_cast<const std::byte*>(images.data())).bytes);
        used.insert(images.data());
      }
    }
    EXPECT_EQ(8U, used.size());
    EXPECT_EQ(8U, blocks.size());
    for (const auto& [at, block] : blocks) EXPECT_FALSE(block.given_back);
  }
  for (const auto& [at, block] : blocks) EXPECT_TRUE(block.given_back);
}

TEST_F(LoaderThreadsTest, memory_that_a_caller_kept_serves_again_once_it_has_let_go) {
  std::atomic<int> taken = 0, held = 0;
  PrefetchOptions options = steps(200, 2);
  options.kept = 2;
  options.allocate = [&](std::size_t bytes) {
    const BatchMemory memory = host_memory(bytes);
    ++taken;
    ++held;
    return BatchMemory(memory.get(), [&held, memory](std::byte*) { --held; });
  };
  PrefetchingLoader loader(pack_, split_, augmented_, shape_, options);
  std::deque<std::pair<LoadedBatch, std::vector<float>>> kept;
  const auto keep = [&](std::size_t batches) {
    const LoadedBatch& batch = loader.next();
    kept.emplace_back(batch, floats(batch.hr));
    while (kept.size() > batches) {
      EXPECT_EQ(kept.front().second, floats(kept.front().first.hr));
      kept.pop_front();
    }
  };
  // Batches of four buffers: three in the loader, as many to spare at most, those that are kept and the one on its way.
  for (int step = 0; step < 100; ++step) keep(4);
  EXPECT_GE((3 + 3 + 4 + 1) * 4, taken.load());
  for (int step = 100; step < 130; ++step) keep(30);
  EXPECT_LE(30 * 4, held.load());
  for (int step = 130; step < 140; ++step) keep(0);
  EXPECT_GE((3 + 3 + 1) * 4, held.load());
}

TEST_F(LoaderThreadsTest, options_that_cannot_be_are_refused) {
  const auto refused = [&](auto change) {
    PrefetchOptions options = steps(3, 1);
    change(options);
    EXPECT_THROW(PrefetchingLoader(pack_, split_, augmented_, shape_, options), core::ContractError);
  };
  refused([](PrefetchOptions& options) { options.threads = -1; });
  refused([](PrefetchOptions& options) { options.items = {4, 13}; });
  refused([](PrefetchOptions& options) { options.allocate = [](std::size_t) { return BatchMemory(); }; });
  refused([](PrefetchOptions& options) {
    options.allocate = [](std::size_t bytes) {
      const BatchMemory memory = host_memory(bytes + 4);
      return BatchMemory(memory, memory.get() + 4);
    };
  });
  const auto full = [](std::size_t) -> BatchMemory { throw core::RuntimeError(core::ErrorKind::kEnvironment, "full"); };
  PrefetchOptions options = steps(3, 2);
  options.allocate = full;
  expect_error(core::ErrorKind::kEnvironment, {"full"},
               [&] { PrefetchingLoader(pack_, split_, augmented_, shape_, options); });
}

}  // namespace
}  // namespace resolute::datasets::loader_threads_test
