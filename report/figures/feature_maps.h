#pragma once
//! \file
//! Maps of an evaluation's features in the plane (t-SNE), by identity and by resolution.

#include <string>
#include <vector>

#include "report/figures/figure.h"
#include "results/pictures/mapped_images.h"

namespace resolute::report {

//! Two figures of one map: a series an identity, and a series "gallery" and one a rate of the queries, or one a rate of
//! a sample. Nothing for fewer than 8 images. \param label of the row
std::vector<Figure> feature_maps(const results::MappedImages& images, const std::string& label);

}  // namespace resolute::report
