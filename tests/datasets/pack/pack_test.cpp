#include "datasets/pack/pack.h"

#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "core/hash/sha256.h"
#include "datasets/hdf5/layout.h"
#include "datasets/image/degradation.h"
#include "datasets/image/low_resolution.h"
#include "datasets/manifest/manifest.h"
#include "tests/datasets/pack/raw_images.h"
#include "tests/support/faulty_file_system.h"

namespace resolute::datasets::pack_test {
namespace {

using namespace tests;

void expect_rows_as_defined(const RawImages& raw, const PackSettings& options) {
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
      EXPECT_EQ(low_resolution_view(hr, rate, options.kernel), got);
      pack.read_view(i, rate, got);
      const Image& from = options.view_from == ViewFrom::kNative ? native : hr;
      EXPECT_EQ(rate == 1 ? hr : low_resolution_view(from, rate, options.kernel), got);
    }
    expect_error(core::ErrorKind::kInput, {"'noise'", "2, 3", "--rates"}, [&] { pack.read_view(i, 4, got); });
  }
}

TEST(Pack, rows_come_back_as_the_generator_defines_them) { expect_rows_as_defined(RawImages(), small_options()); }

// The writer collects small rows and writes large ones at once: here views of 34,560 bytes stand beside smaller ones.
TEST(Pack, rows_of_any_size_come_back) {
  expect_rows_as_defined(RawImages(3, 2, 256, 178), small_options());
  PackSettings options = small_options();
  options.height = 384;
  options.width = 128;
  options.view_from = ViewFrom::kNetwork;
  expect_rows_as_defined(RawImages(), options);
}

// Packs of those who do not ask have the schema, and so the bytes, that they had.
TEST(Pack, a_setting_that_came_later_raises_the_schema_of_those_who_ask) {
  PackSettings options = small_options();
  const auto schema = [&](const RawImages& raw) {
    return core::parse_json(core::as_text(file_bytes(raw.pack() / "pack.json")), "pack.json").at("schema").get<int>();
  };
  for (const int expected : {1, 2, 3, 4, 5}) {
    if (expected == 2) options.view_from = ViewFrom::kNetwork;
    if (expected == 3) options.single_images = settings::SingleImages::kDistractors;
    if (expected == 4) options.truncated_images = settings::TruncatedImages::kFilled;
    if (expected == 5) options.degradation.blur = {0, 1};
    const RawImages raw(3, 2);
    make_pack(raw, options, raw.pack());
    EXPECT_EQ(expected, schema(raw));
    EXPECT_EQ(options, PackReader::open(raw.pack()).options());
    verify_pack(core::real_file_system(), raw.pack());
  }
}

// By path and rate: shards and the other images of a set change no view. All else is as without it.
TEST(Pack, degraded_views_are_drawn_for_each_image) {
  const RawImages raw(3, 2);
  const settings::DegradationSettings steps{.blur = {0, 1}, .noise = {2, 8}, .jpeg = {30, 90}};
  settings::DegradationSettings real = steps;
  real.rate = {1.5, 3};
  for (const auto& [degradation, rates] : {std::pair{steps, std::vector{2, 3}}, {real, std::vector{2}}})
    for (const ViewFrom from : {ViewFrom::kNative, ViewFrom::kNetwork})
      for (const int shards : {1, 3}) {
        PackSettings options = small_options(shards);
        options.rates = rates;
        options.view_from = from;
        options.degradation = degradation;
        const fs::path folder = raw.pack(fmt::format("{}-{}-{}", rates.size(), settings::word(from), shards));
        make_pack(raw, options, folder);
        verify_pack(core::real_file_system(), folder);
        const PackReader pack = PackReader::open(folder);
        EXPECT_EQ(options, pack.options());
        DegradationScratch scratch;
        Image hr, lr, view;
        for (std::size_t i = 0; i < pack.size(); ++i) {
          const std::string& path = raw.samples()[i].path;
          const Image native = decode_image(file_bytes(raw.root() / path), path);
          pack.read_lr(i, 1, hr);
          const Image& image = from == ViewFrom::kNative ? native : hr;
          for (const int rate : rates) {
            core::RandomStream stream("degraded view of " + path, {static_cast<std::uint64_t>(rate)});
            const Degradation drawn = draw_degradation(degradation, stream);
            const double by = degradation.rate.empty() ? rate : drawn.rate;
            Image expected =
                resize(image, static_cast<int>(image.height / by), static_cast<int>(image.width / by), options.kernel);
            degrade(expected, drawn, stream, scratch);
            pack.read_view(i, rate, view);
            EXPECT_EQ(expected, view) << path << " at rate " << by;
            pack.read_lr(i, rate, lr);
            EXPECT_EQ(low_resolution_view(hr, rate, options.kernel), lr);
          }
        }
      }
}

TEST(Pack, same_input_gives_the_same_bytes) {
  RawImages raw;
  make_pack(raw, small_options(), raw.pack("a"));
  make_pack(raw, small_options(), raw.pack("b"));
  for (const char* name : {"shard-00000.h5", "manifest.json", "pack.json"})
    EXPECT_EQ(file_bytes(raw.pack("a") / name), file_bytes(raw.pack("b") / name)) << name;
}

TEST(Pack, one_file_under_two_identities_is_warned_of) {
  const auto warning = [](const std::vector<Sample>& shared, int shards) {
    tests::ChosenImages images;
    for (const char* path : {"a.png", "b.png", "c.png"}) images.add({path, path[0], 1, "gallery"}, 20, 10);
    for (const Sample& sample : shared) {
      std::filesystem::copy_file(images.folder / "raw/b.png", images.folder / "raw" / sample.path);
      images.samples.push_back(sample);
    }
    const RawFolder reader(core::real_file_system(), images.folder / "raw");
    const PackSettings options = small_options(shards);
    for (int shard = 0; shard < shards; ++shard)
      write_shard(core::real_file_system(), reader, images.samples, options, shard, images.folder / "pack");
    return seal_pack(core::real_file_system(), images.folder / "pack", options).warning;
  };
  EXPECT_EQ(warning({}, 1), "");
  EXPECT_EQ(warning({{"d.png", 'b', 2, "query"}}, 1), "");  // as VeRi-776's queries
  for (const int shards : {1, 2}) {
    EXPECT_THAT(
        warning({{"d.png", 'd', 1, "gallery"}}, shards),
        testing::StartsWith("1 of 4 images have the bytes of an image of another identity, as 'b.png' of 98 and "
                            "'d.png' of 100: "));
    EXPECT_THAT(
        warning({{"d.png", 'b', 1, "gallery"}, {"e.png", 0, 1, "gallery"}, {"f.png", 'd', 2, "query"}}, shards),
        testing::StartsWith("2 of 6 images have the bytes of an image of another identity, as 'b.png' of 98 and "
                            "'e.png' of 0: "));
  }
}

TEST(Pack, shards_in_any_order_give_the_same_bytes) {
  RawImages raw;
  PackSettings options = small_options(3);
  make_pack(raw, options, raw.pack("down"));
  for (int shard : {1, 0, 2})
    write_shard(core::real_file_system(), raw.reader(), raw.samples(), options, shard, raw.pack("mixed"));
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
  EXPECT_EQ(one.rows(), read_sealed_rows(core::real_file_system(), raw.pack("three")));
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
  auto write = [&](const PackSettings& options) {
    EXPECT_EQ(raw.samples().size(), write_shard(files, raw.reader(), raw.samples(), options, 0, raw.pack()).rows);
    return shard_sha256(raw.pack(), 0);
  };
  const std::string first = write(small_options());
  EXPECT_EQ(core::sha256_hex(file_bytes(path)), first);
  auto time = fs::last_write_time(path);
  EXPECT_EQ(first, write(small_options()));
  EXPECT_EQ(time, fs::last_write_time(path));
  core::Bytes bytes = file_bytes(path);
  core::Bytes damaged = bytes;
  damaged[4096] ^= std::byte{1};
  tests::overwrite(path, damaged);
  EXPECT_EQ(first, write(small_options()));
  EXPECT_EQ(bytes, file_bytes(path));
  PackSettings other = small_options();
  other.kernel = Kernel::kCubic;
  EXPECT_NE(first, write(other));
  expect_error(core::ErrorKind::kInput, {"shard-00000.h5", "other settings"},
               [&] { seal_pack(files, raw.pack(), small_options()); });
}

TEST(Pack, only_rate_one_needs_no_low_resolution_arrays) {
  RawImages raw;
  PackSettings options = small_options();
  options.rates = {1};
  PackReader pack = open_small_pack(raw, options);
  Image view;
  pack.read_view(0, 1, view);
  EXPECT_EQ(options.height, view.height);
  verify_pack(core::real_file_system(), raw.pack());
}

TEST(Pack, many_threads_may_ask_for_the_rows_first) {
  RawImages raw(6, 2);
  const PackReader pack = open_small_pack(raw, small_options(3));
  std::vector<std::vector<PackRow>> seen(8);
  std::vector<Image> views(seen.size());
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < seen.size(); ++i)
      threads.emplace_back([&, i] {
        pack.read_view(i, 2, views[i]);
        seen[i] = pack.rows();
      });
  }
  for (std::size_t i = 0; i < seen.size(); ++i) {
    EXPECT_EQ(seen.front(), seen[i]);
    EXPECT_EQ(low_resolution_view(decode_image(file_bytes(raw.root() / raw.samples()[i].path), "raw"), 2,
                                  small_options().kernel),
              views[i]);
  }
  ASSERT_EQ(raw.samples().size(), seen.front().size());
}

TEST(Pack, verifying_by_threads_names_the_first_damaged_shard) {
  RawImages raw(6, 2);
  auto& files = core::real_file_system();
  make_pack(raw, small_options(4), raw.pack());
  for (int threads : {1, 2, 3, 9}) verify_pack(files, raw.pack(), threads);
  for (int shard : {3, 1, 2}) tests::flip_byte(raw.pack() / shard_file_name(shard), 4096, 1);
  for (int threads : {1, 2, 3, 9})
    expect_error(core::ErrorKind::kCorrupt, {"shard-00001.h5", "fails its checksum"},
                 [&] { verify_pack(files, raw.pack(), threads); });
  expect_error(core::ErrorKind::kCorrupt, {"shard-00001.h5"},
               [&] { seal_pack(files, raw.pack(), small_options(4), 3); });
}

TEST(Pack, sealing_by_threads_gives_the_same_bytes) {
  RawImages raw(6, 2);
  make_pack(raw, small_options(4), raw.pack());
  const core::Bytes sealed = file_bytes(raw.pack() / "pack.json"), rows = file_bytes(raw.pack() / "manifest.json");
  seal_pack(core::real_file_system(), raw.pack(), small_options(4), 3);
  EXPECT_EQ(sealed, file_bytes(raw.pack() / "pack.json"));
  EXPECT_EQ(rows, file_bytes(raw.pack() / "manifest.json"));
}

TEST(Pack, rows_that_could_not_be_read_are_read_when_they_can_be) {
  RawImages raw;
  make_pack(raw, small_options(), raw.pack());
  std::uint64_t at = 0;
  for (const auto& array : hdf5::read_layout(raw.pack() / "shard-00000.h5"))
    if (array.layout.name == "camera") at = array.offset;
  tests::flip_byte(raw.pack() / "shard-00000.h5", at + 8, 1);
  const PackReader pack = PackReader::open(raw.pack());
  for (int i = 0; i < 2; ++i)
    expect_error(core::ErrorKind::kCorrupt, {"shard-00000.h5", "row 1", "'camera'"}, [&] { pack.rows(); });
  tests::flip_byte(raw.pack() / "shard-00000.h5", at + 8, 1);
  EXPECT_EQ(raw.samples()[1], pack.row(1).sample);
}

// Header and size are those of an image, what follows is not: known only once the shard is being written.
TEST(Pack, an_image_that_is_damaged_behind_its_header_leaves_no_file) {
  RawImages raw;
  const auto path = raw.root() / raw.samples()[4].path;
  core::Bytes bytes = file_bytes(path);
  const Image image = decode_image(bytes, "raw");
  bytes[bytes.size() - 20] ^= std::byte{0x10};
  tests::overwrite(path, bytes);
  ASSERT_EQ((ImageSize{image.height, image.width}), image_size(bytes, "raw"));
  expect_error(core::ErrorKind::kInput, {path.filename().string(), "cannot be decoded"}, [&] {
    write_shard(core::real_file_system(), raw.reader(), raw.samples(), small_options(), 0, raw.pack());
  });
  EXPECT_TRUE(core::real_file_system().list(raw.pack()).empty());
}

// An image that somebody resizes in place between the two times that it is read.
class ChangingImages final : public RawReader {
 public:
  explicit ChangingImages(const RawImages& raw) : inner_(raw.reader()), path_(raw.samples()[2].path) {}
  core::Bytes read(const std::string& path) const override {
    if (path == path_ && ++reads_ == 2) return encode_png(make_image(7, 9));
    return inner_.read(path);
  }
  std::string place(const std::string& path) const override { return inner_.place(path); }

 private:
  RawFolder inner_;
  std::string path_;
  mutable int reads_ = 0;
};

TEST(Pack, an_image_that_changes_meanwhile_is_named) {
  RawImages raw;
  expect_error(core::ErrorKind::kInput, {raw.samples()[2].path, "changed while it was packed"}, [&] {
    write_shard(core::real_file_system(), ChangingImages(raw), raw.samples(), small_options(), 0, raw.pack());
  });
  EXPECT_TRUE(core::real_file_system().list(raw.pack()).empty());
}

class CountingFiles final : public tests::FaultyFileSystem {
 public:
  core::Bytes read(const fs::path& path, std::uint64_t limit) override {
    ++whole[path.filename().string()];
    return FaultyFileSystem::read(path, limit);
  }
  std::unique_ptr<core::ReadableFile> open_for_read(const fs::path& path) override {
    return core::real_file_system().open_for_read(path);
  }
  std::map<std::string, int> whole;
};

// But where the header goes on beyond what is read of it: here behind 5,000 bytes of another program's.
TEST(Pack, raw_files_are_read_whole_once) {
  RawImages raw(2, 1, 64, 48);
  const std::string long_header = raw.samples()[1].path;
  core::Bytes jpeg = encode_jpeg(tests::noise_image(64, 48, 1), 90);
  core::Bytes segment{std::byte{0xff}, std::byte{0xe1}, std::byte{5002 / 256}, std::byte{5002 % 256}};
  segment.resize(2 + 5002);
  jpeg.insert(jpeg.begin() + 2, segment.begin(), segment.end());
  tests::overwrite(raw.root() / long_header, jpeg);
  CountingFiles files;
  write_shard(files, RawFolder(files, raw.root()), raw.samples(), small_options(), 0, raw.pack());
  for (const Sample& sample : raw.samples()) {
    EXPECT_LT(4096, fs::file_size(raw.root() / sample.path));
    EXPECT_EQ(sample.path == long_header ? 2 : 1, files.whole[sample.path]) << sample.path;
  }
  expect_rows_as_defined(raw, small_options());
}

TEST(Pack, images_that_carry_an_orientation_are_counted_and_packed_as_they_are_stored) {
  RawImages raw(2, 1, 64, 48);
  const std::string exif(
      "\xff\xe1\x00\x22"
      "Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0",
      36);
  core::Bytes jpeg = encode_jpeg(tests::noise_image(64, 48, 1), 90);
  const auto segment = core::as_byte_span(exif);
  jpeg.insert(jpeg.begin() + 2, segment.begin(), segment.end());
  tests::overwrite(raw.root() / raw.samples()[1].path, jpeg);
  const auto write = [&] {
    auto& files = core::real_file_system();
    return write_shard(files, RawFolder(files, raw.root()), raw.samples(), small_options(), 0, raw.pack()).odd.turned;
  };
  for (const char* shard : {"made", "left alone"}) {
    SCOPED_TRACE(shard);
    const CountedImages turned = write();
    EXPECT_EQ(turned.count, 1U);
    EXPECT_EQ(turned.first, raw.samples()[1].path);
  }
  expect_rows_as_defined(raw, small_options());
}

TEST(Pack, images_that_end_early_are_refused_or_on_request_filled_counted_and_named_in_the_manifest) {
  RawImages raw(2, 2, 64, 48);
  core::Bytes jpeg = encode_jpeg(tests::noise_image(64, 48, 1), 90);
  jpeg.resize(jpeg.size() / 2);
  const std::string cut = raw.samples()[5].path;
  tests::overwrite(raw.root() / cut, jpeg);
  PackSettings options = small_options(2);
  const auto write = [&](int shard) {
    return write_shard(core::real_file_system(), raw.reader(), raw.samples(), options, shard, raw.pack()).odd.truncated;
  };
  expect_error(core::ErrorKind::kInput, {cut, "truncated_images"}, [&] { write(1); });
  options.truncated_images = settings::TruncatedImages::kFilled;
  for (const char* shard : {"made", "left alone"}) {
    SCOPED_TRACE(shard);
    EXPECT_EQ(write(0).count, 0U);
    const CountedImages truncated = write(1);
    EXPECT_EQ(truncated.count, 1U);
    EXPECT_EQ(truncated.first, cut);
  }
  seal_pack(core::real_file_system(), raw.pack(), options);
  verify_pack(core::real_file_system(), raw.pack());
  const PackReader pack = PackReader::open(raw.pack());
  for (const PackRow& row : pack.rows()) EXPECT_EQ(row.truncated, row.sample.path == cut) << row.sample.path;
  const core::Json manifest =
      core::parse_json(core::as_text(file_bytes(raw.pack() / "manifest.json")), "manifest.json");
  EXPECT_EQ(manifest.at("schema"), 3);
  EXPECT_EQ(manifest.at("truncated"), core::Json::array({cut}));
  EXPECT_EQ(pack.rows(), manifest_from_json(manifest, "manifest.json"));
  Image native, hr = make_image(options.height, options.width);
  EXPECT_TRUE(decode_image_into(jpeg, cut, native, settings::TruncatedImages::kFilled));
  pack.read_hr(5, hr.pixels);
  EXPECT_EQ(resize(native, options.height, options.width, Kernel::kTriangle), hr);
}

// The setting changes how a pack of whole images describes itself, and neither a row nor the manifest.
TEST(Pack, whole_images_have_the_same_manifest_whether_truncated_ones_are_taken_or_not) {
  const RawImages raw;
  PackSettings options = small_options();
  make_pack(raw, options, raw.pack("usual"));
  options.truncated_images = settings::TruncatedImages::kFilled;
  make_pack(raw, options, raw.pack("filled"));
  EXPECT_EQ(file_bytes(raw.pack("usual") / "manifest.json"), file_bytes(raw.pack("filled") / "manifest.json"));
}

TEST(ManifestText, is_the_canonical_text) {
  const auto canonical = [](const std::string& text) {
    return core::canonical_json(core::parse_json(text, "manifest")) + "\n";
  };
  const std::string digest(64, 'a');
  std::vector<PackRow> rows{{{"a/b_1.png", 3, 1, "train"}, 20, 10, digest},
                            {{"q\"u\\o\n\xc3\xa9\x7f.png", 0, 2, "query"}, 1, 16384, digest}};
  EXPECT_EQ(canonical(manifest_text(rows)), manifest_text(rows));
  EXPECT_EQ(canonical(manifest_text({})), manifest_text({}));
  for (const PackRow& row : rows) {
    const Sample& sample = row.sample;
    EXPECT_EQ(core::canonical_json({sample.path, sample.identity, sample.camera, sample.subset}) + "\n",
              listing_line(sample));
  }
  rows[1].sample.rate = 0;
  rows[1].sample.test_sets = ~std::uint64_t{0};
  EXPECT_EQ(canonical(manifest_text(rows)), manifest_text(rows));
  EXPECT_EQ("[\"a/b_1.png\",3,1,\"train\"]\n", listing_line(rows[0].sample));
  EXPECT_EQ(core::canonical_json({rows[1].sample.path, 0, 2, "query", 0, ~std::uint64_t{0}}) + "\n",
            listing_line(rows[1].sample));
}

TEST(Pack, missing_or_unsealed_says_so) {
  RawImages raw;
  auto& files = core::real_file_system();
  expect_error(core::ErrorKind::kInput, {"there is no pack"}, [&] { PackReader::open(raw.pack("nowhere")); });
  write_shard(files, raw.reader(), raw.samples(), small_options(2), 0, raw.pack());
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
  write_shard(files, raw.reader(), raw.samples(), small_options(2), 0, raw.pack());
  write_shard(files, raw.reader(), fewer, small_options(2), 1, raw.pack());
  expect_error(core::ErrorKind::kInput, {"shard-00001.h5", "listed other images"},
               [&] { seal_pack(files, raw.pack(), small_options(2)); });
}

TEST(Pack, a_bad_image_is_named_and_nothing_is_written) {
  RawImages raw;
  auto path = raw.root() / raw.samples().back().path;
  core::Bytes bytes = file_bytes(path);
  tests::overwrite(path, std::span(bytes).first(bytes.size() / 2));
  expect_error(core::ErrorKind::kInput, {path.filename().string()}, [&] {
    write_shard(core::real_file_system(), raw.reader(), raw.samples(), small_options(), 0, raw.pack());
  });
  EXPECT_TRUE(core::real_file_system().list(raw.pack()).empty());
}

TEST(Pack, options_out_of_range_are_refused) {
  RawImages raw;
  auto write = [&](const PackSettings& options) {
    write_shard(core::real_file_system(), raw.reader(), raw.samples(), options, 0, raw.pack());
  };
  auto refused = [&](auto change, const std::string& part) {
    PackSettings options = small_options();
    change(options);
    expect_error(core::ErrorKind::kInput, {part}, [&] { write(options); });
  };
  refused([](PackSettings& o) { o.rates = {3, 2}; }, "key 'rates' has the value [3, 2]");
  refused([](PackSettings& o) { o.shards = 100; }, "100 shards");
  for (const char* name :
       {"", "../../evil", "..", "a/b", "/tmp/a", "a b", "Up", "a.b", "a_b", "-a", "a\n", "a\x1b[2J", "\xff"})
    refused([&](PackSettings& o) { o.name = name; }, "a data set's name is 1 to 64 of a-z");
  refused([](PackSettings& o) { o.name = std::string(65, 'a'); }, "1 to 64");
  PackSettings longest = small_options();
  longest.name = std::string(62, 'a') + "-9";
  write(longest);
}

}  // namespace
}  // namespace resolute::datasets::pack_test
