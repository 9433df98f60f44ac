#include "datasets/stand_ins/canvas.h"

namespace resolute::datasets::sources {

namespace {

// No edge is softer than that: what is farther out is not covered, however far.
constexpr double kOutside = 1.0;

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

}  // namespace resolute::datasets::sources
