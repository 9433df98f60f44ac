// The resampler is byte-equal to Pillow (golden files with their script), and obeys what any resampler must.
#include "datasets/image/resample.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "core/error.h"
#include "core/files/file_system.h"
#include "core/files/json.h"
#include "core/hash/sha256.h"
#include "tests/support/folders.h"

namespace resolute::datasets::resample_test {
namespace {

constexpr Kernel kKernels[] = {Kernel::kTriangle, Kernel::kBilinearPoint, Kernel::kCubic, Kernel::kLanczos3};

// The image that make_goldens.py makes.
Image golden_input(int height, int width, std::uint32_t seed, bool extreme) {
  Image image = make_image(height, width);
  for (auto& byte : image.pixels) {
    seed = seed * 1664525u + 1013904223u;
    byte = static_cast<std::uint8_t>(extreme ? (seed >> 31) * 255u : seed >> 24);
  }
  return image;
}

Image transposed(const Image& image) {
  Image result = make_image(image.width, image.height);
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x)
      for (int c = 0; c < 3; ++c)
        result.pixels[static_cast<std::size_t>((x * image.height + y) * 3 + c)] =
            image.pixels[static_cast<std::size_t>((y * image.width + x) * 3 + c)];
  return result;
}

TEST(Resize, equals_the_goldens_byte_for_byte) {
  const auto path = tests::source_folder() / "tests/golden/resample/goldens.json";
  const core::Json cases = core::parse_json(core::read_text(core::real_file_system(), path), "goldens");
  ASSERT_EQ(cases.size(), 256u);
  for (const core::Json& golden : cases) {
    const Image input = golden_input(golden["in"][0], golden["in"][1], golden["seed"], golden["extreme"]);
    const Image result = resize(input, golden["out"][0], golden["out"][1],
                                *settings::from_word<Kernel>(golden["kernel"].get<std::string>()));
    const auto bytes = std::as_bytes(std::span(result.pixels));
    if (golden.contains("pixels")) {
      EXPECT_EQ(core::to_hex(bytes), golden["pixels"].get<std::string>()) << golden.dump();
    }
    EXPECT_EQ(core::sha256_hex(bytes), golden["sha256"].get<std::string>()) << golden.dump();
  }
}

// docs/datasets.md: equal where rate 2 or 4 divides both sides, within 1 elsewhere.
TEST(Resize, point_kernel_is_opencvs_inter_linear_to_1) {
  const auto path = tests::source_folder() / "tests/golden/resample/opencv.json";
  const core::Json cases = core::parse_json(core::read_text(core::real_file_system(), path), "opencv");
  int exact = 0;
  int unlike = 0;
  for (const core::Json& golden : cases) {
    const int height = golden["in"][0], width = golden["in"][1], out_height = golden["out"][0];
    const Image result = resize(golden_input(height, width, golden["seed"], false), out_height, golden["out"][1],
                                Kernel::kBilinearPoint);
    const std::string hex = golden["pixels"];
    ASSERT_EQ(hex.size(), 2 * result.pixels.size());
    int most = 0;
    for (std::size_t i = 0; i < result.pixels.size(); ++i)
      most = std::max(most, std::abs(std::stoi(hex.substr(2 * i, 2), nullptr, 16) - result.pixels[i]));
    const int rate = height / out_height;
    const bool divides = (rate == 2 || rate == 4) && height % rate == 0 && width % rate == 0;
    EXPECT_LE(most, divides ? 0 : 1) << golden["in"] << golden["out"];
    exact += divides;
    unlike += most;
  }
  EXPECT_GE(exact, 4);
  EXPECT_GE(unlike, 3) << "the page says that elsewhere they differ";
}

TEST(Resize, point_kernel_at_rate_2_is_the_mean_of_four) {
  Image image = make_image(2, 2);
  image.pixels = {10, 0, 255, 20, 0, 255, 30, 0, 255, 41, 3, 254};
  EXPECT_EQ(resize(image, 1, 1, Kernel::kBilinearPoint).pixels, (std::vector<std::uint8_t>{25, 1, 255}));
}

TEST(Resize, point_kernel_at_rate_3_takes_the_middle_pixel) {
  const Image image = golden_input(9, 6, 3, false);
  const Image result = resize(image, 3, 2, Kernel::kBilinearPoint);
  for (int y = 0; y < 3; ++y)
    for (int x = 0; x < 2; ++x)
      EXPECT_EQ(result.pixels[static_cast<std::size_t>((y * 2 + x) * 3)],
                image.pixels[static_cast<std::size_t>(((y * 3 + 1) * 6 + x * 3 + 1) * 3)]);
}

TEST(Resize, refuses_sizes_outside_the_limits) {
  const Image image = make_image(2, 2);
  EXPECT_THROW(resize(image, 0, 1, Kernel::kTriangle), core::ContractError);
  EXPECT_THROW(resize(image, 1, kMaxImageSide + 1, Kernel::kTriangle), core::ContractError);
  EXPECT_THROW(resize(Image{}, 1, 1, Kernel::kTriangle), core::ContractError);
}

TEST(Resize, an_image_is_not_resized_into_itself) {
  Image image = make_image(2, 2);
  ResizeScratch scratch;
  EXPECT_THROW(resize_into(image, 1, 1, Kernel::kTriangle, image, scratch), core::ContractError);
}

// So many sizes that the coefficients of the first ones have been forgotten when they come again.
TEST(Resize, what_the_scratch_keeps_and_forgets_changes_no_byte) {
  const Image image = golden_input(2, 4000, 5, false);
  ResizeScratch scratch;
  Image first;
  resize_into(image, 3, 2000, Kernel::kLanczos3, first, scratch);
  Image resized;
  for (int width = 3900; width < 3990; ++width) resize_into(image, 3, width, Kernel::kLanczos3, resized, scratch);
  resize_into(image, 3, 2000, Kernel::kLanczos3, resized, scratch);
  EXPECT_EQ(first, resized);
}

struct Request {
  Image image;
  int height, width;
  Kernel kernel;
};

Request draw_request() {
  return {golden_input(*rc::gen::inRange(1, 50), *rc::gen::inRange(1, 50), *rc::gen::arbitrary<std::uint32_t>(),
                       *rc::gen::arbitrary<bool>()),
          *rc::gen::inRange(1, 70), *rc::gen::inRange(1, 70),
          *rc::gen::elementOf(std::vector<Kernel>(std::begin(kKernels), std::end(kKernels)))};
}

RC_GTEST_PROP(Resize, the_same_size_is_a_copy, ()) {
  const Request request = draw_request();
  RC_ASSERT(resize(request.image, request.image.height, request.image.width, request.kernel) == request.image);
}

// Whatever lay in the answer and in the scratch before.
RC_GTEST_PROP(Resize, into_used_memory_gives_the_same_bytes, ()) {
  ResizeScratch scratch;
  Image resized = golden_input(3, 5, 1, true);
  for (int i = 0; i < 3; ++i) {
    const Request request = draw_request();
    resize_into(request.image, request.height, request.width, request.kernel, resized, scratch);
    RC_ASSERT(resized == resize(request.image, request.height, request.width, request.kernel));
  }
}

RC_GTEST_PROP(Resize, a_flat_image_stays_flat, ()) {
  Request request = draw_request();
  for (std::size_t i = 0; i < request.image.pixels.size(); ++i)
    request.image.pixels[i] = static_cast<std::uint8_t>(60 + 90 * (i % 3));
  const Image result = resize(request.image, request.height, request.width, request.kernel);
  for (std::size_t i = 0; i < result.pixels.size(); ++i) RC_ASSERT(result.pixels[i] == 60 + 90 * (i % 3));
}

RC_GTEST_PROP(Resize, inverting_the_input_inverts_the_output_within_a_rounding, ()) {
  Request request = draw_request();
  const Image plain = resize(request.image, request.height, request.width, request.kernel);
  for (auto& byte : request.image.pixels) byte = static_cast<std::uint8_t>(255 - byte);
  const Image inverted = resize(request.image, request.height, request.width, request.kernel);
  // Each pass rounds once, and a clipped intermediate can carry one step through negative lobes.
  for (std::size_t i = 0; i < plain.pixels.size(); ++i)
    RC_ASSERT(std::abs(255 - plain.pixels[i] - inverted.pixels[i]) <= 3);
}

// One pass alone commutes with transposing; two do not, as the horizontal one rounds first.
RC_GTEST_PROP(Resize, rows_and_columns_are_treated_alike, ()) {
  const Request request = draw_request();
  const Image across = resize(request.image, request.image.height, request.width, request.kernel);
  const Image down = resize(transposed(request.image), request.width, request.image.height, request.kernel);
  RC_ASSERT(transposed(across) == down);
}

RC_GTEST_PROP(Resize, triangle_and_point_never_leave_the_range_of_the_input, ()) {
  const Request request = draw_request();
  const auto [low, high] = std::ranges::minmax(request.image.pixels);
  for (Kernel kernel : {Kernel::kTriangle, Kernel::kBilinearPoint})
    for (std::uint8_t byte : resize(request.image, request.height, request.width, kernel).pixels)
      RC_ASSERT(byte >= low && byte <= high);
}

}  // namespace
}  // namespace resolute::datasets::resample_test
