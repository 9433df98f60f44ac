#include "datasets/stand_ins/shading.h"

namespace resolute::datasets::sources {
namespace {

// How much the coarse cue is disturbed. Chosen so that a nearest neighbour on garment colours alone finds about half of
// the matches across cameras, and one on the gratings nearly all at full resolution (docs/inside/decisions.md).
constexpr double kTint = 0.12;         // log of a camera's channel factors
constexpr double kImageTint = 0.05;    // the same, in every image anew
constexpr double kLight = 0.16;        // log of an image's brightness
constexpr double kSensorNoise = 0.01;  // of full scale

}  // namespace

Colour scaled(const Colour& colour, double factor) {
  return {colour[0] * factor, colour[1] * factor, colour[2] * factor};
}

Colour from_hsv(double hue, double saturation, double value) {
  Colour colour{};
  for (std::size_t c = 0; c < 3; ++c) {
    const double turn = hue * 6.0 + (c == 0 ? 5.0 : c == 1 ? 3.0 : 1.0);
    const double k = turn - 6.0 * std::floor(turn / 6.0);
    colour[c] = value - value * saturation * std::clamp(std::min(k, 4.0 - k), 0.0, 1.0);
  }
  return colour;
}

Colour blend(const Colour& a, const Colour& b, double t) {
  return {a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1]), a[2] + t * (b[2] - a[2])};
}

Grating draw_grating(core::RandomStream& draw) {
  Grating grating{};
  grating.angle = draw.uniform(0.0, kPi);
  grating.wavelength = draw.uniform(2.6, 3.6);
  double largest = 1e-9;
  for (double& channel : grating.direction) {
    channel = draw.normal();
    largest = std::max(largest, std::abs(channel));
  }
  for (double& channel : grating.direction) channel /= largest;
  return grating;
}

Cloth make_cloth(const Colour& base, const Grating& grating, double amplitude, double phase) {
  const double k = 2.0 * kPi / grating.wavelength;
  return {base, scaled(grating.direction, amplitude), k * std::cos(grating.angle), k * std::sin(grating.angle), phase};
}

Colour draw_tint(core::RandomStream draw) {
  // A random direction without a common part (that would be light), always of the same length: no camera pair is alike
  // by luck and none is hopeless.
  Colour direction{draw.normal(), draw.normal(), draw.normal()};
  const double mean = (direction[0] + direction[1] + direction[2]) / 3.0;
  double length = 1e-9;
  for (double& channel : direction) {
    channel -= mean;
    length += channel * channel;
  }
  Colour tint{};
  for (std::size_t c = 0; c < 3; ++c) tint[c] = std::exp(kTint * direction[c] * std::sqrt(3.0 / length));
  return tint;
}

void expose(Canvas& canvas, const Colour& tint, core::RandomStream draw) {
  const double light = std::exp(kLight * std::clamp(draw.normal(), -2.0, 2.0));
  Colour factors{};
  for (std::size_t c = 0; c < 3; ++c)
    factors[c] = light * tint[c] * std::exp(kImageTint * std::clamp(draw.normal(), -2.0, 2.0));
  const double haze = draw.uniform(0.0, 0.06);
  const double shade = draw.uniform(-0.15, 0.15);  // from top to bottom
  const double height = canvas.height();
  canvas.for_each([&](Point at, Colour& pixel) {
    const double fall = 1.0 + shade * (at.y / height - 0.5);
    for (std::size_t c = 0; c < 3; ++c)
      pixel[c] = haze + (1.0 - haze) * pixel[c] * factors[c] * fall + kSensorNoise * draw.normal();
  });
}

}  // namespace resolute::datasets::sources
