#pragma once
//! \file
//! The page of `resolute data show --html`: some images of a pack, as HTML with all pictures inside.

#include <string>

#include "datasets/pack/pack.h"

namespace resolute::cli {

//! A table of choose_samples(): a row each with identity, camera, subset and native size, the HR image, and for every
//! rate the LR view, enlarged to network size and at its true size. An image that came in low resolution is marked, and
//! stands in the column of its rate. The same bytes for the same pack. \param samples 1 or more \throws RuntimeError
//! (kInput) for fewer
std::string samples_page(const datasets::PackReader& pack, int samples);

}  // namespace resolute::cli
