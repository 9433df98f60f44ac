#include "datasets/loader/augmentation.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/error.h"
#include "core/random/random.h"
#include "datasets/loader/normalisation.h"

namespace resolute::datasets {
namespace {

void draw_erasing(core::RandomStream& stream, int height, int width, Augmentation& augmentation) {
  constexpr int kAttempts = 100;
  const double area = static_cast<double>(height) * width;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const double target = stream.uniform(0.02, 0.4) * area;
    const double aspect = stream.uniform(0.3, 1.0 / 0.3);
    const int erase_height = static_cast<int>(std::lround(std::sqrt(target * aspect)));
    const int erase_width = static_cast<int>(std::lround(std::sqrt(target / aspect)));
    if (erase_height < 1 || erase_width < 1 || erase_height >= height || erase_width >= width) continue;
    augmentation.erase_height = erase_height;
    augmentation.erase_width = erase_width;
    augmentation.erase_top = static_cast<int>(stream.below(static_cast<std::uint64_t>(height - erase_height) + 1));
    augmentation.erase_left = static_cast<int>(stream.below(static_cast<std::uint64_t>(width - erase_width) + 1));
    return;
  }
}

void add_step(ColourChange change, double amount, Augmentation& to) {
  to.colour_steps.at(to.colours++) = {change, amount};
}

void draw_jitter(const ColourOptions& asked, core::RandomStream& stream, Augmentation& to) {
  std::array order{ColourChange::kBrightness, ColourChange::kContrast, ColourChange::kSaturation, ColourChange::kHue};
  stream.shuffle(std::span<ColourChange>(order));
  for (const ColourChange change : order) {
    if (change == ColourChange::kHue) {
      if (asked.hue > 0) add_step(change, stream.uniform(-asked.hue, asked.hue), to);
      continue;
    }
    const double strength = change == ColourChange::kBrightness ? asked.brightness
                            : change == ColourChange::kContrast ? asked.contrast
                                                                : asked.saturation;
    if (strength > 0) add_step(change, stream.uniform(std::max(0.0, 1 - strength), 1 + strength), to);
  }
}

void draw_policy_step(int magnitude, core::RandomStream& stream, Augmentation& to) {
  constexpr std::array kOperations{ColourChange::kBrightness,   ColourChange::kSaturation, ColourChange::kContrast,
                                   ColourChange::kSharpness,    ColourChange::kPosterize,  ColourChange::kSolarize,
                                   ColourChange::kAutoContrast, ColourChange::kEqualize};
  const double share = magnitude / 30.0;
  const std::size_t drawn = stream.below(kOperations.size() + 1);
  if (drawn == kOperations.size()) return;  // Identity
  switch (const ColourChange change = kOperations.at(drawn)) {
    case ColourChange::kPosterize:
      return add_step(change, 8 - std::nearbyint(4 * share), to);
    case ColourChange::kSolarize:
      return add_step(change, 255 * (1 - share), to);
    case ColourChange::kAutoContrast:
    case ColourChange::kEqualize:
      return add_step(change, 0, to);
    default:
      return add_step(change, 1 + (stream.below(2) == 0 ? 0.9 : -0.9) * share, to);
  }
}

void draw_colours(const ColourOptions& asked, core::RandomStream& stream, Augmentation& to) {
  constexpr int kSteps = 2;
  if (stream.uniform() < asked.jitter) draw_jitter(asked, stream, to);
  if (asked.policy == settings::ColourPolicy::kNone) return;
  for (int step = 0; step < kSteps; ++step) draw_policy_step(asked.magnitude, stream, to);
}

// Calls `put` with each row and its levels, flipped and shifted.
template <class Put>
void for_each_row(const Image& image, const Augmentation& augmentation, AugmentRows& rows, Put put) {
  const auto width = static_cast<std::size_t>(image.width);
  const std::size_t row_levels = width * 3;
  const int x_begin = std::clamp(augmentation.shift_x, 0, image.width);
  const int x_end = std::clamp(image.width + augmentation.shift_x, 0, image.width);
  const auto begin = static_cast<std::size_t>(x_begin);
  const auto count = static_cast<std::size_t>(std::max(x_end - x_begin, 0));
  // Columns of the image that stay in sight; flipping comes first, so the shift is seen from the other side.
  const int first = x_begin - augmentation.shift_x;
  const auto from = static_cast<std::size_t>(count == 0             ? 0
                                             : augmentation.flipped ? image.width - first - (x_end - x_begin)
                                                                    : first);
  rows.black.assign(row_levels, 0);
  rows.levels.assign(row_levels, 0);  // with the image's part between black ends
  for (int y = 0; y < image.height; ++y) {
    const int from_y = y - augmentation.shift_y;
    if (from_y < 0 || from_y >= image.height) {
      put(y, std::span<const std::uint8_t>(rows.black));
      continue;
    }
    const auto part =
        std::span(image.pixels).subspan(static_cast<std::size_t>(from_y) * row_levels + from * 3, count * 3);
    if (!augmentation.flipped && count == width) {
      put(y, std::span<const std::uint8_t>(part));
      continue;
    }
    if (augmentation.flipped)
      mirror_pixels(part, rows.levels.data() + begin * 3);
    else if (count > 0)
      std::memcpy(rows.levels.data() + begin * 3, part.data(), part.size());
    put(y, std::span<const std::uint8_t>(rows.levels));
  }
}

template <class Value>
void expect_room(const Image& image, std::span<Value> to) {
  RESOLUTE_EXPECT(to.size() == image.pixels.size(), "a buffer for an image has another size");
}

}  // namespace

LoaderOptions loader_options(const settings::Recipe& recipe, std::uint64_t seed, bool originals) {
  return {recipe.train_rates,
          recipe.flip,
          recipe.pad,
          recipe.erasing,
          seed,
          recipe.copies_from,
          originals,
          {recipe.jitter, recipe.jitter_brightness, recipe.jitter_contrast, recipe.jitter_saturation, recipe.jitter_hue,
           recipe.policy, recipe.policy_magnitude},
          recipe.copies};
}

Augmentation draw_augmentation(const LoaderOptions& options, int height, int width, std::uint64_t round,
                               std::size_t row, std::uint32_t occurrence) {
  core::RandomStream stream("augment", {options.seed, round, row, occurrence});
  Augmentation augmentation;
  augmentation.rate = options.train_rates[static_cast<std::size_t>(stream.below(options.train_rates.size()))];
  augmentation.flipped = stream.uniform() < options.flip;
  const auto places = 2 * static_cast<std::uint64_t>(options.pad) + 1;
  augmentation.shift_y = static_cast<int>(stream.below(places)) - options.pad;
  augmentation.shift_x = static_cast<int>(stream.below(places)) - options.pad;
  if (stream.uniform() < options.erasing) draw_erasing(stream, height, width, augmentation);
  if (options.colours.jitter > 0 || options.colours.policy != settings::ColourPolicy::kNone) {
    core::RandomStream colours("colours", {options.seed, round, row, occurrence});
    draw_colours(options.colours, colours, augmentation);
  }
  return augmentation;
}

void augment(const Image& image, const Augmentation& augmentation, AugmentRows& rows, std::span<float> to) {
  expect_room(image, to);
  for_each_row(image, augmentation, rows, [&](int y, std::span<const std::uint8_t> levels) {
    float* out = to.data() + static_cast<std::size_t>(y) * levels.size();
    if (y < augmentation.erase_top || y >= augmentation.erase_top + augmentation.erase_height) {
      normalise_pixels(levels, out, Store::kStreaming);
      return;
    }
    // Streamed floats are far away: zeros are laid over a row before it goes there.
    rows.floats.resize(levels.size());
    normalise_pixels(levels, rows.floats.data());
    std::fill_n(rows.floats.data() + augmentation.erase_left * 3, augmentation.erase_width * 3, 0.0F);
    stream_floats(rows.floats, out);
  });
  finish_streaming();
}

void augment(const Image& image, const Augmentation& augmentation, AugmentRows& rows, std::span<std::uint8_t> to) {
  expect_room(image, to);
  Augmentation shifted = augmentation;
  shifted.flipped = false;
  if (augmentation.flipped) shifted.shift_x = -augmentation.shift_x;
  for_each_row(image, shifted, rows, [&](int y, std::span<const std::uint8_t> levels) {
    std::copy(levels.begin(), levels.end(), to.data() + static_cast<std::size_t>(y) * levels.size());
  });
}

}  // namespace resolute::datasets
