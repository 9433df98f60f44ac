//! \file
//! Ingesting, opening and verifying packs, and what bounds them. It works in turns, so that a driver can let two
//! programs alternate on one machine: it says "ready", then for each line on its standard input does one turn and
//! prints a figure, as JSON.
//!
//! bench_data_path_ingest ingest RAW --to FOLDER [--threads T]: all images of RAW (Market-1501's layout) into the
//!   shards of a pack: decoded, resampled, checksummed, written, fsynced; images_per_second
//! bench_data_path_ingest seal RAW --to FOLDER [--threads T]: the same and the seal, which reads all again and takes
//!   the SHA-256 of each shard
//! bench_data_path_ingest peer RAW: the same pixels by libjpeg-turbo and PyTorch's antialiased resize of 8-bit images,
//!   from files in memory into memory that is used again, one thread; images_per_second
//! bench_data_path_ingest same RAW: the largest difference between the two sides' pixels; difference
//! bench_data_path_ingest verify PACK [--threads T] --cold 0|1: verify_pack(), after the pages of its files have been
//!   given back where cold; seconds
//! bench_data_path_ingest read PACK --cold 0|1: the bytes of its files read and nothing else; seconds
//! bench_data_path_ingest sha [--threads T]: SHA-256 of blocks of 16 KiB over and over, as `openssl speed` takes it;
//!   gigabytes_per_second
//! bench_data_path_ingest open PACK: opening it; milliseconds
//! bench_data_path_ingest rows PACK: opening it until all rows of the manifest are there; milliseconds

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
// jpeglib.h needs FILE and size_t declared before it.
#include <jpeglib.h>

#include <filesystem>
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
#include "core/hash/sha256.h"
#include "core/process/side_by_side.h"
#include "datasets/image/low_resolution.h"
#include "datasets/pack/pack.h"
#include "datasets/sources/source.h"
#include "networks/torch.h"

namespace resolute::datasets {
namespace {

namespace fs = std::filesystem;

constexpr int kHeight = 256;
constexpr int kWidth = 128;
constexpr int kRates[] = {2, 3, 4};
constexpr int kShards = 8;

struct Options {
  std::string what, path, to;
  int threads = 1, cold = 0;
};

Options parse(int argc, char** argv) {
  Options options;
  read_options(argc, argv, {{"--threads", &options.threads}, {"--cold", &options.cold}, {"--to", &options.to}},
               {&options.what, &options.path});
  return options;
}

using Figure = std::pair<std::string, double>;
using Turn = std::function<Figure()>;

Turn ingest(const Options& options, bool sealed) {
  auto& files = core::real_file_system();
  PackSettings pack;
  pack.name = "bench";
  pack.source = settings::Source::kMarket1501;
  pack.rates.assign(std::begin(kRates), std::end(kRates));
  pack.height = kHeight;
  pack.width = kWidth;
  pack.shards = kShards;
  const fs::path root = options.path, to = options.to;
  const auto samples = list_samples(files, pack.source, root);
  const std::shared_ptr<const RawReader> raw = open_raw(files, pack.source, root);
  const int threads = options.threads;
  return [=, &files]() -> Figure {
    fs::remove_all(to);
    const double seconds = seconds_of([&] {
      core::side_by_side(kShards, static_cast<std::size_t>(threads), [&](std::size_t shard) {
        write_shard(files, *raw, samples, pack, static_cast<int>(shard), to);
      });
      if (sealed) seal_pack(files, to, pack, threads);
    });
    return {"images_per_second", static_cast<double>(samples.size()) / seconds};
  };
}

std::vector<core::Bytes> raw_files(const fs::path& root) {
  auto& files = core::real_file_system();
  const auto raw = open_raw(files, settings::Source::kMarket1501, root);
  std::vector<core::Bytes> all;
  for (const Sample& sample : list_samples(files, settings::Source::kMarket1501, root))
    all.push_back(raw->read(sample.path));
  return all;
}

// The peer: a bare loop. No file is checked, no error handled, nothing allocated from one image to the next but what
// PyTorch does by itself.
class Peer {
 public:
  Peer() {
    decoder_.err = jpeg_std_error(&errors_);
    jpeg_create_decompress(&decoder_);
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  ~Peer() { jpeg_destroy_decompress(&decoder_); }

  //! hr, lr_2, lr_3, lr_4, views at 2, 3, 4: 1×3×h×w, channels-last.
  std::vector<at::Tensor> images(const core::Bytes& file) {
    const at::Tensor native = decode(file);
    std::vector<at::Tensor> made{resized(native, kHeight, kWidth)};
    for (int rate : kRates) made.push_back(resized(made.front(), kHeight / rate, kWidth / rate));
    for (int rate : kRates) made.push_back(resized(native, native.size(2) / rate, native.size(3) / rate));
    return made;
  }

 private:
  at::Tensor decode(const core::Bytes& file) {
    jpeg_mem_src(&decoder_, reinterpret_cast<const unsigned char*>(file.data()),
                 static_cast<unsigned long>(file.size()));
    jpeg_read_header(&decoder_, TRUE);
    decoder_.out_color_space = JCS_RGB;
    decoder_.dct_method = JDCT_ISLOW;
    jpeg_start_decompress(&decoder_);
    const at::Tensor pixels =
        at::empty({1, decoder_.output_height, decoder_.output_width, 3}, at::TensorOptions(at::kByte));
    auto* to = pixels.mutable_data_ptr<std::uint8_t>();
    std::vector<JSAMPROW> rows;
    for (JDIMENSION y = 0; y < decoder_.output_height; ++y)
      rows.push_back(to + std::size_t{y} * decoder_.output_width * 3);
    while (decoder_.output_scanline < decoder_.output_height)
      jpeg_read_scanlines(&decoder_, &rows[decoder_.output_scanline],
                          decoder_.output_height - decoder_.output_scanline);
    jpeg_finish_decompress(&decoder_);
    return pixels.permute({0, 3, 1, 2});
  }
  static at::Tensor resized(const at::Tensor& image, std::int64_t height, std::int64_t width) {
    return at::_upsample_bilinear2d_aa(image, {height, width}, false);
  }

  jpeg_error_mgr errors_{};
  jpeg_decompress_struct decoder_{};
};

Turn peer(const Options& options) {
  at::set_num_threads(1);
  const auto files = std::make_shared<std::vector<core::Bytes>>(raw_files(options.path));
  const auto loop = std::make_shared<Peer>();
  return [=]() -> Figure {
    const at::InferenceMode inference;
    const double seconds = seconds_of([&] {
      for (const core::Bytes& file : *files) loop->images(file);
    });
    return {"images_per_second", static_cast<double>(files->size()) / seconds};
  };
}

Turn same(const Options& options) {
  return [=]() -> Figure {
    Peer loop;
    int most = 0;
    for (const core::Bytes& file : raw_files(options.path)) {
      const Image native = decode_image(file, "raw");
      const Image hr = resize(native, kHeight, kWidth, Kernel::kTriangle);
      std::vector<Image> ours{hr};
      for (int rate : kRates) ours.push_back(low_resolution_view(hr, rate, Kernel::kTriangle));
      for (int rate : kRates) ours.push_back(low_resolution_view(native, rate, Kernel::kTriangle));
      const std::vector<at::Tensor> theirs = loop.images(file);
      for (std::size_t i = 0; i < ours.size(); ++i) {
        const at::Tensor pixels = theirs[i].permute({0, 2, 3, 1}).contiguous();
        RESOLUTE_EXPECT(pixels.numel() == static_cast<std::int64_t>(ours[i].pixels.size()), "another size");
        const auto* value = pixels.const_data_ptr<std::uint8_t>();
        for (const std::uint8_t expected : ours[i].pixels) most = std::max(most, std::abs(*value++ - expected));
      }
    }
    return {"difference", most};
  };
}

// The pages of the pack's files are given back: whoever reads them next reads the disk.
void evict(const fs::path& pack) {
  for (const auto& entry : fs::directory_iterator(pack)) {
    const int file = ::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0 || ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED) != 0 || ::close(file) != 0)
      throw core::system_error("cannot give back the pages of '" + entry.path().string() + "'", errno);
  }
}

Turn verify(const Options& options) {
  return [=]() -> Figure {
    if (options.cold != 0) evict(options.path);
    return {"seconds", seconds_of([&] { verify_pack(core::real_file_system(), options.path, options.threads); })};
  };
}

Turn read(const Options& options) {
  return [=]() -> Figure {
    if (options.cold != 0) evict(options.path);
    core::Bytes buffer(std::size_t{1} << 20);
    return {"seconds", seconds_of([&] {
              for (const auto& entry : fs::directory_iterator(options.path)) {
                const int file = ::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC);
                while (::read(file, buffer.data(), buffer.size()) > 0) continue;
                ::close(file);
              }
            })};
  };
}

Turn sha(const Options& options) {
  return [=]() -> Figure {
    constexpr std::size_t kBlock = std::size_t{16} << 10, kBlocks = 30000;
    const double seconds = seconds_of([&] {
      std::vector<std::jthread> threads;
      for (int i = 0; i < options.threads; ++i)
        threads.emplace_back([] {
          const core::Bytes block(kBlock);
          core::Sha256 hash;
          for (std::size_t n = 0; n < kBlocks; ++n) hash.update(std::span<const std::byte>(block));
          hash.finish();
        });
    });
    return {"gigabytes_per_second", static_cast<double>(kBlock * kBlocks) * options.threads / seconds / 1e9};
  };
}

Turn open(const Options& options, bool rows) {
  return [=]() -> Figure {
    std::size_t count = 0;
    const double seconds = seconds_of([&] {
      const PackReader pack = PackReader::open(options.path);
      count = rows ? pack.rows().size() : pack.size();
    });
    if (count == 0) throw core::input_error("the pack is empty");
    return {"milliseconds", seconds * 1e3};
  };
}

Turn turn_of(const Options& options) {
  if (options.what == "ingest" || options.what == "seal") return ingest(options, options.what == "seal");
  if (options.what == "peer") return peer(options);
  if (options.what == "same") return same(options);
  if (options.what == "verify") return verify(options);
  if (options.what == "read") return read(options);
  if (options.what == "sha") return sha(options);
  if (options.what == "open" || options.what == "rows") return open(options, options.what == "rows");
  throw core::input_error("unknown part '" + options.what + "'",
                          "give ingest, seal, peer, same, verify, read, sha, open or rows");
}

}  // namespace
}  // namespace resolute::datasets

int main(int argc, char** argv) {
  return resolute::guarded_main("bench_data_path_ingest", [&] {
    const auto turn = resolute::datasets::turn_of(resolute::datasets::parse(argc, argv));
    resolute::take_turns([&] {
      const auto [name, value] = turn();
      std::cout << "{\"" << name << "\": " << value << "}" << std::endl;
    });
  });
}
