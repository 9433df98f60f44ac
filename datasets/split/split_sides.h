#pragma once
//! \file
//! Which images of a pack are the low-resolution side of a trial: by camera, by who came to us in low resolution, or (a
//! set whose cameras mean nothing) whatever the gallery leaves.

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "datasets/split/split.h"

namespace resolute::datasets {

//! True where cameras mean nothing (MLR-VRU): lr_side "camera" and lr_camera 0.
bool any_camera(const SplitSettings& options);

//! Advice for a pack whose images are all of one camera.
std::string advice_of_one_camera(const SplitSettings& options);

//! Not for any_camera(): there the sides are drawn per image.
class SplitSides {
 public:
  //! \throws RuntimeError (kInput): an lr_camera or one of lr_cameras that the pack lacks, cameras that form no pairs,
  //! options that have no effect or cannot be where images came in low resolution
  SplitSides(std::span<const PackRow> rows, std::string_view pack, const SplitSettings& options);

  //! The pack has images that came in low resolution: they are this side, whatever the camera.
  bool came_low() const { return came_low_; }
  bool is_low(const Sample& sample) const;
  //! True where it may stand in the gallery for its identity's queries: HR, and from a camera that took none of them: a
  //! ranking leaves out what the query's camera took of its identity, and a single-shot draw could show just that. The
  //! price: queries from other cameras are not shown it either.
  bool answers(const Sample& sample) const;
  //! True where a gallery image from another camera shows a query's identity: of lr_side "query", whose gallery has the
  //! query's camera too; elsewhere a side that is asked about is answered.
  bool is_answered(const Sample& query) const;
  //! The low-resolution side, for a message: "camera 2".
  const std::string& description() const { return description_; }

 private:
  void list_cameras_that_came_low(std::span<const PackRow> rows, std::string_view pack, const SplitSettings& options);
  void use_camera(std::span<const PackRow> rows, std::string_view pack, const SplitSettings& options);
  void take_queries(std::span<const PackRow> rows);
  void draw_camera(const std::set<std::int64_t>& cameras, const SplitSettings& options);
  void draw_of_pairs(std::span<const PackRow> rows, std::string_view pack, const SplitSettings& options);
  void draw_by_identity(std::span<const PackRow> rows, const SplitSettings& options);

  bool came_low_ = false;
  bool by_query_ = false;                                           // lr_side "query"
  std::map<std::int64_t, std::set<std::int64_t>> gallery_cameras_;  // of each identity, with by_query_
  std::set<std::int64_t> cameras_;                                  // low for everybody
  std::map<std::int64_t, std::int64_t> camera_of_;                  // low for one identity
  std::set<std::pair<std::int64_t, std::int64_t>> low_in_cameras_;  // identity, camera: with an image that came low
  std::string description_;
};

//! The rate that an image which came in low resolution has in a split: its own where the pack has it, else the one of
//! query_rates nearest to sqrt(H·W / (h·w)) on a log scale (H×W network size, h×w native); ties go to the smaller.
int rate_of_low(const PackRow& row, const SplitSettings& options, const PackShape& shape);

}  // namespace resolute::datasets
