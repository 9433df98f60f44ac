#pragma once
//! \file
//! How near one picture comes to another: mean difference, PSNR and SSIM of 8-bit RGB pictures. Pure numbers, in
//! doubles summed in a fixed order: the same pictures always give the same bits.

#include <cstdint>
#include <span>

namespace resolute::results {

//! No picture comes nearer to another: one value one level off among 10^13 is at 178 dB.
inline constexpr double kMostPsnr = 200;

//! 8-bit RGB, row-major height × width × 3; at least 1 pixel per side.
struct PictureView {
  int height = 0, width = 0;
  std::span<const std::uint8_t> pixels;
};

struct PictureQuality {
  double error = 0;  //!< mean absolute difference over pixels and channels, in levels: 0 to 255
  double psnr = 0;   //!< in decibels, 0 to kMostPsnr
  double ssim = 0;   //!< -1 to 1; 1: equal
};

//! 10 log10(255² / mean squared difference over pixels and channels). Equal pictures would be infinitely good; they
//! count as if one value were off by one level, so that means and files stay finite: 10 log10(255² · values).
//! \pre pictures of one size
double psnr(const PictureView& picture, const PictureView& reference);

//! Mean structural similarity of the pictures' luma (0.299 R + 0.587 G + 0.114 B, not rounded). Wang et al., "Image
//! quality assessment: from error visibility to structural similarity", 2004: Gaussian window of 11×11 with deviation
//! 1.5, weights adding up to 1, K1 = 0.01, K2 = 0.03, L = 255, variances without Bessel's correction. Windows beyond
//! the picture do not count, as in the authors' program: no border is made up. A side shorter than 11 pixels
//! takes a window of its own length, centred, with weights adding up to 1. \pre pictures of one size
double ssim(const PictureView& picture, const PictureView& reference);

//! All three. \pre pictures of one size
PictureQuality picture_quality(const PictureView& picture, const PictureView& reference);

}  // namespace resolute::results
