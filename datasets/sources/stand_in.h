#pragma once
//! \file
//! What the makers of stand-ins share: a small data set of procedural people in a source's published layout, for tests,
//! for trying a protocol out without the real images, and as its layout's worked example.

#include <filesystem>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/file_system.h"
#include "datasets/image/image.h"
#include "datasets/sources/synthetic.h"

namespace resolute::datasets::sources {

//! The files of a data set that is being made; not thread-safe.
class StandInFolder {
 public:
  StandInFolder(core::FileSystem& files, std::filesystem::path folder) : files_(files), folder_(std::move(folder)) {}
  //! Writes a file; its folders are made. \param path relative to the data set's folder
  void write(const std::string& path, std::span<const std::byte> bytes);
  void write(const std::string& path, std::string_view text) { write(path, core::as_byte_span(text)); }
  //! fsync of all that was written and of its folders.
  void sync() const;

 private:
  core::FileSystem& files_;
  std::filesystem::path folder_;
  std::set<std::filesystem::path> folders_;
  std::vector<std::filesystem::path> written_;
};

//! Makes `out` whole or not at all: what `fill` writes and `synthetic.json` with `settings`, in a temporary folder
//! beside it, synced, renamed. An `out` that has the same settings is left as it is. \throws RuntimeError (kInput) if
//! `out` holds anything else; what `fill` throws
void write_whole(core::FileSystem& files, const std::filesystem::path& out, const std::string& settings,
                 const std::function<void(StandInFolder&)>& fill);

//! An image as `options` says: a person or a vehicle. With options.irregular its sides are 0.5 to 1.5 times the
//! options' (never below what the renderer can do), drawn by seed, identity, camera and image. All count from 0.
Image stand_in_image(const SyntheticOptions& options, int identity, int camera, int image);

//! \throws RuntimeError (kInput) naming the setting where a layout cannot have this value of it
void require_setting(std::string_view layout, std::string_view setting, int value, int low, int high);

//! Uncompressed 24-bit BMP, as VIPeR's files are.
core::Bytes encode_bmp(const Image& image);

//! JPEG quality of stand-ins.
inline constexpr int kStandInQuality = 95;

}  // namespace resolute::datasets::sources
