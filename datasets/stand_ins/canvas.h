#pragma once
//! \file
//! A small painter of smooth shapes, and the colours, gratings and light that synthetic people and vehicles have in
//! common; for synthetic.cpp. Colours are linear triples, 0 to 1, clipped only at the end.

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <vector>

#include "core/random/random.h"
#include "datasets/image/image.h"

namespace resolute::datasets::sources {

using Colour = std::array<double, 3>;

struct Point {
  double x;
  double y;
};

//! √(x² + y²), as std::hypot() rounds it.
double length(double x, double y);

//! Signed distances in pixels, negative inside; of a point that is a pixel or more outside no more than its distance.
double capsule_distance(Point at, Point from, Point to, double radius);
//! Exact on the axes, good to a fraction of a pixel elsewhere; enough for an antialiased edge.
double ellipse_distance(Point at, Point centre, Point radii);
double rectangle_distance(Point at, Point centre, Point half_sides);
//! A trapezoid with horizontal parallel sides.
double trapezoid_distance(Point at, double top, double bottom, double centre, double half_top, double half_bottom);

class Canvas {
 public:
  Canvas(int height, int width) : height_(height), width_(width), colours_(static_cast<std::size_t>(height * width)) {}
  int height() const { return height_; }
  int width() const { return width_; }

  //! Covers the shape with colours; edges are one pixel soft. \param distance of a Point \param colour of a Point
  template <class Distance, class Shade>
  void paint(const Distance& distance, const Shade& colour) {
    for_each([&](Point at, Colour& pixel) {
      const double cover = std::clamp(0.5 - distance(at), 0.0, 1.0);
      if (cover <= 0.0) return;
      const Colour painted = colour(at);
      for (std::size_t c = 0; c < 3; ++c) pixel[c] += cover * (painted[c] - pixel[c]);
    });
  }
  //! Changes every pixel by `change`(Point, Colour&), top row first.
  template <class Change>
  void for_each(const Change& change) {
    for (int y = 0; y < height_; ++y)
      for (int x = 0; x < width_; ++x)
        change(Point{x + 0.5, y + 0.5},
               colours_[static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) + static_cast<std::size_t>(x)]);
  }
  //! Clipped and rounded to 8 bits.
  Image finish() const;

 private:
  int height_;
  int width_;
  std::vector<Colour> colours_;
};

inline constexpr double kPi = std::numbers::pi;

Colour scaled(const Colour& colour, double factor);
//! A mix of two colours: `t` = 0 the first, 1 the second.
Colour blend(const Colour& a, const Colour& b, double t);
//! Hue 0 to 1, saturation and value as usual in HSV.
Colour from_hsv(double hue, double saturation, double value);

//! A sinusoid over a surface. Its mean is zero: seen from far away (shrunk) nothing is left of it.
struct Grating {
  double angle;       //!< radians, 0 to π
  double wavelength;  //!< pixels, 2.6 to 3.6
  Colour direction;   //!< which way the colour swings; the largest channel is ±1
};
Grating draw_grating(core::RandomStream& draw);

//! A surface's colour at each point.
struct Cloth {
  Colour base;
  Colour swing;
  double kx, ky, phase;
  Colour operator()(Point at) const {
    const double wave = std::sin(kx * at.x + ky * at.y + phase);
    return {base[0] + swing[0] * wave, base[1] + swing[1] * wave, base[2] + swing[2] * wave};
  }
};
//! The grating over `base`, swinging by `amplitude`. \param phase radians
Cloth make_cloth(const Colour& base, const Grating& grating, double amplitude, double phase);

//! The channels' factors: what a camera does to every image of it.
Colour draw_tint(core::RandomStream draw);
//! Light, the camera's tint, sensor noise.
void expose(Canvas& canvas, const Colour& tint, core::RandomStream draw);

}  // namespace resolute::datasets::sources
