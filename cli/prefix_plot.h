#pragma once
//! \file
//! Distances by shared prefixes in the page of `resolute suite panels`: how far queries of each rate are from right and
//! wrong gallery images by the first sub-vectors that both have, and how well each prefix alone would rank
//! (docs/formats/prefixes.md).

#include <string>
#include <string_view>
#include <vector>

#include "results/prefix_distances.h"

namespace resolute::cli {

//! "1", "1–3": which sub-vectors a prefix is of.
std::string prefix_in_words(int prefix);

//! An SVG element for a page that defines the classes of box_plot_style() (cli/box_plot.h): for each rate and level of
//! queries a column for each prefix, in each a box of the squared distances to matches and one to other images; the
//! axis begins at 0. Kinds without a pair have no box. \param lines at least one, in the order of
//! results::parse_prefix_distances() \param description of the picture, for those who do not see it; any text
std::string prefix_plot_svg(const std::vector<results::PrefixDistances>& lines, std::string_view description);

//! An HTML table: a line for each rate, level and prefix, with rank-1 and mAP in per cent ("–" without a query that has
//! a match); what queries are compared by stands in bold. \param lines as above
std::string prefix_table_html(const std::vector<results::PrefixDistances>& lines);

}  // namespace resolute::cli
