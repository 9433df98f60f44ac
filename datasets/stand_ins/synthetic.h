#pragma once
//! \file
//! Procedural people and vehicles with two redundant cues, written as image files in Market-1501's naming so that they
//! enter by the same door as real data.
//!
//! - Fine: gratings on torso and legs, or on a vehicle's body and roof, wavelength 2.6 to 3.6 pixels of the image as
//!   rendered, random phase in every image; the identity is in their orientations, wavelengths and colour directions.
//!   Clean at full resolution, gone at rates of 2 to 3 and up. Their contrast is a setting, since it decides how much a
//!   resolution-invariant method has to win.
//! - Coarse: garment colours; a vehicle's kind, sides, paint, roof and load. Continuous, disturbed by light in each
//!   image and by each camera's tint. Survives any rate.
//!
//! People: pose (shift, scale, stride, arms) and background clutter change in every image. Vehicles are seen from above
//! as a drone sees them, turned by any angle, on a road with its marks, verges and neighbours; the image is cut to the
//! turned body's bounding box, so that native sizes differ and some images are wider than high. Every draw is keyed by
//! (seed, identity, camera, image): an image does not depend on how many others are made.

#include "core/files/json.h"
#include "datasets/image/image.h"
#include "settings/pack.h"

namespace resolute::datasets {

using settings::Subject;
using settings::SyntheticSettings;

//! The contents of `synthetic.json` beside the images: the settings and the renderer's revision.
core::Json synthetic_json(const SyntheticSettings& settings);

//! One image of a person, height × width, whatever the settings' subject. \param identity, camera, image from 0
Image render_person(const SyntheticSettings& settings, int identity, int camera, int image);
//! One image of a vehicle, its sides at most 1.2 times the diagonal of height × width. \param identity, camera, image
//! from 0
Image render_vehicle(const SyntheticSettings& settings, int identity, int camera, int image);

}  // namespace resolute::datasets
