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

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "core/file_system.h"
#include "core/json.h"
#include "datasets/image/image.h"

namespace resolute::datasets {

enum class Subject { kPerson, kVehicle };

//! "person" or "vehicle". \throws RuntimeError (kInput) for another name
Subject subject_from_name(std::string_view name);
std::string subject_name(Subject subject);

struct SyntheticOptions {
  int identities = 64;        //!< 4 to 9999; the first half (rounded down) is the training subset
  int cameras = 2;            //!< 1 to 99
  int images_per_camera = 4;  //!< of each identity, 2 to 9999; the first of a test identity is its query image
  int height = 64;            //!< pixels, 32 to 1024; of vehicles: the longest one's length
  int width = 32;             //!< pixels, 16 to 1024; of vehicles: the widest one's width
  std::uint64_t seed = 0;
  double fine_contrast = 1.0;  //!< of the gratings, 0 (none) to 1
  Subject subject = Subject::kPerson;
  bool irregular = false;  //!< as downloaded sets are (source.h: write_stand_in())
  bool operator==(const SyntheticOptions&) const = default;
};

//! \throws RuntimeError (kInput) naming the first setting outside its range
void validate(const SyntheticOptions& options);

//! The settings and the renderer's revision: what `synthetic.json` beside the images says.
core::Json to_json(const SyntheticOptions& options);

//! One image of a person, height × width, whatever the options' subject. \param identity, camera, image from 0
Image render_person(const SyntheticOptions& options, int identity, int camera, int image);
//! One image of a vehicle, its sides at most 1.2 times the diagonal of height × width. \param identity, camera, image
//! from 0
Image render_vehicle(const SyntheticOptions& options, int identity, int camera, int image);

//! Writes bounding_box_train, bounding_box_test, query (JPEG, 4:4:4, quality 95) and synthetic.json under `out`,
//! complete or not there: a temporary folder beside it, then rename. An `out` that holds the same settings is left as
//! it is. \throws RuntimeError (kInput) if `out` holds anything else, or for a setting outside its range
void write_synthetic(core::FileSystem& files, const std::filesystem::path& out, const SyntheticOptions& options);

}  // namespace resolute::datasets
