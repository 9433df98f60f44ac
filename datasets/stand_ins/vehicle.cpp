#include "datasets/stand_ins/vehicle.h"

#include <algorithm>
#include <cmath>

namespace resolute::datasets::sources {
namespace {

constexpr Colour kGlass{0.09, 0.11, 0.14};
constexpr Colour kRubber{0.07, 0.07, 0.08};

// Each draw is a statement of its own: the order in which a call's arguments are evaluated is the compiler's affair.
Colour draw_colour(core::RandomStream& draw, double most_saturation, double darkest, double brightest) {
  const double hue = draw.uniform();
  const double saturation = draw.uniform(0.0, most_saturation);
  const double value = draw.uniform(darkest, brightest);
  return from_hsv(hue, saturation, value);
}

// A third of all vehicles is white, grey or black, the others have any colour. None so bright that a grating on it
// would be cut off, and its mean with it.
Colour draw_paint(core::RandomStream& draw) {
  if (draw.uniform() < 0.35) return draw_colour(draw, 0.06, 0.16, 0.7);
  const double hue = draw.uniform();
  const double saturation = draw.uniform(0.3, 0.75);
  const double value = draw.uniform(0.32, 0.68);
  return from_hsv(hue, saturation, value);
}

double rounded_distance(Point at, Point centre, Point half_sides, double radius) {
  const double x = std::abs(at.x - centre.x) - half_sides.x + radius;
  const double y = std::abs(at.y - centre.y) - half_sides.y + radius;
  return length(std::max(x, 0.0), std::max(y, 0.0)) + std::min(std::max(x, y), 0.0) - radius;
}

// A canvas seen from a vehicle: x along it, front ahead, y to its right, pixels from its centre.
class Turned {
 public:
  Turned(Canvas& canvas, Point origin, double heading)
      : canvas_(canvas), origin_(origin), cos_(std::cos(heading)), sin_(std::sin(heading)) {}

  Point from_centre(Point at) const {
    const double x = at.x - origin_.x;
    const double y = at.y - origin_.y;
    return {cos_ * x + sin_ * y, cos_ * y - sin_ * x};
  }
  template <class Shade>
  void box(Point centre, Point half_sides, double radius, const Shade& colour) {
    const double most = std::min({radius, half_sides.x, half_sides.y});
    canvas_.paint([&](Point at) { return rounded_distance(from_centre(at), centre, half_sides, most); },
                  [&](Point at) { return colour(from_centre(at)); });
  }
  void box(Point centre, Point half_sides, double radius, const Colour& colour) {
    box(centre, half_sides, radius, [&](Point) { return colour; });
  }
  // Lets what is there through: `strength` 1 is black.
  void shade(Point centre, Point half_sides, double radius, double strength) {
    canvas_.for_each([&](Point at, Colour& pixel) {
      const double distance = rounded_distance(from_centre(at), centre, half_sides, radius);
      pixel = scaled(pixel, 1.0 - strength * std::clamp(0.5 - distance / 2.0, 0.0, 1.0));
    });
  }

 private:
  Canvas& canvas_;
  Point origin_;
  double cos_;
  double sin_;
};

// Paints one vehicle. Lengths along it in units of its half length (front 1, back −1), across in half widths.
class Painter {
 public:
  Painter(Canvas& canvas, const VehicleTraits& traits, const VehiclePose& pose, double amplitude,
          core::RandomStream& draw)
      : traits_(traits),
        turned_(canvas, pose.centre, pose.heading),
        half_{pose.length / 2.0, pose.width / 2.0},
        round_(0.22 * pose.width),
        sun_(draw.uniform(0.0, 2.0 * kPi) - pose.heading) {
    const double body_phase = draw.uniform(0.0, 2.0 * kPi);
    const double roof_phase = draw.uniform(0.0, 2.0 * kPi);
    body_ = make_cloth(traits.body, traits.body_grating, amplitude, body_phase);
    roof_ = make_cloth(traits.roof, traits.roof_grating, amplitude, roof_phase);
    bed_ = make_cloth(scaled(traits.body, 0.55), traits.body_grating, amplitude, body_phase);
  }

  void paint() {
    turned_.shade({-0.16 * half_.y * std::cos(sun_), -0.16 * half_.y * std::sin(sun_)},
                  {half_.x * 1.01, half_.y * 1.03}, round_, 0.62);
    for (const double side : {-1.0, 1.0}) part(0.34, 0.40, side * 0.96, side * 1.14, kRubber);  // mirrors
    part(-1.0, 1.0, -0.97, 0.97, scaled(traits_.body, 0.72), round_);
    part(-0.97, 0.97, -0.86, 0.86, body_, round_);
    for (const double side : {-1.0, 1.0}) {
      part(0.91, 0.99, side * 0.48, side * 0.8, Colour{0.92, 0.9, 0.8});
      part(-1.0, -0.94, side * 0.5, side * 0.82, Colour{0.6, 0.08, 0.07});
    }
    switch (traits_.kind) {
      case VehicleKind::kCar:
        return paint_car();
      case VehicleKind::kPickup:
        return paint_pickup();
      case VehicleKind::kVan:
        return paint_van();
      case VehicleKind::kTruck:
        return paint_truck();
      case VehicleKind::kBus:
        return paint_bus();
    }
  }

 private:
  // From `back` to `front`, from `left` to `right` (either way round). A light side towards the sun.
  template <class Shade>
  void part(double back, double front, double left, double right, const Shade& colour, double radius = 0.6) {
    turned_.box({(back + front) / 2.0 * half_.x, (left + right) / 2.0 * half_.y},
                {(front - back) / 2.0 * half_.x, std::abs(right - left) / 2.0 * half_.y}, radius, [&](Point at) {
                  const double lit = std::cos(sun_) * at.x / half_.x + std::sin(sun_) * at.y / half_.y;
                  return scaled(colour(at), 1.0 + 0.1 * lit);
                });
  }
  void part(double back, double front, double left, double right, const Colour& colour, double radius = 0.6) {
    part(
        back, front, left, right, [&](Point) { return colour; }, radius);
  }
  // Boxes one behind the other.
  void loads(double back, double front, double half_width) {
    const double each = (front - back) / 3.0;
    for (std::size_t i = 0; i < traits_.shown; ++i) {
      const double from = back + each * static_cast<double>(i);
      part(from + 0.1 * each, from + 0.9 * each, -half_width, half_width, traits_.loads[i]);
    }
  }
  void paint_car() {
    part(-0.66, 0.4, -0.8, 0.8, kGlass, 0.5 * round_);
    part(-0.5, 0.12, -0.7, 0.7, roof_, 0.3 * round_);
    if (traits_.shown > 0) part(-0.3, -0.06, -0.36, 0.36, scaled(traits_.loads[0], 0.6));
  }
  void paint_pickup() {
    part(-0.92, -0.1, -0.78, 0.78, bed_);
    loads(-0.9, -0.14, 0.62);
    part(-0.08, 0.52, -0.8, 0.8, kGlass, 0.4 * round_);
    part(0.0, 0.3, -0.72, 0.72, roof_, 0.2 * round_);
  }
  void paint_van() {
    part(0.4, 0.68, -0.8, 0.8, kGlass, 0.4 * round_);
    part(-0.94, 0.46, -0.82, 0.82, roof_, 0.3 * round_);
    loads(-0.8, 0.3, 0.34);
  }
  void paint_truck() {
    part(0.52, 0.6, -0.95, 0.95, kRubber);  // the gap behind the cab
    part(0.8, 0.93, -0.8, 0.8, kGlass);
    part(-0.99, 0.52, -0.98, 0.98, scaled(traits_.roof, 0.7));
    part(-0.96, 0.49, -0.88, 0.88, roof_);
    loads(-0.9, 0.44, 0.6);
  }
  void paint_bus() {
    part(0.86, 0.97, -0.82, 0.82, kGlass);
    part(-0.95, 0.84, -0.8, 0.8, roof_, 0.3 * round_);
    loads(-0.8, 0.7, 0.3);
  }

  const VehicleTraits& traits_;
  Turned turned_;
  Point half_;
  double round_;
  double sun_;  // where the light comes from, seen from the vehicle
  Cloth body_{};
  Cloth roof_{};
  Cloth bed_{};
};

// Dashes along a line `aside` of the vehicle's middle.
void paint_lane_mark(Turned& road, double aside, double length, double reach, core::RandomStream& draw) {
  const double dash = draw.uniform(0.3, 0.7) * length;
  const double begin = draw.uniform(0.0, 2.0 * dash);
  const Colour white = scaled({1.0, 1.0, 0.97}, draw.uniform(0.6, 0.9));
  for (double at = begin - reach; at < reach; at += 2.0 * dash) road.box({at, aside}, {dash / 2.0, 1.0}, 0.3, white);
}

}  // namespace

VehicleTraits draw_vehicle_traits(core::RandomStream draw) {
  struct Kind {
    VehicleKind kind;
    double shortest, longest;  // shares of the longest vehicle's length
  };
  constexpr std::array<Kind, 5> kKinds{{{VehicleKind::kCar, 0.7, 0.84},
                                        {VehicleKind::kPickup, 0.78, 0.9},
                                        {VehicleKind::kVan, 0.76, 0.9},
                                        {VehicleKind::kTruck, 0.88, 1.0},
                                        {VehicleKind::kBus, 0.92, 1.0}}};
  VehicleTraits traits{};
  const Kind& kind = kKinds[static_cast<std::size_t>(draw.below(kKinds.size()))];
  traits.kind = kind.kind;
  traits.length = draw.uniform(kind.shortest, kind.longest);
  traits.width = draw.uniform(0.78, 1.0);
  traits.body = draw_paint(draw);
  traits.roof = draw.uniform() < 0.5 ? scaled(traits.body, 1.06) : draw_paint(draw);
  for (Colour& load : traits.loads) load = draw_colour(draw, 0.75, 0.15, 0.75);
  traits.shown = static_cast<std::size_t>(draw.below(traits.loads.size() + 1));
  traits.body_grating = draw_grating(draw);
  traits.roof_grating = draw_grating(draw);
  return traits;
}

VehiclePose draw_vehicle_pose(const VehicleTraits& traits, double length, double width, core::RandomStream draw) {
  const double height_above = draw.uniform(0.9, 1.0);  // the drone flies lower or higher
  VehiclePose pose{};
  pose.heading = draw.uniform(0.0, 2.0 * kPi);
  pose.length = traits.length * length * height_above;
  pose.width = traits.width * width * height_above;
  const double along = std::abs(std::cos(pose.heading));
  const double across = std::abs(std::sin(pose.heading));
  const auto side = [&](double body) {
    return std::max(8, static_cast<int>(std::lround(body * draw.uniform(1.06, 1.2))));
  };
  pose.image_width = side(along * pose.length + across * pose.width);
  pose.image_height = side(across * pose.length + along * pose.width);
  pose.centre.x = pose.image_width * (0.5 + draw.uniform(-0.03, 0.03));
  pose.centre.y = pose.image_height * (0.5 + draw.uniform(-0.03, 0.03));
  return pose;
}

void paint_ground(Canvas& canvas, const VehiclePose& pose, core::RandomStream draw) {
  const double height = canvas.height();
  const double width = canvas.width();
  const double reach = std::hypot(height, width);
  const Colour asphalt = draw_colour(draw, 0.15, 0.28, 0.62);
  const double grain = draw.uniform(0.005, 0.03);
  canvas.for_each([&](Point, Colour& pixel) { pixel = scaled(asphalt, 1.0 + grain * draw.normal()); });
  // Most vehicles stand along the road, some across it.
  const double road_heading = pose.heading + (draw.uniform() < 0.75 ? draw.uniform(-0.1, 0.1) : kPi / 2.0);
  Turned road(canvas, pose.centre, road_heading);
  const std::uint64_t patches = 1 + draw.below(4);
  for (std::uint64_t i = 0; i < patches; ++i) {
    const Colour patch = scaled(asphalt, draw.uniform(0.75, 1.2));
    const Point centre{draw.uniform(-0.5, 0.5) * reach, draw.uniform(-0.5, 0.5) * reach};
    const double length = draw.uniform(0.05, 0.3) * reach;
    road.box(centre, {length, draw.uniform(0.03, 0.12) * reach}, 2.0, patch);
  }
  for (const double side : {-1.0, 1.0}) {
    const double aside = side * draw.uniform(0.6, 0.95) * pose.width;
    if (draw.uniform() < 0.45) {
      paint_lane_mark(road, aside, pose.length, reach, draw);
    } else if (draw.uniform() < 0.4) {  // a verge: grass or sand, behind a kerb
      const double hue = draw.uniform(0.1, 0.38);
      const double saturation = draw.uniform(0.2, 0.55);
      const Colour verge = from_hsv(hue, saturation, draw.uniform(0.3, 0.6));
      road.box({0.0, aside + side * reach}, {reach, reach}, 0.0, scaled({1.0, 1.0, 1.0}, draw.uniform(0.5, 0.75)));
      road.box({0.0, aside + side * (reach + 2.0)}, {reach, reach}, 0.0, verge);
    } else if (draw.uniform() < 0.5) {  // a neighbour, of which a part is seen
      const Point centre{draw.uniform(-0.6, 0.6) * pose.length, aside + side * 0.72 * pose.width};
      const Point half{0.42 * pose.length, 0.45 * pose.width};
      const Colour paint = draw_paint(draw);
      road.shade(centre, {half.x * 1.05, half.y * 1.08}, 0.2 * pose.width, 0.5);
      road.box(centre, half, 0.2 * pose.width, paint);
      road.box(centre, {half.x * 0.55, half.y * 0.8}, 0.1 * pose.width, kGlass);
      road.box(centre, {half.x * 0.38, half.y * 0.7}, 0.1 * pose.width, scaled(paint, 1.1));
    }
  }
  if (draw.uniform() < 0.2) {  // a crossing: bars wide enough to survive shrinking
    const double bar = draw.uniform(2.5, 4.5);
    const double ahead = (draw.uniform() < 0.5 ? -1.0 : 1.0) * 0.55 * pose.length;
    for (double aside = -reach; aside < reach; aside += 2.0 * bar)
      road.box({ahead, aside}, {0.12 * pose.length, bar / 2.0}, 0.3, Colour{0.8, 0.8, 0.78});
  }
  if (draw.uniform() < 0.35) {  // a tree's crown over a corner
    const Point corner{draw.uniform() < 0.5 ? 0.0 : width, draw.uniform() < 0.5 ? 0.0 : height};
    const double hue = draw.uniform(0.22, 0.4);
    const Colour leaves = from_hsv(hue, 0.5, draw.uniform(0.2, 0.45));
    const double radius = draw.uniform(0.12, 0.25) * reach;
    canvas.paint(
        [&](Point at) {
          return ellipse_distance(at, corner, {radius, radius});
        },
        [&](Point) { return scaled(leaves, 1.0 + 0.15 * draw.normal()); });
  }
}

void paint_vehicle(Canvas& canvas, const VehicleTraits& traits, const VehiclePose& pose, double amplitude,
                   core::RandomStream draw) {
  Painter(canvas, traits, pose, amplitude, draw).paint();
}

}  // namespace resolute::datasets::sources
