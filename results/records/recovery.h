#pragma once
//! \file
//! recovery.csv: how near the decoders of a method bring test images at several resolutions to what they should look
//! like, beside plain enlargement (docs/inside/formats/recovery.md). Written by workers, read by everyone else.

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "results/records/csv.h"
#include "results/scores/image_quality.h"

namespace resolute::results {

//! PSNR and SSIM against the image that a decoder aims at (results/scores/image_quality.h).
struct Nearness {
  float psnr = 0;  //!< in decibels, 0 and above, finite
  float ssim = 0;  //!< -1 to 1
};

//! One image at one rate through one decoder.
struct ImageRecoveryQuality {
  std::string path;           //!< of the image, as its pack names it; any bytes but NUL, not empty
  std::int64_t identity = 0;  //!< -1 or more
  std::int64_t camera = 0;    //!< -1 or more
  int rate = 1;               //!< at which the input was made low-resolution, at least 1
  int scale = 1;              //!< of the decoder: aims at the copy at this rate; 1: at the HR image
  Nearness recovered;         //!< what the decoder made of the input
  Nearness enlarged;          //!< the input itself, enlarged bilinearly
};

//! Path, rate and scale are unique.
template <class Csv>
void columns(Csv& csv, ImageRecoveryQuality& row) {
  csv.text("path", row.path);
  csv.number("identity", row.identity, -1);
  csv.number("camera", row.camera, -1);
  csv.number("rate", row.rate, 1);
  csv.number("scale", row.scale, 1);
  csv.number("recovered_psnr", row.recovered.psnr, 0, static_cast<float>(kMostPsnr));
  csv.number("recovered_ssim", row.recovered.ssim, -1, 1);
  csv.number("enlarged_psnr", row.enlarged.psnr, 0, static_cast<float>(kMostPsnr));
  csv.number("enlarged_ssim", row.enlarged.ssim, -1, 1);
  csv.unique("the path stands twice at this rate and scale", row.path, row.rate, row.scale);
}

//! Means over the images of one rate and scale, each figure's as doubles in the order of the lines.
struct MeanRecovery {
  std::size_t images = 0;
  double recovered_psnr = 0, recovered_ssim = 0;
  double enlarged_psnr = 0, enlarged_ssim = 0;
  double psnr_gain() const { return recovered_psnr - enlarged_psnr; }
};

//! By (rate, scale).
std::map<std::pair<int, int>, MeanRecovery> mean_recovery(const std::vector<ImageRecoveryQuality>& lines);

//! An evaluation's metrics: of each rate R above 1, at scale 1, recovered_psnr_R, enlarged_psnr_R, psnr_gain_R,
//! recovered_ssim_R and enlarged_ssim_R (docs/inside/formats/result.md).
std::map<std::string, double> recovery_metrics(const std::vector<ImageRecoveryQuality>& lines);

}  // namespace resolute::results
