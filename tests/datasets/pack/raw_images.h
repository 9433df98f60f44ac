#pragma once
//! \file
//! A few raw images of noise, with known identities and cameras, and packs made of them.

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "core/random/random.h"
#include "datasets/image/image.h"
#include "datasets/pack/pack.h"
#include "datasets/split/split.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace resolute::tests {

inline datasets::Image noise_image(int height, int width, std::uint64_t seed) {
  datasets::Image image = datasets::make_image(height, width);
  core::RandomStream stream("noise", {seed});
  for (auto& value : image.pixels) value = static_cast<std::uint8_t>(stream.below(256));
  return image;
}

// `identities` × 2 cameras × `images` PNG files of differing sizes; identities from 1; the first half is the train
// subset.
class RawImages {
 public:
  explicit RawImages(int identities = 3, int images = 2, int height = 20, int width = 10) {
    auto& files = core::real_file_system();
    for (int identity = 1; identity <= identities; ++identity)
      for (int camera = 1; camera <= 2; ++camera)
        for (int number = 0; number < images; ++number) {
          std::string path = fmt::format("{:04}_c{}_{}.png", identity, camera, number);
          auto image = noise_image(height + identity % 3, width + camera, samples_.size());
          core::write_atomic(files, root() / path, datasets::encode_png(image));
          std::string subset = identity <= identities / 2 ? "train" : camera == 1 ? "gallery" : "query";
          samples_.push_back({path, identity, camera, subset});
        }
  }
  fs::path root() const { return folder_ / "raw"; }
  datasets::RawFolder reader() const { return {core::real_file_system(), root()}; }
  fs::path pack(const std::string& name = "pack") const { return folder_ / name; }
  const TemporaryFolder& folder() const { return folder_; }
  const std::vector<datasets::Sample>& samples() const { return samples_; }

 private:
  TemporaryFolder folder_;
  std::vector<datasets::Sample> samples_;
};

//! Raw images of chosen sizes and samples.
struct ChosenImages {
  TemporaryFolder folder;
  std::vector<datasets::Sample> samples;

  void add(const datasets::Sample& sample, int height, int width) {
    core::write_atomic(core::real_file_system(), folder / "raw" / sample.path,
                       datasets::encode_png(noise_image(height, width, samples.size())));
    samples.push_back(sample);
  }
  datasets::PackReader pack(datasets::PackSettings options) {
    const datasets::RawFolder reader(core::real_file_system(), folder / "raw");
    std::ranges::sort(samples, [](const datasets::Sample& a, const datasets::Sample& b) { return a.path < b.path; });
    for (int shard = 0; shard < options.shards; ++shard)
      datasets::write_shard(core::real_file_system(), reader, samples, options, shard, folder / "pack");
    datasets::seal_pack(core::real_file_system(), folder / "pack", options);
    return datasets::PackReader::open(folder / "pack");
  }
};

inline datasets::PackSettings small_options(int shards = 1) {
  return {
      .name = "noise", .source = settings::Source::kCsv, .rates = {2, 3}, .height = 12, .width = 6, .shards = shards};
}

inline datasets::SealResult make_pack(const RawImages& raw, const datasets::PackSettings& options,
                                      const fs::path& folder) {
  auto& files = core::real_file_system();
  for (int shard = options.shards - 1; shard >= 0; --shard)
    datasets::write_shard(files, raw.reader(), raw.samples(), options, shard, folder);
  return datasets::seal_pack(files, folder, options);
}

//! A pack of `raw`, open.
inline datasets::PackReader open_small_pack(const RawImages& raw,
                                            const datasets::PackSettings& options = small_options()) {
  make_pack(raw, options, raw.pack());
  return datasets::PackReader::open(raw.pack());
}

//! A split that a small pack has the rates for.
inline datasets::SplitSettings small_split() { return {.query_rates = {2, 3}}; }

inline core::Bytes file_bytes(const fs::path& path) { return core::real_file_system().read(path); }

//! The bytes of each file in a folder, by name.
inline std::map<std::string, core::Bytes> contents(const fs::path& folder) {
  std::map<std::string, core::Bytes> bytes;
  for (const auto& name : core::real_file_system().list(folder)) bytes[name] = file_bytes(folder / name);
  return bytes;
}

inline void overwrite(const fs::path& path, std::span<const std::byte> bytes) {
  auto file = core::real_file_system().open_for_write(path, core::OpenMode::kTruncate);
  file->write(bytes);
  file->close();
}

// Changes one byte in place; the same call again restores it. (Writing whole files anew costs a flush each on ext4.)
inline void flip_byte(const fs::path& path, std::uint64_t at, unsigned char mask) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(at));
  int byte = file.get();
  file.seekp(static_cast<std::streamoff>(at));
  file.put(static_cast<char>(byte ^ mask));
  file.close();
  if (!file) throw core::system_error("cannot flip a byte", EIO);
}

// Expects `run()` to throw a RuntimeError of this kind whose message has all of `parts` in it.
template <class Run>
void expect_error(core::ErrorKind kind, const std::vector<std::string>& parts, Run run) {
  const std::string message = refusal(run, kind);
  EXPECT_NE(message, "") << "nothing was thrown";
  for (const auto& part : parts) EXPECT_THAT(message, testing::HasSubstr(part));
}

}  // namespace resolute::tests
