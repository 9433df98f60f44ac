#pragma once
//! \file
//! The degradation of an image beyond a whole rate: settings of what is drawn for each image.

#include <vector>

#include "settings/member.h"

namespace resolute::settings {

//! An interval for each step, in the order of the steps (datasets/image/degradation.h). Empty: the step is left out.
//! Else the lowest and the highest value, of which each image draws one uniformly.
struct DegradationSettings {
  std::vector<double> rate = {};   //!< real rates, in the place of whole ones
  std::vector<double> blur = {};   //!< standard deviations, pixels of the shrunk image
  std::vector<double> noise = {};  //!< standard deviations, levels of 0 to 255
  std::vector<int> jpeg = {};      //!< qualities
  bool operator==(const DegradationSettings&) const = default;

  //! True unless every step is left out.
  bool any() const { return *this != DegradationSettings(); }

  static constexpr double kMostBlur = 16;
  static constexpr double kMostNoise = 64;

  static void members(auto&& visit) {
    using D = DegradationSettings;
    visit(member("rate", &D::rate, interval(1, kLargestRate),
                 "the real rate that an image is shrunk by, drawn from this interval; its sides are rounded down")
              .silent_at_default());
    visit(member("blur", &D::blur, interval(0, kMostBlur),
                 "standard deviation of a Gaussian blur of the shrunk image, in its pixels (Pillow's GaussianBlur)")
              .silent_at_default());
    visit(member("noise", &D::noise, interval(0, kMostNoise),
                 "standard deviation of Gaussian noise that is added then, in levels of 0 to 255")
              .silent_at_default());
    visit(member("jpeg", &D::jpeg, interval(1, 100),
                 "quality of the JPEG that the image is pressed through at last, with Pillow's other settings")
              .silent_at_default());
  }
};

}  // namespace resolute::settings
