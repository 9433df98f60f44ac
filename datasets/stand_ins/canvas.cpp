#include "datasets/stand_ins/canvas.h"

namespace resolute::datasets::sources {

namespace {

// No edge is softer than that: what is farther out is not covered, however far.
constexpr double kOutside = 1.0;

// How much the coarse cue is disturbed. Chosen so that a nearest neighbour on garment colours alone finds about half of
// the matches across cameras, and one on the gratings nearly all at full resolution (docs/inside/decisions.md).
constexpr double kTint = 0.12;         // log of a camera's channel factors
constexpr double kImageTint = 0.05;    // the same, in every image anew
constexpr double kLight = 0.16;        // log of an image's brightness
constexpr double kSensorNoise = 0.01;  // of full scale

}  // namespace

// std::hypot takes a fifth of the time of drawing a person; on an axis, where most points of a box are, its value is
// known.
double length(double x, double y) {
  if (x == 0.0) return std::abs(y);
  if (y == 0.0) return std::abs(x);
  return std::hypot(x, y);
}

double capsule_distance(Point at, Point from, Point to, double radius) {
  const double dx = to.x - from.x;
  const double dy = to.y - from.y;
  const double length2 = std::max(dx * dx + dy * dy, 1e-12);
  const double along = std::clamp(((at.x - from.x) * dx + (at.y - from.y) * dy) / length2, 0.0, 1.0);
  const double x = at.x - from.x - along * dx;
  const double y = at.y - from.y - along * dy;
  const double least = std::max(std::abs(x), std::abs(y)) - radius;
  return least >= kOutside ? least : length(x, y) - radius;
}

double ellipse_distance(Point at, Point centre, Point radii) {
  const double x = (at.x - centre.x) / radii.x;
  const double y = (at.y - centre.y) / radii.y;
  const double radius = std::min(radii.x, radii.y);
  const double least = (std::max(std::abs(x), std::abs(y)) - 1.0) * radius;
  return least >= kOutside ? least : (length(x, y) - 1.0) * radius;
}

double rectangle_distance(Point at, Point centre, Point half_sides) {
  return std::max(std::abs(at.x - centre.x) - half_sides.x, std::abs(at.y - centre.y) - half_sides.y);
}

double trapezoid_distance(Point at, double top, double bottom, double centre, double half_top, double half_bottom) {
  const double down = std::clamp((at.y - top) / std::max(bottom - top, 1e-9), 0.0, 1.0);
  const double half = half_top + down * (half_bottom - half_top);
  return std::max({top - at.y, at.y - bottom, std::abs(at.x - centre) - half});
}

Image Canvas::finish() const {
  Image image = make_image(height_, width_);
  std::size_t at = 0;
  for (const Colour& colour : colours_)
    for (double channel : colour)
      image.pixels[at++] = static_cast<std::uint8_t>(std::clamp(channel, 0.0, 1.0) * 255.0 + 0.5);
  return image;
}

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
