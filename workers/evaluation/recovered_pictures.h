#pragma once
//! \file
//! What a method's decoders make of pictures, as pictures (results/pictures/view_pictures.h).

#include <span>
#include <vector>

#include "methods/networks/method.h"
#include "results/pictures/view_pictures.h"

namespace resolute::workers {

//! One pass of the pictures through the method's decoders, float32, batch norms not folded, on the device where its
//! parameters lie. \param pictures at least one, all of one size
//! \return one for each decoder, in descending order of scales; empty without a decoder
std::vector<results::RecoveredPictures> recover_pictures(methods::Method& method,
                                                         std::span<const datasets::Image> pictures);

}  // namespace resolute::workers
