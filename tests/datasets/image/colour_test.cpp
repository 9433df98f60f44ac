// Changes of colours beside Pillow itself: the same bytes for whatever sizes, amounts and levels come.

#include "datasets/image/colour.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "core/error.h"
#include "core/hash/sha256.h"
#include "core/random/random.h"
#include "tests/support/folders.h"
#include "tests/support/temporary_folder.h"

namespace resolute::datasets::colour_test {
namespace {

constexpr int kCases = 1800, kMostSide = 60, kLargeSide = 512;

struct Case {
  std::size_t offset;  // of its pixels in the noise
  int height, width;
  int shift;  // few levels, far from 0 and 255
  ColourStep step;
};

double draw_amount(core::RandomStream& stream, ColourChange change) {
  switch (change) {
    case ColourChange::kHue:
      return stream.uniform(-0.5, 0.5);
    case ColourChange::kPosterize:
      return static_cast<double>(stream.below(9));
    case ColourChange::kSolarize:
      return stream.uniform(0, 256);
    default:
      return stream.below(5) == 0 ? static_cast<double>(stream.below(3)) : stream.uniform(0, 2);
  }
}

// Each change in turn; the first nine images are large.
Case draw_case(core::RandomStream& stream, int number) {
  const auto side = [&] { return number < 9 ? kLargeSide : 1 + static_cast<int>(stream.below(kMostSide)); };
  const int height = side(), width = side();
  const int shift = number < 9 || stream.below(3) > 0 ? 0 : 1 + static_cast<int>(stream.below(8));
  const auto change = static_cast<ColourChange>(number % 9);
  return {stream.below(3 * kMostSide), height, width, shift, {change, draw_amount(stream, change)}};
}

TEST(Colours, change_to_pillows_bytes) {
  const tests::TemporaryFolder folder;
  core::RandomStream stream("colour test", {11});
  std::vector<std::uint8_t> noise(3 * (kLargeSide * kLargeSide + kMostSide));
  for (auto& byte : noise) byte = static_cast<std::uint8_t>(stream.below(256));
  std::ofstream(folder / "noise", std::ios::binary)
      .write(reinterpret_cast<const char*>(noise.data()), static_cast<std::streamsize>(noise.size()));
  std::vector<Case> cases;
  std::ofstream list(folder / "cases");
  for (int i = 0; i < kCases; ++i) {
    const Case& c = cases.emplace_back(draw_case(stream, i));
    list << c.offset << ' ' << c.height << ' ' << c.width << ' ' << c.shift << ' ' << static_cast<int>(c.step.change)
         << ' ' << fmt::format("{:a}", c.step.amount) << '\n';
  }
  list.close();
  const std::string command = fmt::format(
      "/usr/bin/python3 '{}/tests/datasets/image/pillow_colours.py' '{}' '{}' > '{}'", tests::source_folder().string(),
      (folder / "noise").string(), (folder / "cases").string(), (folder / "answers").string());
  ASSERT_EQ(0, std::system(command.c_str())) << command;
  std::ifstream answers(folder / "answers");
  std::vector<std::uint8_t> scratch;
  for (const Case& c : cases) {
    Image image = make_image(c.height, c.width);
    std::copy_n(noise.begin() + static_cast<std::ptrdiff_t>(c.offset), image.pixels.size(), image.pixels.begin());
    if (c.shift > 0)
      for (auto& level : image.pixels) level = static_cast<std::uint8_t>((level >> c.shift) + 100);
    change_colours(image, c.step, scratch);
    std::string expected;
    ASSERT_TRUE(std::getline(answers, expected));
    EXPECT_EQ(expected, core::sha256_hex(std::as_bytes(std::span(image.pixels))))
        << c.height << "x" << c.width << ", change " << static_cast<int>(c.step.change) << " by " << c.step.amount;
  }
}

}  // namespace
}  // namespace resolute::datasets::colour_test
