#pragma once
//! \file
//! What a method's decoders recover, in the page of `resolute suite panels`: a table of means by rate and scale, and
//! the PSNR of recovered HR images against the rate, beside that of plain enlargement (docs/formats/recovery.md).

#include <string>
#include <string_view>
#include <vector>

#include "results/recovery.h"

namespace resolute::cli {

//! "1", "1/2", "1/3": a decoder's scale as papers write it. \param scale results::RecoveryQuality::scale
std::string scale_in_words(int scale);

//! An HTML table: a line for each rate and scale, rates ascending, scales descending; mean PSNR and SSIM of what the
//! decoder made and of the enlarged input, and what is gained. \param lines at least one
std::string recovery_table_html(const std::vector<results::RecoveryQuality>& lines);

//! An SVG element for a page that defines the classes of box_plot_style(): a column for each rate above 1, in each a
//! box of recovered and one of enlarged images' PSNR, at scale 1. Empty where there are no such images.
//! \param description of the picture, for those who do not see it; any text
std::string recovery_plot_svg(const std::vector<results::RecoveryQuality>& lines, std::string_view description);

}  // namespace resolute::cli
