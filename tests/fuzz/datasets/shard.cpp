// A shard of a pack as it stands, with the checksums that HDF5 keeps of its metadata put right, and with those of the
// rows put right too: refused, or the pack that it was made as.
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>

#include "core/files/file_system.h"
#include "datasets/hdf5/checksum.h"
#include "datasets/hdf5/layout.h"
#include "datasets/pack/pack.h"
#include "tests/fuzz/targets.h"
#include "tests/support/folders.h"

namespace resolute::tests::shard_fuzzer {
namespace {

namespace fs = std::filesystem;

const fs::path kCorpus = tests::source_folder() / "tests/fuzz/corpus";

struct Contents {
  std::vector<datasets::PackRow> rows;
  std::vector<datasets::Image> images;
  bool operator==(const Contents&) const = default;
};

// A pack folder of this process with one shard.
class Folder {
 public:
  explicit Folder(const core::Bytes& pack_json) {
    std::string pattern = (fs::temp_directory_path() / "resolute-fuzz-XXXXXX").string();
    require(::mkdtemp(pattern.data()) != nullptr, "cannot make a temporary folder");
    path_ = pattern;
    for (const char* name : {"pack.json", "shard-00000.h5"}) std::ofstream(path_ / name, std::ios::binary);
    overwrite("pack.json", pack_json);
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  Contents read(const core::Bytes& shard) const {
    overwrite("shard-00000.h5", shard);
    const datasets::PackReader pack = datasets::PackReader::open(path_);
    const datasets::PackSettings& options = pack.options();
    Contents contents{pack.rows(), {}};
    for (std::size_t row = 0; row < pack.size(); ++row)
      for (const int rate : options.rates) {
        pack.read_lr(row, rate, contents.images.emplace_back());
        require(contents.images.back().height == std::max(options.height / rate, 1), "an image of another size");
        pack.read_view(row, rate, contents.images.emplace_back());
      }
    pack.verify_shards(1);
    return contents;
  }
  fs::path shard() const { return path_ / "shard-00000.h5"; }

 private:
  // In place: ext4 flushes a file to the disk that was cut to nothing and written anew.
  void overwrite(const char* name, const core::Bytes& bytes) const {
    std::fstream file(path_ / name, std::ios::in | std::ios::out | std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    file.close();
    fs::resize_file(path_ / name, bytes.size());
  }
  fs::path path_;
};

// One pack of the corpus: what it says, and where its checksums stand.
struct Original {
  std::unique_ptr<Folder> folder;
  core::Bytes shard;
  Contents contents;
  std::vector<std::pair<std::size_t, std::size_t>> metadata;  // begin and end; the checksum stands behind it
  struct Rows {
    std::size_t at, row_bytes, count, crc_at;
  };
  std::vector<Rows> rows;
};

// HDF5's checksummed blocks, found by where a checksum is right.
std::vector<std::pair<std::size_t, std::size_t>> metadata_blocks(const core::Bytes& bytes) {
  constexpr std::size_t kLongest = 8192;
  std::vector<std::pair<std::size_t, std::size_t>> blocks{{0, 44}};
  const std::string_view text = core::as_text(bytes);
  for (const char* signature : {"OHDR", "OCHK"})
    for (std::size_t at = text.find(signature); at != std::string_view::npos; at = text.find(signature, at + 1))
      for (std::size_t end = at + 8; end + 4 <= std::min(bytes.size(), at + kLongest); ++end) {
        std::uint32_t stored = 0;
        std::memcpy(&stored, bytes.data() + end, sizeof stored);
        if (datasets::hdf5::metadata_checksum(std::span(bytes).subspan(at, end - at)) != stored) continue;
        blocks.emplace_back(at, end);
        break;
      }
  return blocks;
}

void repair_metadata(core::Bytes& bytes, const Original& original) {
  for (const auto& [begin, end] : original.metadata) {
    if (end + 4 > bytes.size()) continue;
    const std::uint32_t value = datasets::hdf5::metadata_checksum(std::span(bytes).subspan(begin, end - begin));
    std::memcpy(bytes.data() + end, &value, sizeof value);
  }
}

void repair_rows(core::Bytes& bytes, const Original& original) {
  for (const Original::Rows& array : original.rows)
    for (std::size_t row = 0; row < array.count; ++row) {
      const std::size_t at = array.at + row * array.row_bytes, crc_at = array.crc_at + row * 4;
      if (at + array.row_bytes <= bytes.size() && crc_at + 4 <= bytes.size())
        repair(bytes, crc_at, std::span(bytes).subspan(at, array.row_bytes));
    }
}

Original original_of(const std::string& name) {
  auto& files = core::real_file_system();
  Original original{
      std::make_unique<Folder>(files.read(kCorpus / "pack" / name)), files.read(kCorpus / "shard" / name), {}, {}, {}};
  original.contents = original.folder->read(original.shard);
  original.metadata = metadata_blocks(original.shard);
  const auto arrays = datasets::hdf5::read_layout(original.folder->shard());
  for (const auto& array : arrays)
    for (const auto& crc : arrays)
      // Of lr_view, whose images have lengths of their own, the checksums stay.
      if (crc.layout.name == "crc32c/" + array.layout.name && array.layout.name != "lr_view") {
        const std::uint64_t count = crc.layout.bytes() / 4;
        original.rows.push_back({array.offset, array.layout.bytes() / count, count, crc.offset});
      }
  core::Bytes repaired = original.shard;
  repair_metadata(repaired, original);
  repair_rows(repaired, original);
  require(repaired == original.shard && original.metadata.size() > original.rows.size(),
          "the checksums of a shard are elsewhere");
  return original;
}

const std::vector<Original>& originals() {
  static const std::vector<Original> kOriginals = [] {
    std::vector<Original> all;
    for (const std::string& name : core::real_file_system().list(kCorpus / "shard"))
      if (name.starts_with("good-")) all.push_back(original_of(name));
    return all;
  }();
  return kOriginals;
}

// The pack that the bytes were made from: they are about as many.
const Original& nearest(const core::Bytes& bytes) {
  const auto distance = [&](const Original& one) {
    return std::max(one.shard.size(), bytes.size()) - std::min(one.shard.size(), bytes.size());
  };
  return *std::min_element(originals().begin(), originals().end(),
                           [&](const Original& a, const Original& b) { return distance(a) < distance(b); });
}

}  // namespace

RESOLUTE_FUZZER(shard, .rounds = 10'000)(std::string_view input) {
  const core::Bytes bytes = bytes_of(input);
  const Original& original = nearest(bytes);
  core::Bytes changed = bytes;
  repair_metadata(changed, original);
  understood([&] {
    require(original.folder->read(changed) == original.contents || !kFewChanges,
            "HDF5's metadata was changed, and other rows were read");
  });
  repair_rows(changed, original);
  understood([&] {
    require(original.folder->read(changed).rows.size() == original.contents.rows.size() || !kFewChanges,
            "rows were lost");
  });
  return understood([&] {
    require(original.folder->read(bytes) == original.contents || !kFewChanges, "a damaged shard read otherwise");
  });
}

}  // namespace resolute::tests::shard_fuzzer
