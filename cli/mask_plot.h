#pragma once
//! \file
//! Masks for levels of resolution in the page of `resolute suite panels`: the factors behind each block of a network at
//! each level, and how far they are from those of the highest level (docs/formats/masks.md).

#include <string>
#include <string_view>
#include <vector>

#include "results/mask_values.h"

namespace resolute::cli {

//! An SVG element for a page that defines the classes of box_plot_style() (cli/box_plot.h): a column for each block, in
//! the network's order, in each a box for each level, the lowest first, over an axis from 0 to 1. \param lines at least
//! one, of 1 to 4 levels, as results::parse_mask_values() gives them; of more the four highest are drawn
//! \param description of the picture, for those who do not see it; any text
std::string mask_plot_svg(const std::vector<results::MaskSpread>& lines, std::string_view description);

//! An HTML table: a line for each block, in it the mean difference of each level below the highest to that. Empty where
//! there is one level. \param lines as above
std::string mask_table_html(const std::vector<results::MaskSpread>& lines);

}  // namespace resolute::cli
