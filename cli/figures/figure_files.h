#pragma once
//! \file
//! A folder of a report's figures: pictures for papers and their numbers.

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "cli/report/figure.h"
#include "core/files/file_system.h"

namespace resolute::cli {

//! A figure's points, one row each: RFC 4180, the columns' names first, as the page's own CSV has them
//! (docs/formats/report.md).
std::string figure_csv(const Figure& figure);

//! The program that draws. \throws RuntimeError (kInput) where gnuplot is not installed
std::filesystem::path gnuplot_program();

//! Makes `folder`, whole or not at all: figures.json, all figures with their captions; csv/ID.csv; and one-column/ID
//! and two-columns/ID, each as .svg and .pdf. A figure without points has none of the last. \param folder absent or an
//! empty folder \param progress called with figures drawn \throws RuntimeError as gnuplot_program(),
//! require_new_folder() and the file system; kEnvironment where gnuplot fails
void write_figures(core::FileSystem& files, const std::vector<Figure>& figures, const std::filesystem::path& folder,
                   const std::function<void(std::size_t done)>& progress = {});

//! The text of figures.json.
std::string figures_json(const std::vector<Figure>& figures);

}  // namespace resolute::cli
