#pragma once
//! \file
//! Tools that the makers of stand-ins share: a small data set of procedural people in a source's published layout, for
//! tests, for trying a protocol out without the real images, and as its layout's worked example.

#include <functional>
#include <string>

#include "core/files/file_system.h"
#include "core/files/new_folder.h"
#include "datasets/image/image.h"
#include "datasets/stand_ins/synthetic.h"

namespace resolute::datasets {

using core::NewFolder;
using settings::Source;

//! The file of settings beside drawn images; a pack of them has it too, beside its seal.
inline constexpr const char* kDrawnFile = "synthetic.json";

//! A small data set in a source's published layout.
struct StandInSettings : SyntheticSettings {
  Source layout = Source::kSynthetic;
  bool irregular = false;  //!< as downloaded sets are (source.h: write_stand_in())
  bool operator==(const StandInSettings&) const = default;
};

}  // namespace resolute::datasets

namespace resolute::datasets::sources {

//! Makes `out` whole or not at all: what `fill` writes and `synthetic.json` with `settings`, by write_new_folder(). An
//! `out` that has the same settings is left as it is. \throws RuntimeError (kInput) if `out` holds anything else; what
//! `fill` throws
void write_whole(core::FileSystem& files, const fs::path& out, const std::string& settings,
                 const std::function<void(NewFolder&)>& fill);

//! Calls `visit` with identity, camera and image of each, in their order and all from 0. The last identity of an
//! irregular set was seen by the first camera alone.
void for_each_image(const StandInSettings& settings, const std::function<void(int, int, int)>& visit);

//! An image as `settings` say: a person or a vehicle. With settings.irregular its sides are 0.5 to 1.5 times
//! theirs (never below what the renderer can do), drawn by seed, identity, camera and image. All count from 0.
Image stand_in_image(const StandInSettings& settings, int identity, int camera, int image);

//! Uncompressed 24-bit BMP, as VIPeR's files are.
core::Bytes encode_bmp(const Image& image);

//! JPEG quality of stand-ins.
inline constexpr int kStandInQuality = 95;

}  // namespace resolute::datasets::sources
