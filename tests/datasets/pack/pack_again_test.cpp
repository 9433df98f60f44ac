// Packing again where a pack or a part of one lies: what was made from other bytes is never taken for these images, and
// nothing changes under a seal.

#include <gtest/gtest.h>

#include "core/hash/sha256.h"
#include "datasets/pack/pack.h"
#include "datasets/pack/pack_file.h"
#include "tests/datasets/pack/raw_images.h"

namespace resolute::datasets::pack_again_test {
namespace {

using namespace tests;

class PackAgain : public testing::Test {
 protected:
  // \return the shard's SHA-256
  std::string write(int shard, const PackSettings& options) {
    write_shard(files_, raw_.reader(), raw_.samples(), options, shard, raw_.pack());
    return shard_sha256(raw_.pack(), shard);
  }
  // Another picture of the same size under the same name.
  void repaint(std::size_t sample) {
    const auto path = raw_.root() / raw_.samples()[sample].path;
    Image image = decode_image(file_bytes(path), "raw");
    overwrite(path, encode_png(noise_image(image.height, image.width, 1000 + sample)));
  }
  void damage(const std::string& name) { tests::flip_byte(raw_.pack() / name, 4096, 1); }
  // Writing `shard` is refused as sealed, for this reason, and changes nothing.
  void expect_sealed(int shard, const PackSettings& options, const std::string& why) {
    const auto before = contents(raw_.pack());
    expect_error(core::ErrorKind::kInput,
                 {"pack '" + options.name + "' is sealed", why,
                  "give another name, or remove the folder '" + raw_.pack().string() + "'"},
                 [&] { write(shard, options); });
    EXPECT_EQ(before, contents(raw_.pack()));
  }

  core::FileSystem& files_ = core::real_file_system();
  RawImages raw_{3, 1};
};

TEST_F(PackAgain, an_image_overwritten_in_place_is_packed_anew) {
  const PackSettings options = small_options(2);
  const std::string first = write(0, options);
  const std::string second = write(1, options);
  repaint(0);
  EXPECT_NE(first, write(0, options));
  EXPECT_EQ(second, write(1, options));
  const std::string sealed = seal_pack(files_, raw_.pack(), options).pack_sha256;
  EXPECT_EQ(make_pack(raw_, options, raw_.pack("fresh")).pack_sha256, sealed);
}

TEST_F(PackAgain, another_root_with_the_same_names_is_packed_anew) {
  RawImages other{3, 1, 30, 14};
  ASSERT_EQ(raw_.samples(), other.samples());
  write(0, small_options());
  write_shard(files_, other.reader(), other.samples(), small_options(), 0, raw_.pack());
  make_pack(other, small_options(), other.pack());
  EXPECT_EQ(file_bytes(other.pack() / "shard-00000.h5"), file_bytes(raw_.pack() / "shard-00000.h5"));
}

TEST_F(PackAgain, an_image_that_has_gone_is_named) {
  write(0, small_options());
  fs::remove(raw_.root() / raw_.samples()[2].path);
  EXPECT_THROW(
      {
        try {
          write(0, small_options());
        } catch (const core::RuntimeError& error) {
          EXPECT_NE(std::string::npos, std::string(error.what()).find(raw_.samples()[2].path)) << error.what();
          throw;
        }
      },
      core::RuntimeError);
}

TEST_F(PackAgain, a_sealed_pack_stands_when_nothing_changed) {
  const PackSettings options = small_options(2);
  make_pack(raw_, options, raw_.pack());
  const auto before = contents(raw_.pack());
  make_pack(raw_, options, raw_.pack());
  EXPECT_EQ(before, contents(raw_.pack()));
}

TEST_F(PackAgain, a_sealed_pack_is_not_made_from_other_bytes) {
  const PackSettings options = small_options(2);
  make_pack(raw_, options, raw_.pack());
  repaint(5);
  const auto before = contents(raw_.pack());
  write(0, options);
  EXPECT_EQ(before, contents(raw_.pack()));
  expect_sealed(1, options, "made from other images");
  damage("shard-00001.h5");
  expect_sealed(1, options, "made from other images");
  fs::remove(raw_.pack() / "shard-00001.h5");
  expect_sealed(1, options, "made from other images");
  fs::remove(raw_.pack() / "pack.json");
  write(1, options);
  EXPECT_EQ(make_pack(raw_, options, raw_.pack("fresh")).pack_sha256,
            seal_pack(files_, raw_.pack(), options).pack_sha256);
}

TEST_F(PackAgain, a_sealed_pack_is_not_made_from_another_listing_or_other_settings) {
  const PackSettings options = small_options(2);
  make_pack(raw_, options, raw_.pack());
  const auto before = contents(raw_.pack());
  auto fewer = raw_.samples();
  fewer.pop_back();
  for (int shard : {0, 1})
    expect_error(core::ErrorKind::kInput, {"'noise' is sealed", "made from other images"},
                 [&] { write_shard(files_, raw_.reader(), fewer, options, shard, raw_.pack()); });
  EXPECT_EQ(before, contents(raw_.pack()));
  PackSettings cubic = options;
  cubic.kernel = settings::Kernel::kCubic;
  expect_sealed(0, cubic, "other settings");
  expect_sealed(2, small_options(3), "other settings");
}

TEST_F(PackAgain, a_damaged_or_lost_shard_of_a_sealed_pack_is_made_again) {
  const PackSettings options = small_options(2);
  make_pack(raw_, options, raw_.pack());
  const auto before = contents(raw_.pack());
  damage("shard-00001.h5");
  ASSERT_NE(before, contents(raw_.pack()));
  write(1, options);
  EXPECT_EQ(before, contents(raw_.pack()));
  fs::remove(raw_.pack() / "shard-00000.h5");
  write(0, options);
  EXPECT_EQ(before, contents(raw_.pack()));
  verify_pack(files_, raw_.pack());
}

TEST_F(PackAgain, under_a_damaged_manifest_no_shard_is_made_again) {
  make_pack(raw_, small_options(), raw_.pack());
  damage("shard-00000.h5");
  tests::flip_byte(raw_.pack() / "manifest.json", 20, 1);
  const auto before = contents(raw_.pack());
  expect_error(core::ErrorKind::kCorrupt, {"manifest.json", "not the one of this pack", "remove pack.json"},
               [&] { write(0, small_options()); });
  fs::remove(raw_.pack() / "manifest.json");
  expect_error(core::ErrorKind::kCorrupt, {"manifest.json", "missing", "remove pack.json"},
               [&] { write(0, small_options()); });
  EXPECT_EQ(before.at("shard-00000.h5"), file_bytes(raw_.pack() / "shard-00000.h5"));
}

// 320,000 images make a manifest of more than a text's usual 64 MiB.
TEST_F(PackAgain, a_manifest_of_many_images_is_read) {
  const std::string manifest((std::size_t{64} << 20) + 1, ' ');
  core::write_atomic(files_, raw_.pack() / "manifest.json", manifest);
  PackFile pack;
  pack.manifest_sha256 = core::sha256_hex(manifest);
  EXPECT_EQ(manifest.size(), read_sealed_manifest(files_, raw_.pack(), pack).size());
}

TEST_F(PackAgain, rows_are_known_before_the_seal) {
  const PackSettings options = small_options(3);
  write(0, options);
  write(2, options);
  expect_error(core::ErrorKind::kInput, {"shard-00001.h5", "missing"},
               [&] { read_unsealed_rows(files_, raw_.pack(), options); });
  write(1, options);
  const auto before = contents(raw_.pack());
  const std::vector<PackRow> rows = read_unsealed_rows(files_, raw_.pack(), options);
  EXPECT_EQ(before, contents(raw_.pack()));
  EXPECT_EQ(0U, before.count("pack.json"));
  seal_pack(files_, raw_.pack(), options);
  EXPECT_EQ(PackReader::open(raw_.pack()).rows(), rows);
  EXPECT_EQ(rows, read_unsealed_rows(files_, raw_.pack(), options));
  PackSettings cubic = options;
  cubic.kernel = settings::Kernel::kCubic;
  expect_error(core::ErrorKind::kInput, {"shard-00000.h5", "other settings"},
               [&] { read_unsealed_rows(files_, raw_.pack(), cubic); });
}

}  // namespace
}  // namespace resolute::datasets::pack_again_test
