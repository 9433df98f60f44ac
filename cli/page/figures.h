#pragma once
//! \file
//! The figures in the page of `resolute suite panels`, one row for each output of an evaluation that is drawn: boxes
//! and tables of what its file holds.

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "cli/page/box_plot.h"
#include "experiments/specification/outputs.h"

namespace resolute::cli {

//! Of an evaluation, by name.
using Metrics = std::map<std::string, double>;

//! What is drawn of one evaluation.
struct Drawn {
  std::optional<BoxPlot> plot;
  std::string table;  //!< HTML; may be empty
  std::string words;  //!< behind the row's label, markup; may be empty
};

//! How an output is drawn.
struct Figure {
  const experiments::Output* output;
  std::string_view heading, words;         //!< above the figures of all rows
  std::string_view description, of_label;  //!< of a plot: in front of the row's label, and behind
  //! Nothing of a file without rows. \throws core::RuntimeError as results::parse_csv()
  std::optional<Drawn> (*draw)(std::string_view text, const std::string& where, const Metrics& metrics);

  //! How `--json` calls it: the file's name without ".csv".
  std::string key() const;
};

//! In the order of the page.
std::span<const Figure> figures();

//! An HTML figure of one evaluation; empty where there is nothing to show. \param text the output's file \param where
//! its name in refusals \param label of the row, any text \throws core::RuntimeError as results::parse_csv()
std::string figure_html(const Figure& figure, std::string_view text, const std::string& where, const Metrics& metrics,
                        std::string_view label);

//! "1", "1/2", "1/3": a decoder's scale as papers write it. \param scale results::RecoveryQuality::scale
std::string scale_in_words(int scale);

}  // namespace resolute::cli
