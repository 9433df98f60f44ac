#pragma once
//! \file
//! Images that are taken and of which a user must know. How a camera says that a JPEG or PNG is to be turned (EXIF tag
//! 274): pixels are taken as they are stored, as Pillow's open() and torchvision take them; here it is counted, so that
//! nobody trains on people who lie down without a word. JPEGs whose data end early, where somebody asked for them. And
//! PNGs of 16 bits, which scale to 8 by their upper ones: a camera's 10 or 12 bits in them are nearly black.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace resolute::datasets {

//! 1 to 8; 1, upright, where a file says nothing or is damaged.
int exif_orientation(std::span<const std::byte> bytes);

//! Images of one kind.
struct CountedImages {
  std::size_t count = 0;
  std::string first = {};  //!< as messages call it

  void add(std::string_view name);
  void add(const CountedImages& others);
};

struct OddImages {
  CountedImages turned = {};     //!< they carry an orientation which turns or mirrors them
  CountedImages truncated = {};  //!< decode_image_into() filled them
  CountedImages deep = {};       //!< PNGs of 16 bits a value

  //! Counts the image where it is one. \param bytes of the file \param filled what decode_image_into() returned
  void look_at(std::span<const std::byte> bytes, std::string_view name, bool filled);
  void add(const OddImages& others);
  //! A line for each kind of which there are any. \param all images that were looked at
  std::vector<std::string> warnings(std::size_t all) const;
};

}  // namespace resolute::datasets
