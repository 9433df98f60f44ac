//! \file
//! Our side of the loader's figures, and what bounds it. It works in turns, so that a driver can let two programs
//! alternate on one machine: it says "ready", then for each line on its standard input does one turn and prints a
//! figure, as JSON.
//!
//! bench_data_path_loader batches PACK [--threads T] [--lr 1]: batches of 64 augmented images, with their
//!   LR copies if so asked; images_per_second
//! bench_data_path_loader rows PACK --check 0|1: HR rows in random order by pread into one buffer, with or without
//!   their CRC; seconds and gigabytes_per_second
//! bench_data_path_loader memcpy PACK: the same rows from a copy of the shard in memory
//! bench_data_path_loader crc: CRC-32C of such rows, from memory
//! bench_data_path_loader store [--threads T]: float images as large as a batch's, written and never read: what the
//!   memory takes

#include <chrono>
#include <cstring>
#include <functional>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "bench/guarded_main.h"
#include "bench/options.h"
#include "bench/turns.h"
#include "core/error.h"
#include "core/files/file_system.h"
#include "core/hash/crc32c.h"
#include "core/random/random.h"
#include "datasets/loader/loader.h"
#include "datasets/loader/normalisation.h"
#include "datasets/pack/shard.h"

namespace resolute::datasets {
namespace {

constexpr std::size_t kRowsATurn = 4096;

struct Options {
  std::string what, pack;
  int threads = 1, lr = 0, check = 0, batches = 40;
};

Options parse(int argc, char** argv) {
  Options options;
  read_options(argc, argv,
               {{"--threads", &options.threads},
                {"--lr", &options.lr},
                {"--check", &options.check},
                {"--batches", &options.batches}},
               {&options.what, &options.pack});
  return options;
}

// Says "ready", then for each line does `turn`, which handles so many things of so many bytes; `before` and `after`
// each take no time of it.
template <class Turn>
void take_turns(
    const char* rate, std::size_t things, std::size_t bytes, Turn turn, const std::function<void()>& before = [] {},
    const std::function<void(double)>& after = [](double) {}) {
  resolute::take_turns([&] {
    before();
    const double seconds = seconds_of(turn);
    after(seconds);
    std::cout << "{\"seconds\": " << seconds << ", \"" << rate << "\": " << static_cast<double>(things) / seconds
              << ", \"gigabytes_per_second\": " << static_cast<double>(things * bytes) / seconds / 1e9 << "}"
              << std::endl;
  });
}

void load_batches(const Options& options) {
  const PackReader pack = PackReader::open(options.pack);
  SplitSettings of_split;
  of_split.lr_camera = 2;
  of_split.train_pool = TrainPool::kHrBothViews;  // every training image has its HR image
  const Split split = make_split(pack, of_split);
  LoaderOptions augmented;
  augmented.erasing = 0.5;
  PrefetchOptions prefetch;
  prefetch.end_step = ~std::uint64_t{0} >> 16;
  prefetch.lr = options.lr != 0;
  prefetch.threads = options.threads;
  PrefetchingLoader loader(pack, split, augmented, {16, 4, 0}, prefetch);
  const std::size_t floats = static_cast<std::size_t>(pack.options().height * pack.options().width * 3);
  const std::size_t images = prefetch.lr ? 2 : 1;
  // The batch that was loaded before the turn counts in none, and the one that is loaded after it takes no time of the
  // other side's.
  take_turns(
      "images_per_second", static_cast<std::size_t>(options.batches) * 64, floats * 4 * images,
      [&] {
        for (int i = 0; i < options.batches; ++i) {
          const LoadedBatch& batch = loader.next();
          if (batch.hr.size() != 64 * floats || batch.hr[0] != batch.hr[0]) throw core::ContractError("no batch");
        }
      },
      [&] { loader.next(); },
      [&](double seconds) {
        std::this_thread::sleep_for(std::chrono::duration<double>(1.5 * seconds / options.batches));
      });
}

// What an accumulator of its results keeps the compiler from leaving out.
volatile std::uint32_t sink = 0;

std::vector<std::size_t> random_rows(std::size_t rows) {
  core::RandomStream stream("bench rows", {rows});
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < kRowsATurn; ++i) order.push_back(static_cast<std::size_t>(stream.below(rows)));
  return order;
}

void read_rows(const Options& options) {
  const std::filesystem::path path = std::filesystem::path(options.pack) / "shard-00000.h5";
  const Shard shard(path);
  const auto file = core::real_file_system().open_for_read(path);
  const auto& size = shard.header().options;
  std::vector<std::uint8_t> row(static_cast<std::size_t>(size.height * size.width * 3));
  const std::vector<std::size_t> order = random_rows(shard.size());
  core::Bytes copy;
  if (options.what == "memcpy") {
    copy.resize(static_cast<std::size_t>(file->size()));
    file->read_at(0, copy);
  }
  take_turns("rows_per_second", order.size(), row.size(), [&] {
    for (const std::size_t number : order) {
      if (options.what == "memcpy")
        std::memcpy(row.data(), copy.data() + shard.hr_offset(number), row.size());
      else if (options.check != 0)
        shard.read_hr(number, row);
      else
        file->read_at(shard.hr_offset(number), std::as_writable_bytes(std::span(row)));
      sink = sink + row[number % row.size()];
    }
  });
}

void check_rows() {
  constexpr std::size_t kBytes = 256 * 128 * 3;
  const core::Bytes copy(kBytes * 1024, std::byte{7});
  const std::vector<std::size_t> order = random_rows(1024);
  take_turns("rows_per_second", order.size(), kBytes, [&] {
    for (const std::size_t number : order) sink = sink + core::crc32c(std::span(copy).subspan(number * kBytes, kBytes));
  });
}

void store_floats(const Options& options) {
  constexpr std::size_t kFloats = 256 * 128 * 3;
  const std::vector<std::uint8_t> levels(kFloats, 7);
  const BatchMemory memory[] = {host_memory(64 * kFloats * 4), host_memory(64 * kFloats * 4)};
  take_turns("images_per_second", 64 * 40, kFloats * 4, [&] {
    std::vector<std::thread> threads;
    for (int thread = 0; thread < options.threads; ++thread)
      threads.emplace_back([&, thread] {
        for (std::size_t i = static_cast<std::size_t>(thread); i < 64 * 40;
             i += static_cast<std::size_t>(options.threads))
          normalise_pixels(levels, reinterpret_cast<float*>(memory[i / 64 % 2].get()) + i % 64 * kFloats,
                           Store::kStreaming);
        finish_streaming();
      });
    for (std::thread& thread : threads) thread.join();
  });
}

void run(const Options& options) {
  if (options.what == "batches") return load_batches(options);
  if (options.what == "rows" || options.what == "memcpy") return read_rows(options);
  if (options.what == "crc") return check_rows();
  if (options.what == "store") return store_floats(options);
  throw core::input_error("'" + options.what + "' is not measured here", {},
                          "give batches, rows, memcpy, crc or store");
}

}  // namespace
}  // namespace resolute::datasets

int main(int argc, char** argv) {
  return resolute::guarded_main("bench_data_path_loader",
                                [&] { resolute::datasets::run(resolute::datasets::parse(argc, argv)); });
}
