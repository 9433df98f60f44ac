// Whatever happens to the bytes of a pack, a reader says so or returns what was written; it never crashes or lies.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "core/hash/crc32c.h"
#include "datasets/hdf5/layout.h"
#include "datasets/pack/pack.h"
#include "datasets/pack/shard_layout.h"
#include "tests/datasets/pack/raw_images.h"

namespace resolute::datasets::pack_damage_test {
namespace {

using namespace tests;

struct Contents {
  std::vector<PackRow> rows;
  std::vector<Image> images;
  bool operator==(const Contents&) const = default;
};

Contents read_all(const fs::path& folder) {
  PackReader pack = PackReader::open(folder);
  Contents contents{pack.rows(), {}};
  for (std::size_t i = 0; i < pack.size(); ++i)
    for (int rate : {1, 2, 3}) {
      pack.read_lr(i, rate, contents.images.emplace_back());
      pack.read_view(i, rate, contents.images.emplace_back());
    }
  return contents;
}

class PackDamage : public testing::Test {
 protected:
  PackDamage() { make_pack(raw_, small_options(), raw_.pack()); }
  fs::path shard() const { return raw_.pack() / "shard-00000.h5"; }
  RawImages raw_{3, 1, 9, 5};
};

TEST_F(PackDamage, every_flipped_byte_of_a_shard_is_noticed_or_harmless) {
  const Contents expected = read_all(raw_.pack());
  const std::size_t size = file_bytes(shard()).size();
  int noticed = 0;
  int tried = 0;
  // All of the header's bytes; of the rest every eleventh, which meets every array (the next test has them all).
  for (std::size_t i = 0; i < size; i += i < 4096 ? 1 : 11, ++tried) {
    flip_byte(shard(), i, 0x5a);
    if (error_of([&] { EXPECT_EQ(expected, read_all(raw_.pack())) << "byte " << i; })) ++noticed;
    EXPECT_THROW(verify_pack(core::real_file_system(), raw_.pack()), core::RuntimeError) << "byte " << i;
    flip_byte(shard(), i, 0x5a);
  }
  EXPECT_EQ(expected, read_all(raw_.pack()));
  EXPECT_GT(noticed, tried / 2);
}

TEST_F(PackDamage, every_byte_of_the_arrays_is_guarded) {
  for (const auto& array : hdf5::read_layout(shard())) {
    for (std::uint64_t at = 0; at<array.layout.bytes(); at += array.layout.bytes()> 64 ? 7 : 1) {
      flip_byte(shard(), array.offset + at, 1);
      EXPECT_THROW(read_all(raw_.pack()), core::RuntimeError) << array.layout.name << " byte " << at;
      flip_byte(shard(), array.offset + at, 1);
    }
  }
}

TEST_F(PackDamage, all_damage_leads_to_what_names_all_damage) {
  const auto expect_led = [&](const std::string& what) {
    expect_error(core::ErrorKind::kCorrupt, {"shard-00000.h5", what, "; `resolute store check --store STORE` names"},
                 [&] { verify_pack(core::real_file_system(), raw_.pack()); });
  };
  flip_byte(shard(), 20, 1);  // in the superblock
  expect_led("metadata");
  flip_byte(shard(), 20, 1);
  const std::uint64_t row = hdf5::read_layout(shard()).front().offset;
  flip_byte(shard(), row, 1);
  expect_led("checksum");
  std::filesystem::remove(shard());
  expect_led("lacks");
}

TEST_F(PackDamage, verify_names_shard_row_and_data_set) {
  const auto arrays = hdf5::read_layout(shard());
  ASSERT_EQ(1, std::ranges::count_if(arrays, [](const auto& array) { return array.layout.name == "lr_2"; }));
  for (const auto& array : arrays) {
    if (array.layout.name != "lr_2") continue;
    flip_byte(shard(), array.offset + array.layout.bytes() / 6 * 4, 0x80);
    expect_error(core::ErrorKind::kCorrupt, {"shard-00000.h5", "row 4", "'lr_2'"},
                 [&] { verify_pack(core::real_file_system(), raw_.pack()); });
  }
}

// A value whose checksum is right: written, not damaged.
TEST_F(PackDamage, a_native_size_that_no_image_has_is_refused) {
  const auto place = [&](const std::string& name) {
    for (const auto& array : hdf5::read_layout(shard()))
      if (array.layout.name == name) return array.offset;
    throw core::input_error("no data set " + name);
  };
  constexpr std::size_t kRow = 2;
  for (const std::string name : {"native_height", "native_width"}) {
    const std::uint64_t value_at = place(name) + kRow * 4, crc_at = place(crc_name(name)) + kRow * 4;
    const auto write = [&](std::int32_t value) {
      core::Bytes bytes = file_bytes(shard());
      std::memcpy(bytes.data() + value_at, &value, sizeof(value));
      const std::uint32_t crc = core::crc32c(std::span(bytes).subspan(value_at, sizeof(value)));
      std::memcpy(bytes.data() + crc_at, &crc, sizeof(crc));
      overwrite(shard(), bytes);
    };
    for (const std::int32_t value : {0, -1, kMaxImageSide + 1, std::numeric_limits<std::int32_t>::max(),
                                     std::numeric_limits<std::int32_t>::min()}) {
      write(value);
      expect_error(core::ErrorKind::kCorrupt, {"shard-00000.h5", "row 2", "native size", std::to_string(value)},
                   [&] { PackReader::open(raw_.pack()).rows(); });
    }
    for (const std::int32_t value : {kMaxImageSide, 1}) {
      write(value);
      const PackRow row = PackReader::open(raw_.pack()).row(kRow);
      EXPECT_EQ(value, name == "native_height" ? row.native_height : row.native_width);
    }
  }
}

// A row that a manifest could not have does not get through with mended checksums either.
TEST_F(PackDamage, a_row_that_no_manifest_may_have_is_refused) {
  const auto arrays = hdf5::read_layout(shard());
  const auto place = [&](const std::string& name) {
    return std::ranges::find_if(arrays, [&](const auto& array) { return array.layout.name == name; });
  };
  const core::Bytes intact = file_bytes(shard());
  const auto refused = [&](const std::string& name, std::span<const std::byte> value, const char* why) {
    constexpr std::size_t kRow = 2;
    const std::size_t row_bytes = place(name)->layout.bytes() / raw_.samples().size();
    core::Bytes bytes = intact;
    const auto row = std::span(bytes).subspan(place(name)->offset + kRow * row_bytes, row_bytes);
    std::copy(value.begin(), value.end(), row.begin());
    const std::uint32_t crc = core::crc32c(row);
    std::memcpy(bytes.data() + place(crc_name(name))->offset + kRow * sizeof crc, &crc, sizeof crc);
    overwrite(shard(), bytes);
    expect_error(core::ErrorKind::kCorrupt, {"shard-00000.h5", "row 2", why},
                 [&] { PackReader::open(raw_.pack()).rows(); });
  };
  for (const std::int64_t number : {std::int64_t{-1}, std::numeric_limits<std::int64_t>::max()})
    for (const char* name : {"identity", "camera"}) refused(name, std::as_bytes(std::span(&number, 1)), name);
  for (const std::string_view path : {"../", "/", "a\\", "\n", "0000"})
    refused("path", core::as_byte_span(path), "path");
  overwrite(shard(), intact);
  EXPECT_EQ(PackReader::open(raw_.pack()).size(), raw_.samples().size());
}

TEST_F(PackDamage, a_truncated_shard_is_refused_at_every_length) {
  const core::Bytes bytes = file_bytes(shard());
  for (std::size_t size = 0; size < bytes.size(); size += size < 4096 ? 13 : 97) {
    overwrite(shard(), std::span(bytes).first(size));
    EXPECT_THROW(read_all(raw_.pack()), core::RuntimeError) << size;
  }
  fs::remove(shard());
  expect_error(core::ErrorKind::kCorrupt, {"lacks 'shard-00000.h5'"}, [&] { read_all(raw_.pack()); });
}

TEST_F(PackDamage, a_shard_cut_while_it_is_open_is_an_error_and_no_signal) {
  PackReader pack = PackReader::open(raw_.pack());
  fs::resize_file(shard(), 512);
  Image image;
  expect_error(core::ErrorKind::kCorrupt, {"shard-00000.h5", "ends after"}, [&] { pack.read_lr(0, 1, image); });
}

TEST_F(PackDamage, every_flipped_byte_of_the_json_files_is_noticed_or_harmless) {
  const std::string sealed = PackReader::open(raw_.pack()).pack_sha256();
  for (const char* name : {"pack.json", "manifest.json"}) {
    std::size_t noticed = 0;
    const std::size_t size = file_bytes(raw_.pack() / name).size();
    for (std::size_t i = 0; i < size; ++i) {
      flip_byte(raw_.pack() / name, i, 1);
      // Nothing contradicts the seal's own text: its hash is what a result binds.
      if (error_of([&] { verify_pack(core::real_file_system(), raw_.pack()); })) {
        ++noticed;
      } else {
        EXPECT_STREQ("pack.json", name) << "byte " << i;
        EXPECT_NE(sealed, PackReader::open(raw_.pack()).pack_sha256()) << "byte " << i;
      }
      flip_byte(raw_.pack() / name, i, 1);
    }
    EXPECT_GT(noticed, size / 2) << name;
  }
}

TEST_F(PackDamage, a_shard_of_another_pack_is_refused) {
  PackSettings options = small_options();
  options.kernel = settings::Kernel::kLanczos3;
  make_pack(raw_, options, raw_.pack("other"));
  overwrite(shard(), file_bytes(raw_.pack("other") / "shard-00000.h5"));
  expect_error(core::ErrorKind::kCorrupt, {"belongs to another pack"}, [&] { read_all(raw_.pack()); });
}

}  // namespace
}  // namespace resolute::datasets::pack_damage_test
