#include "datasets/stand_ins/person.h"

#include <cmath>

namespace resolute::datasets::sources {
namespace {

Colour draw_garment(core::RandomStream& draw) {
  const double hue = draw.uniform();
  const double saturation = draw.uniform(0.2, 0.7);
  return from_hsv(hue, saturation, draw.uniform(0.35, 0.7));
}

}  // namespace

Traits draw_traits(core::RandomStream draw) {
  Traits traits{};
  traits.torso = draw_garment(draw);
  traits.legs = draw_garment(draw);
  traits.torso_grating = draw_grating(draw);
  traits.legs_grating = draw_grating(draw);
  traits.skin = blend({0.90, 0.72, 0.60}, {0.36, 0.24, 0.17}, draw.uniform());
  traits.hair = blend({0.08, 0.06, 0.05}, {0.62, 0.47, 0.26}, draw.uniform());
  traits.shoes = scaled({1.0, 1.0, 1.0}, draw.uniform(0.08, 0.75));
  traits.shoulders = draw.uniform(0.88, 1.12);
  return traits;
}

void paint_background(Canvas& canvas, core::RandomStream draw) {
  const double height = canvas.height();
  const double width = canvas.width();
  const Colour wall = from_hsv(draw.uniform(), draw.uniform(0.0, 0.3), draw.uniform(0.3, 0.8));
  const Colour floor = from_hsv(draw.uniform(), draw.uniform(0.0, 0.25), draw.uniform(0.2, 0.7));
  const double horizon = draw.uniform(0.45, 0.85) * height;
  const double fade = draw.uniform(-0.25, 0.25);
  canvas.for_each([&](Point at, Colour& pixel) {
    pixel = blend(wall, floor, std::clamp((at.y - horizon) / 2.0 + 0.5, 0.0, 1.0));
    pixel = scaled(pixel, 1.0 + fade * (at.x / width - 0.5));
  });
  const std::uint64_t things = 3 + draw.below(5);
  for (std::uint64_t i = 0; i < things; ++i) {
    const Colour colour = from_hsv(draw.uniform(), draw.uniform(0.0, 0.6), draw.uniform(0.1, 0.9));
    const Point centre{draw.uniform(0.0, width), draw.uniform(0.0, height)};
    const Point size{draw.uniform(0.04, 0.25) * width, draw.uniform(0.03, 0.2) * height};
    // Railings and bricks: stripes, wide enough to survive shrinking, so that stripes alone do not mean a person.
    const double k = 2.0 * kPi / draw.uniform(4.5, 9.0);
    const double angle = draw.uniform(0.0, kPi);
    const double swing = draw.uniform() < 0.4 ? draw.uniform(0.05, 0.2) : 0.0;
    const bool round = draw.uniform() < 0.4;
    canvas.paint(
        [&](Point at) { return round ? ellipse_distance(at, centre, size) : rectangle_distance(at, centre, size); },
        [&](Point at) {
          const double wave = swing * std::sin(k * (std::cos(angle) * at.x + std::sin(angle) * at.y));
          return Colour{colour[0] + wave, colour[1] + wave, colour[2] + wave};
        });
  }
}

void paint_person(Canvas& canvas, const Traits& traits, double amplitude, core::RandomStream draw) {
  // Lengths in units of the person's height, from the crown (0) to the soles (1).
  const double tall = canvas.height() * draw.uniform(0.82, 0.94);
  const double unit = std::min(tall, canvas.width() * 1.9);  // widths shrink with a narrow image
  const double top = (canvas.height() - tall) * draw.uniform(0.2, 0.8);
  const double middle = canvas.width() * (0.5 + draw.uniform(-0.07, 0.07));
  const double lean = draw.uniform(-0.02, 0.02);
  const double turn = draw.uniform(0.82, 1.0);  // seen a little from the side
  const double stride = draw.uniform(0.0, 0.07);
  const double swing = draw.uniform(-0.05, 0.08);
  const double shoulder = 0.135 * traits.shoulders * turn;
  const auto place = [&](double across, double down) {
    return Point{middle + (across + lean * (0.5 - down)) * unit, top + down * tall};
  };
  const Cloth torso = make_cloth(traits.torso, traits.torso_grating, amplitude, draw.uniform(0.0, 2.0 * kPi));
  const Cloth legs = make_cloth(traits.legs, traits.legs_grating, amplitude, draw.uniform(0.0, 2.0 * kPi));
  const auto plain = [](const Colour& colour) { return [colour](Point) { return colour; }; };

  for (double side : {-1.0, 1.0}) {
    const Point ankle = place(side * (0.055 + stride), 0.95);
    canvas.paint(
        [&](Point at) {
          return ellipse_distance(at, {ankle.x, ankle.y + 0.015 * tall}, {0.06 * unit, 0.03 * tall});
        },
        plain(traits.shoes));
    const Point hip = place(side * 0.055 * turn, 0.53);
    canvas.paint([&](Point at) { return capsule_distance(at, hip, ankle, 0.056 * unit); }, legs);
  }
  for (double side : {-1.0, 1.0}) {
    const Point hand = place(side * (shoulder + 0.03 + side * swing), 0.52);
    canvas.paint(
        [&](Point at) {
          return ellipse_distance(at, hand, {0.032 * unit, 0.025 * tall});
        },
        plain(traits.skin));
    const Point joint = place(side * (shoulder - 0.015), 0.2);
    const Point cuff = place(side * (shoulder + 0.025 + side * swing * 0.8), 0.49);
    canvas.paint([&](Point at) { return capsule_distance(at, joint, cuff, 0.036 * unit); },
                 plain(scaled(traits.torso, 0.82)));
  }
  canvas.paint([&](Point at) { return capsule_distance(at, place(0.0, 0.1), place(0.0, 0.19), 0.035 * unit); },
               plain(scaled(traits.skin, 0.9)));
  const Point chest = place(0.0, 0.3);
  canvas.paint(
      [&](Point at) {
        return trapezoid_distance(at, top + 0.16 * tall, top + 0.55 * tall, chest.x, shoulder * unit,
                                  shoulder * 0.86 * unit);
      },
      torso);
  const Point head = place(0.0, 0.08);
  const Point head_radii{0.055 * unit, 0.075 * tall};
  canvas.paint([&](Point at) { return ellipse_distance(at, head, head_radii); }, plain(traits.skin));
  canvas.paint([&](Point at) { return std::max(ellipse_distance(at, head, head_radii), at.y - head.y + 0.01 * tall); },
               plain(traits.hair));
}

}  // namespace resolute::datasets::sources
