#pragma once
//! \file
//! The traits of a synthetic vehicle, apart from any image, and the painter of one image as a drone above sees it. For
//! synthetic.cpp alone.

#include <array>
#include <cstddef>

#include "core/random/random.h"
#include "datasets/stand_ins/canvas.h"

namespace resolute::datasets::sources {

enum class VehicleKind { kCar, kPickup, kVan, kTruck, kBus };

struct VehicleTraits {
  VehicleKind kind;
  double length;  //!< share of the longest vehicle's, 0.7 to 1
  double width;   //!< share of the widest's, 0.78 to 1
  Colour body;
  Colour roof;
  std::array<Colour, 3> loads;  //!< cargo, boxes on the roof, hatches, by the kind
  std::size_t shown;            //!< how many of them there are, 0 to 3
  Grating body_grating;         //!< over bonnet and boot, or the load bed
  Grating roof_grating;
};

//! A vehicle's place in an image, and the image's size: its turned body's bounding box and a little more, as
//! detectors cut it.
struct VehiclePose {
  double heading;  //!< of its front, radians from the image's right side clockwise, 0 to 2π
  double length;   //!< pixels
  double width;
  Point centre;
  int image_height;
  int image_width;
};

VehicleTraits draw_vehicle_traits(core::RandomStream draw);
//! \param length, width of the longest and the widest vehicle, in pixels
VehiclePose draw_vehicle_pose(const VehicleTraits& traits, double length, double width, core::RandomStream draw);
//! Fills the canvas: a road along the heading or across it, its marks, verges, and parts of what stands beside.
void paint_ground(Canvas& canvas, const VehiclePose& pose, core::RandomStream draw);
//! The vehicle and its shadow; the gratings with random phase, swinging by `amplitude`.
void paint_vehicle(Canvas& canvas, const VehicleTraits& traits, const VehiclePose& pose, double amplitude,
                   core::RandomStream draw);

}  // namespace resolute::datasets::sources
