#pragma once
//! \file
//! Low resolution that is not low: LR views that are no smaller than the images that the network sees. Photographs are
//! often larger than a network's image, and a view is made of the photograph (settings::ViewFrom::kNative).

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "datasets/image/image.h"
#include "settings/pack.h"

namespace resolute::datasets {

//! An image as it came.
struct NativeImage {
  ImageSize size;
  bool came_low = false;  //!< its query is the image itself, at every rate
};

//! The images whose view at a rate is on both sides at least as large as the network's image; where rates are drawn, at
//! the lowest that may be.
struct HighViews {
  int rate = 1;               //!< 1: of images that came in low resolution
  std::size_t images = 0;     //!< 1 or more
  std::size_t all = 0;        //!< images that have such a view
  ImageSize least{}, most{};  //!< of the views: the smallest and the largest of either side
};

//! By rate; nothing where every view is low. Pure. \param pack its rates, degradation, view_from and network size are
//! read
std::vector<HighViews> high_views(const settings::PackSettings& pack, std::span<const NativeImage> images);

//! "LR views at rate 2 (512x256, 160 of 160 images) are no smaller than the network's images (256x128)"; empty for
//! none.
std::string high_views_text(const settings::PackSettings& pack, std::span<const HighViews> views);

//! The whole of it for people, with what to do about it; empty where every view is low.
std::string high_views_warning(const settings::PackSettings& pack, std::span<const NativeImage> images);

//! The most images that a warning looks at: where there are more, they lie evenly among all.
inline constexpr std::size_t kMostSizesRead = 2000;

//! Native sizes of a data set, as cheaply as they can be had: of its sealed pack's manifest, else of the raw images'
//! headers, else of the settings of people that are drawn in one size. The same images whichever it is.
//! \param pack_folder where the pack is or will be \param root folder of the raw images; may be empty or not there
//! \return nothing where none of these is here, and where no image can be listed or read: who packs it will say why
std::optional<std::vector<NativeImage>> native_images(core::FileSystem& files, const settings::PackSettings& pack,
                                                      const fs::path& pack_folder, const fs::path& root);

}  // namespace resolute::datasets
