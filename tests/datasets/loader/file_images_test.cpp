//! \file
//! Files are shown to networks with the bits of a pack that was made of them.

#include "datasets/loader/file_images.h"

#include <gtest/gtest.h>

#include <array>

#include "datasets/image/low_resolution.h"
#include "datasets/loader/loader.h"
#include "tests/datasets/pack/raw_images.h"

namespace resolute::datasets::file_images_test {
namespace {

using tests::RawImages;

// Native sizes, height and width, above and below the pack's, which are 12 × 6.
constexpr std::array<std::array<int, 2>, 3> kNativeSizes{{{25, 11}, {7, 4}, {12, 5}}};

FileImages files_of(const RawImages& raw, const PackSettings& options) {
  std::vector<FileImage> images;
  for (const Sample& sample : raw.samples()) images.push_back({raw.root() / sample.path});
  return {core::real_file_system(), images, options};
}

std::vector<float> shown(FileLoader& loader, std::size_t number, int rate, const PackSettings& options) {
  std::vector<float> floats(static_cast<std::size_t>(options.height * options.width * 3));
  loader.fill_view(number, rate, floats);
  return floats;
}

TEST(FileImagesTest, are_shown_as_the_images_of_their_pack_at_every_rate) {
  int compared = 0;
  for (const auto& [height, width] : kNativeSizes) {
    const RawImages raw(2, 1, height, width);
    for (const auto kernel : {Kernel::kTriangle, Kernel::kBilinearPoint, Kernel::kCubic, Kernel::kLanczos3})
      for (const auto from : {settings::ViewFrom::kNative, settings::ViewFrom::kNetwork}) {
        PackSettings options = tests::small_options();
        options.kernel = kernel;
        options.view_from = from;
        const auto folder = raw.pack(fmt::format("pack-{}-{}", static_cast<int>(kernel), static_cast<int>(from)));
        tests::make_pack(raw, options, folder);
        const PackReader pack = PackReader::open(folder);
        const FileImages files = files_of(raw, options);
        Loader of_pack(pack, {.train_rates = {1}});
        FileLoader of_files(files);
        ASSERT_EQ(pack.size(), files.size());
        for (std::size_t row = 0; row < pack.size(); ++row) {
          ASSERT_EQ(raw.samples()[row].path, pack.row(row).sample.path);
          EXPECT_EQ((ImageSize{pack.row(row).native_height, pack.row(row).native_width}), files.native_size(row));
          for (const int rate : {1, 2, 3}) {
            std::vector<float> expected(of_pack.image_floats());
            of_pack.fill_view(row, rate, expected);
            EXPECT_EQ(expected, shown(of_files, row, rate, options)) << row << " at " << rate;
            ++compared;
          }
        }
      }
  }
  EXPECT_EQ(3 * 4 * 2 * 4 * 3, compared);
}

TEST(FileImagesTest, an_image_that_came_low_is_the_view_that_it_was_stored_as) {
  const RawImages raw(3, 1, 25, 11);
  const PackSettings options = tests::small_options();
  const PackReader pack = tests::open_small_pack(raw, options);
  std::vector<FileImage> stored;
  for (const Sample& sample : raw.samples()) {
    const Image native = decode_image(tests::file_bytes(raw.root() / sample.path), sample.path);
    const auto path = raw.folder() / ("low-" + sample.path);
    core::write_atomic(core::real_file_system(), path, encode_png(low_resolution_view(native, 3, options.kernel)));
    stored.push_back({path, true});
  }
  const FileImages files(core::real_file_system(), stored, options);
  Loader of_pack(pack, {.train_rates = {1}});
  FileLoader of_files(files);
  for (std::size_t row = 0; row < pack.size(); ++row) {
    std::vector<float> expected(of_pack.image_floats());
    of_pack.fill_view(row, 3, expected);
    // Nobody may know at which rate.
    for (const int rate : {0, 2, 3}) EXPECT_EQ(expected, shown(of_files, row, rate, options));
  }
}

TEST(FileImagesTest, a_file_that_is_none_is_named) {
  const RawImages raw(1, 1);
  const FileImages files(core::real_file_system(), {{raw.root() / "gone.png"}}, tests::small_options());
  FileLoader loader(files);
  tests::expect_error(core::ErrorKind::kInput, {"gone.png"}, [&] { shown(loader, 0, 1, files.options()); });
  tests::expect_error(core::ErrorKind::kInput, {"gone.png"}, [&] { files.native_size(0); });
}

}  // namespace
}  // namespace resolute::datasets::file_images_test
