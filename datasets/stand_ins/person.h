#pragma once
//! \file
//! The traits of a synthetic person, apart from any image, and the painter of one image. For synthetic.cpp alone.

#include "core/random/random.h"
#include "datasets/stand_ins/canvas.h"

namespace resolute::datasets::sources {

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
//! Fills the canvas: a wall, a floor, and things that stand about.
void paint_background(Canvas& canvas, core::RandomStream draw);
//! The person in a random pose; the gratings with random phase, swinging by `amplitude`.
void paint_person(Canvas& canvas, const Traits& traits, double amplitude, core::RandomStream draw);

}  // namespace resolute::datasets::sources
