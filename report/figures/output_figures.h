#pragma once
//! \file
//! The figures of what evaluations leave beside their result, one row for each output that is drawn: boxes and tables
//! of what its file holds.

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "experiments/specification/outputs.h"
#include "report/figures/figure.h"

namespace resolute::report {

//! An evaluation's metrics, by name.
using Metrics = std::map<std::string, double>;

//! How an output is drawn.
struct OutputFigure {
  const experiments::Output* output;
  FigureSection section;
  std::string_view title, caption;
  //! Axes, series and table; what it says is put behind the caption. Nothing of a file without rows.
  //! \throws core::RuntimeError as results::parse_csv()
  std::optional<Figure> (*draw)(std::string_view text, const std::string& where, const Metrics& metrics);
};

//! In the order of the page.
std::span<const OutputFigure> output_figures();

//! The figure of one evaluation's file, without an id; nothing where there is nothing to show. \param where the file's
//! name in refusals \param label of the row \throws core::RuntimeError as results::parse_csv()
std::optional<Figure> figure_of_output(const OutputFigure& one, std::string_view text, const std::string& where,
                                       const Metrics& metrics, std::string_view label);

}  // namespace resolute::report
