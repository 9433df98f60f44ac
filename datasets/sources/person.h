#pragma once
//! \file
//! What a synthetic person is, apart from any image, and how one image of it is painted. For synthetic.cpp alone.

#include <cstdint>

#include "core/random.h"
#include "datasets/sources/canvas.h"

namespace resolute::datasets::sources {

//! A sinusoid over a garment. Its mean is zero: seen from far away (shrunk) nothing is left of it.
struct Grating {
  double angle;       //!< radians, 0 to π
  double wavelength;  //!< pixels, 2.6 to 3.6
  Colour direction;   //!< which way the colour swings; the largest channel is ±1
};

struct Traits {
  Colour torso;
  Colour legs;
  Colour skin;
  Colour hair;
  Colour shoes;
  Grating torso_grating;
  Grating legs_grating;
  double shoulders;  //!< relative width of the body
};

Traits draw_traits(core::RandomStream draw);
//! The channels' factors: what a camera does to every image of it.
Colour draw_tint(core::RandomStream draw);
//! Fills the canvas: a wall, a floor, and things that stand about.
void paint_background(Canvas& canvas, core::RandomStream draw);
//! The person in a random pose; the gratings with random phase, swinging by `amplitude`.
void paint_person(Canvas& canvas, const Traits& traits, double amplitude, core::RandomStream draw);
//! Light, the camera's tint, sensor noise.
void expose(Canvas& canvas, const Colour& tint, core::RandomStream draw);

}  // namespace resolute::datasets::sources
