#include "datasets/pack/pack.h"

#include <gtest/gtest.h>

#include "core/sha256.h"
#include "datasets/low_resolution.h"
#include "datasets/pack/show.h"
#include "tests/datasets/pack/raw_images.h"

namespace resolute::datasets {
namespace {

using tests::expect_error;
using tests::file_bytes;
using tests::make_pack;
using tests::RawImages;
using tests::small_options;

TEST(Pack, rows_come_back_as_the_generator_defines_them) {
  RawImages raw;
  PackOptions options = small_options();
  SealResult sealed = make_pack(raw, options, raw.pack());
  PackReader pack = PackReader::open(raw.pack());
  ASSERT_EQ(raw.samples().size(), pack.size());
  EXPECT_EQ(sealed.rows, pack.size());
  EXPECT_EQ(sealed.pack_sha256, pack.pack_sha256());
  EXPECT_EQ(core::sha256_hex(file_bytes(raw.pack() / "manifest.json")), pack.manifest_sha256());
  for (std::size_t i = 0; i < pack.size(); ++i) {
    core::Bytes bytes = file_bytes(raw.root() / raw.samples()[i].path);
    Image native = decode_image(bytes, "raw");
    EXPECT_EQ(raw.samples()[i], pack.row(i).sample);
    EXPECT_EQ(native.height, pack.row(i).native_height);
    EXPECT_EQ(native.width, pack.row(i).native_width);
    EXPECT_EQ(core::sha256_hex(bytes), pack.row(i).source_sha256);
    Image hr = make_image(options.height, options.width);
    pack.read_hr(i, hr.pixels);
    EXPECT_EQ(resize(native, options.height, options.width, Kernel::kTriangle), hr);
    Image got;
    for (int rate : {1, 2, 3}) {
      pack.read_lr(i, rate, got);
      EXPECT_EQ(low_resolution_network(hr, rate, options.kernel), got);
      pack.read_view(i, rate, got);
      EXPECT_EQ(rate == 1 ? hr : low_resolution_view(native, rate, options.kernel), got);
    }
    expect_error(core::ErrorKind::kInput, {"'noise'", "2, 3", "--rates"}, [&] { pack.read_view(i, 4, got); });
  }
}

TEST(Pack, same_input_gives_the_same_bytes) {
  RawImages raw;
  make_pack(raw, small_options(), raw.pack("a"));
  make_pack(raw, small_options(), raw.pack("b"));
  for (const char* name : {"shard-00000.h5", "manifest.json", "pack.json"})
    EXPECT_EQ(file_bytes(raw.pack("a") / name), file_bytes(raw.pack("b") / name)) << name;
}

TEST(Pack, shards_in_any_order_give_the_same_bytes) {
  RawImages raw;
  PackOptions options = small_options(3);
  make_pack(raw, options, raw.pack("down"));
  for (int shard : {1, 0, 2})
    write_shard(core::real_file_system(), raw.root(), raw.samples(), options, shard, raw.pack("mixed"));
  seal_pack(core::real_file_system(), raw.pack("mixed"), options);
  for (const char* name : {"shard-00000.h5", "shard-00001.h5", "shard-00002.h5", "pack.json"})
    EXPECT_EQ(file_bytes(raw.pack("down") / name), file_bytes(raw.pack("mixed") / name)) << name;
}

TEST(Pack, one_and_three_shards_hold_the_same_rows) {
  RawImages raw;
  make_pack(raw, small_options(1), raw.pack("one"));
  make_pack(raw, small_options(3), raw.pack("three"));
  PackReader one = PackReader::open(raw.pack("one"));
  PackReader three = PackReader::open(raw.pack("three"));
  EXPECT_EQ(one.rows(), three.rows());
  EXPECT_EQ(one.manifest_sha256(), three.manifest_sha256());
  Image a;
  Image b;
  for (std::size_t i = 0; i < one.size(); ++i)
    for (int rate : {1, 2, 3}) {
      one.read_lr(i, rate, a);
      three.read_lr(i, rate, b);
      EXPECT_EQ(a, b);
      one.read_view(i, rate, a);
      three.read_view(i, rate, b);
      EXPECT_EQ(a, b);
    }
}

TEST(Pack, an_intact_shard_is_left_alone_and_a_damaged_or_foreign_one_replaced) {
  RawImages raw;
  auto& files = core::real_file_system();
  auto path = raw.pack() / "shard-00000.h5";
  auto write = [&](const PackOptions& options) {
    return write_shard(files, raw.root(), raw.samples(), options, 0, raw.pack());
  };
  ShardResult first = write(small_options());
  auto time = std::filesystem::last_write_time(path);
  EXPECT_EQ(first.sha256, write(small_options()).sha256);
  EXPECT_EQ(time, std::filesystem::last_write_time(path));
  core::Bytes bytes = file_bytes(path);
  core::Bytes damaged = bytes;
  damaged[4096] ^= std::byte{1};
  tests::overwrite(path, damaged);
  EXPECT_EQ(first.sha256, write(small_options()).sha256);
  EXPECT_EQ(bytes, file_bytes(path));
  PackOptions other = small_options();
  other.kernel = Kernel::kCubic;
  EXPECT_NE(first.sha256, write(other).sha256);
  expect_error(core::ErrorKind::kInput, {"shard-00000.h5", "other settings"},
               [&] { seal_pack(files, raw.pack(), small_options()); });
}

TEST(Pack, only_rate_one_needs_no_low_resolution_arrays) {
  RawImages raw;
  PackOptions options = small_options();
  options.rates = {1};
  make_pack(raw, options, raw.pack());
  PackReader pack = PackReader::open(raw.pack());
  Image view;
  pack.read_view(0, 1, view);
  EXPECT_EQ(options.height, view.height);
  verify_pack(core::real_file_system(), raw.pack());
}

TEST(Pack, missing_or_unsealed_says_so) {
  RawImages raw;
  auto& files = core::real_file_system();
  expect_error(core::ErrorKind::kInput, {"there is no pack"}, [&] { PackReader::open(raw.pack("nowhere")); });
  write_shard(files, raw.root(), raw.samples(), small_options(2), 0, raw.pack());
  expect_error(core::ErrorKind::kInput, {"not sealed", "pack.json"}, [&] { PackReader::open(raw.pack()); });
  expect_error(core::ErrorKind::kInput, {"cannot be sealed", "shard-00001.h5"},
               [&] { seal_pack(files, raw.pack(), small_options(2)); });
  EXPECT_FALSE(files.exists(raw.pack() / "pack.json"));
}

TEST(Pack, shards_from_different_listings_are_not_sealed) {
  RawImages raw;
  auto& files = core::real_file_system();
  auto fewer = raw.samples();
  fewer.back().subset = fewer.back().subset == "query" ? "gallery" : "query";
  write_shard(files, raw.root(), raw.samples(), small_options(2), 0, raw.pack());
  write_shard(files, raw.root(), fewer, small_options(2), 1, raw.pack());
  expect_error(core::ErrorKind::kInput, {"shard-00001.h5", "listed other images"},
               [&] { seal_pack(files, raw.pack(), small_options(2)); });
}

TEST(Pack, a_bad_image_is_named_and_nothing_is_written) {
  RawImages raw;
  auto path = raw.root() / raw.samples().back().path;
  core::Bytes bytes = file_bytes(path);
  tests::overwrite(path, std::span(bytes).first(bytes.size() / 2));
  expect_error(core::ErrorKind::kInput, {path.filename().string()}, [&] {
    write_shard(core::real_file_system(), raw.root(), raw.samples(), small_options(), 0, raw.pack());
  });
  EXPECT_TRUE(core::real_file_system().list(raw.pack()).empty());
}

TEST(Pack, options_out_of_range_are_refused) {
  RawImages raw;
  auto write = [&](const PackOptions& options) {
    write_shard(core::real_file_system(), raw.root(), raw.samples(), options, 0, raw.pack());
  };
  auto refused = [&](auto change, const std::string& part) {
    PackOptions options = small_options();
    change(options);
    expect_error(core::ErrorKind::kInput, {part}, [&] { write(options); });
  };
  refused([](PackOptions& o) { o.rates = {3, 2}; }, "rate 2");
  refused([](PackOptions& o) { o.rates = {0}; }, "rate 0");
  refused([](PackOptions& o) { o.rates = {17}; }, "rate 17");
  refused([](PackOptions& o) { o.rates = {}; }, "no rates");
  refused([](PackOptions& o) { o.height = 0; }, "0 pixels");
  refused([](PackOptions& o) { o.shards = 100; }, "100 shards");
  for (const char* name :
       {"", "../../evil", "..", "a/b", "/tmp/a", "a b", "Up", "a.b", "a_b", "-a", "a\n", "a\x1b[2J", "\xff"})
    refused([&](PackOptions& o) { o.name = name; }, "name");
  refused([](PackOptions& o) { o.name = std::string(65, 'a'); }, "1 to 64");
  PackOptions longest = small_options();
  longest.name = std::string(62, 'a') + "-9";
  write(longest);
}

TEST(Pack, show_counts_and_draws) {
  RawImages raw(4, 3);
  make_pack(raw, small_options(), raw.pack());
  PackReader pack = PackReader::open(raw.pack());
  PackStatistics all = pack_statistics(pack);
  EXPECT_EQ(24U, all.rows);
  EXPECT_EQ(4U, all.identities);
  EXPECT_EQ(12U, all.images_per_camera.at(2));
  EXPECT_EQ(6U, all.fewest_images);
  EXPECT_EQ(20, all.smallest_height);
  EXPECT_EQ(22, all.largest_height);
  Image sheet = decode_image(contact_sheet_png(pack, 5), "sheet");
  EXPECT_GE(sheet.height, 5 * 12);
  EXPECT_GE(sheet.width, 3 * 6);
  EXPECT_EQ("verbatim", describe_pack(pack)["settings"]["kept"]);
}

}  // namespace
}  // namespace resolute::datasets
