#pragma once
//! \file
//! Colours, gratings and light: what synthetic people and vehicles have in common. For synthetic.cpp alone.

#include <cmath>
#include <numbers>

#include "core/random/random.h"
#include "datasets/stand_ins/canvas.h"

namespace resolute::datasets::sources {

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
