#pragma once
//! \file
//! Image files as an evaluation shows the images of a pack to its networks, without a pack: the same resizes, the same
//! normalisation, the same bits (docs/inside/formats/pack.md, "Rows").

#include <cstddef>
#include <span>
#include <vector>

#include "core/files/file_system.h"
#include "datasets/image/image.h"
#include "datasets/image/resample.h"
#include "datasets/loader/augmentation.h"
#include "settings/pack.h"

namespace resolute::datasets {

struct FileImage {
  fs::path path;
  bool came_low = false;  //!< it is an LR view already, whatever the rate that is asked for
};

//! Files by number, 0 to size() - 1, and the size and kernel that a pack would make of them. Any thread.
class FileImages {
 public:
  //! \param files must outlive this \param pack height, width, kernel, view_from and truncated_images are read
  FileImages(core::FileSystem& files, std::vector<FileImage> images, const settings::PackSettings& pack)
      : files_(files), images_(std::move(images)), pack_(pack) {}

  std::size_t size() const { return images_.size(); }
  const settings::PackSettings& options() const { return pack_; }
  //! The size of the file's image, from its header. \throws RuntimeError: kInput for a file that is missing or no image
  ImageSize native_size(std::size_t number) const;
  //! \param to its memory is used again \throws RuntimeError: kInput as decode_image()
  void read(std::size_t number, Image& to) const;
  bool came_low(std::size_t number) const { return images_.at(number).came_low; }

 private:
  core::FileSystem& files_;
  std::vector<FileImage> images_;
  settings::PackSettings pack_;
};

//! Loader::fill_view() for files. Not thread-safe (it keeps working buffers); make one a thread.
class FileLoader {
 public:
  //! \param images must outlive the loader
  explicit FileLoader(const FileImages& images) : images_(images) {}

  //! See Loader::fill_view(). \param rate 1 to settings::kLargestRate; of an image that came low any \throws as
  //! FileImages::read()
  void fill_view(std::size_t number, int rate, std::span<float> to);

 private:
  const FileImages& images_;
  Image native_, network_, small_;
  ResizeScratch scratch_;
  AugmentRows rows_;
};

}  // namespace resolute::datasets
