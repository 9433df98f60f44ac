// The resampler beside Pillow itself: the same bytes for whatever sizes and kernels come, and the point kernel beside a
// twin in numpy; and shrunk images blurred and pressed through JPEG. Pillow up to 12: 13 filters columns before rows
// for some sizes, and then rounds otherwise by 1.

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "core/error.h"
#include "core/hash/sha256.h"
#include "core/random/random.h"
#include "datasets/image/degradation.h"
#include "datasets/image/low_resolution.h"
#include "datasets/image/resample.h"
#include "tests/support/folders.h"
#include "tests/support/temporary_folder.h"

namespace resolute::datasets::pillow_test {
namespace {

constexpr int kCases = 1000;
constexpr int kMostSide = 300;
constexpr int kLastSameOrder = 12;  // the last major version of Pillow whose bytes are met

struct Case {
  std::size_t offset;  // of its pixels in the noise
  int height, width, out_height, out_width;
  bool extreme;  // black and white alone, where negative lobes clip
  Kernel kernel;
};

Case draw_case(core::RandomStream& stream) {
  constexpr Kernel kKernels[] = {Kernel::kTriangle, Kernel::kCubic, Kernel::kLanczos3, Kernel::kBilinearPoint};
  const auto side = [&] { return 1 + static_cast<int>(stream.below(kMostSide)); };
  Case drawn{0, side(), side(), side(), side(), stream.below(4) == 0, kKernels[stream.below(4)]};
  // Every tenth keeps one side, which then is not filtered.
  if (stream.below(10) == 0)
    (stream.below(2) == 0 ? drawn.out_height : drawn.out_width) = stream.below(2) == 0 ? drawn.height : drawn.width;
  drawn.offset = stream.below(3 * kMostSide * kMostSide);
  return drawn;
}

std::vector<std::uint8_t> written_noise(core::RandomStream& stream, const tests::TemporaryFolder& folder) {
  std::vector<std::uint8_t> noise(2 * 3 * kMostSide * kMostSide);
  for (auto& byte : noise) byte = static_cast<std::uint8_t>(stream.below(256));
  std::ofstream(folder / "noise", std::ios::binary)
      .write(reinterpret_cast<const char*>(noise.data()), static_cast<std::streamsize>(noise.size()));
  return noise;
}

// Of the script, for the cases in the folder.
void write_answers(const std::string& script, const tests::TemporaryFolder& folder) {
  const std::string command =
      fmt::format("/usr/bin/python3 '{}/tests/datasets/image/{}' '{}' '{}' > '{}'", tests::source_folder().string(),
                  script, (folder / "noise").string(), (folder / "cases").string(), (folder / "answers").string());
  ASSERT_EQ(0, std::system(command.c_str())) << command;
}

TEST(Pillow, resizes_to_the_same_bytes) {
  const tests::TemporaryFolder folder;
  core::RandomStream stream("pillow test", {11});
  const std::vector<std::uint8_t> noise = written_noise(stream, folder);
  std::vector<Case> cases;
  std::ofstream list(folder / "cases");
  for (int i = 0; i < kCases; ++i) {
    const Case& c = cases.emplace_back(draw_case(stream));
    list << c.offset << ' ' << c.height << ' ' << c.width << ' ' << c.out_height << ' ' << c.out_width << ' '
         << c.extreme << ' ' << settings::word(c.kernel) << '\n';
  }
  list.close();
  ASSERT_NO_FATAL_FAILURE(write_answers("pillow_resize.py", folder));
  std::ifstream answers(folder / "answers");
  std::string version;
  ASSERT_TRUE(std::getline(answers, version));
  const bool same_order = std::stoi(version) <= kLastSameOrder;
  ResizeScratch scratch;
  Image resized;
  for (const Case& c : cases) {
    Image image = make_image(c.height, c.width);
    std::copy_n(noise.begin() + static_cast<std::ptrdiff_t>(c.offset), image.pixels.size(), image.pixels.begin());
    if (c.extreme)
      for (auto& byte : image.pixels) byte = byte < 128 ? 0 : 255;
    resize_into(image, c.out_height, c.out_width, c.kernel, resized, scratch);
    std::string expected;
    ASSERT_TRUE(std::getline(answers, expected));
    if (!same_order && c.kernel != Kernel::kBilinearPoint) continue;
    EXPECT_EQ(expected, core::sha256_hex(std::as_bytes(std::span(resized.pixels))))
        << c.height << "x" << c.width << " to " << c.out_height << "x" << c.out_width << " by "
        << settings::word(c.kernel);
  }
  if (!same_order)
    GTEST_SKIP() << "/usr/bin/python3 has Pillow " << version << ", and pixels are those of Pillow up to "
                 << kLastSameOrder
                 << ": 13 filters columns before rows (docs/datasets.md); its kernels were not compared";
}

// Rates, blurs and qualities from end to end of their intervals, on images from a pixel up.
TEST(Pillow, degrades_to_the_same_bytes) {
  constexpr int kMostDegradedSide = 120;
  const tests::TemporaryFolder folder;
  core::RandomStream stream("pillow test", {12});
  const std::vector<std::uint8_t> noise = written_noise(stream, folder);
  struct Degraded {
    std::size_t offset;
    ImageSize size;
    Degradation drawn;
  };
  std::vector<Degraded> cases;
  std::ofstream list(folder / "cases");
  for (int i = 0; i < kCases; ++i) {
    const auto side = [&] { return 1 + static_cast<int>(stream.below(kMostDegradedSide)); };
    Degraded& one = cases.emplace_back(Degraded{stream.below(3 * kMostSide * kMostSide), {side(), side()}, {}});
    one.drawn.rate = stream.below(3) == 0 ? 1.0 : stream.uniform(1, 16);
    const double most = stream.below(2) == 0 ? 2.0 : settings::DegradationSettings::kMostBlur;
    one.drawn.blur = stream.below(4) == 0 ? 0.0 : stream.uniform(0, most);
    one.drawn.jpeg = static_cast<int>(stream.below(101));
    const ImageSize small = shrunk_size(one.size, one.drawn.rate);
    // Pillow takes a float from a number that reads back to the same double.
    list << fmt::format("{} {} {} {} {} {} {}\n", one.offset, one.size.height, one.size.width, small.height,
                        small.width, one.drawn.blur, one.drawn.jpeg);
  }
  list.close();
  ASSERT_NO_FATAL_FAILURE(write_answers("pillow_degrade.py", folder));
  std::ifstream answers(folder / "answers");
  std::string version;
  ASSERT_TRUE(std::getline(answers, version));
  if (std::stoi(version) > kLastSameOrder) GTEST_SKIP() << "Pillow " << version << " resizes in another order";
  ResizeScratch resize_scratch;
  DegradationScratch scratch;
  Image small;
  for (const Degraded& one : cases) {
    Image image = make_image(one.size.height, one.size.width);
    std::copy_n(noise.begin() + static_cast<std::ptrdiff_t>(one.offset), image.pixels.size(), image.pixels.begin());
    const ImageSize size = shrunk_size(one.size, one.drawn.rate);
    resize_into(image, size.height, size.width, Kernel::kCubic, small, resize_scratch);
    degrade(small, one.drawn, stream, scratch);
    std::string expected;
    ASSERT_TRUE(std::getline(answers, expected));
    EXPECT_EQ(expected, core::sha256_hex(std::as_bytes(std::span(small.pixels))))
        << one.size.height << "x" << one.size.width << " at rate " << one.drawn.rate << ", blur " << one.drawn.blur
        << ", JPEG " << one.drawn.jpeg;
  }
}

}  // namespace
}  // namespace resolute::datasets::pillow_test
