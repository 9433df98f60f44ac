#pragma once
//! \file
//! The raw images of a data set by the paths of its samples: files of a folder, as they are or as another format
//! (CUHK03's). Reading is all that packing needs of a source once it has listed its samples.

#include <string>

#include "core/bytes.h"
#include "core/files/file_system.h"
#include "datasets/image/image.h"

namespace resolute::datasets {

//! Any thread, several at once.
class RawReader {
 public:
  virtual ~RawReader() = default;
  //! An encoded image (image.h: decode_image()); its SHA-256 is the row's source_sha256.
  //! \param path of a sample that the source listed \throws RuntimeError: kInput for one that is missing or too large,
  //! kEnvironment where reading fails
  virtual core::Bytes read(const std::string& path) const = 0;
  //! image_size() of it, for less than read() where the header can be had alone. \throws as both
  virtual ImageSize size(const std::string& path) const { return image_size(read(path), place(path)); }
  //! The image's name in messages: a path that a user can look at.
  virtual std::string place(const std::string& path) const = 0;
};

//! Files below `root`. \param files must outlive the reader
class RawFolder final : public RawReader {
 public:
  RawFolder(core::FileSystem& files, fs::path root) : files_(files), root_(std::move(root)) {}
  core::Bytes read(const std::string& path) const override;
  ImageSize size(const std::string& path) const override;
  std::string place(const std::string& path) const override { return (root_ / path).string(); }

 private:
  core::FileSystem& files_;
  fs::path root_;
};

}  // namespace resolute::datasets
