#pragma once
//! \file
//! The page that `resolute suite panels` writes: the figures of each row's outputs (cli/page/figures.h), then for each
//! query what several methods put first and what their decoders made of it, one below the other. One HTML file without
//! scripts, pictures inside; made of values alone.

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "experiments/specification/outputs.h"
#include "results/records/panels.h"

namespace resolute::cli {

//! One method's part of a query's block. Pictures are PNG files.
struct PanelPictures {
  core::Bytes gallery;
  core::Bytes reconstruction;  //!< empty: the method has no decoder
};

//! One row of a table on a data set.
struct PanelRow {
  std::string id;
  std::string label;
  std::string job;                        //!< id of the evaluation that is shown
  std::string missing;                    //!< why something is not shown; empty: all that was asked for is
  std::optional<results::Panels> panels;  //!< where there is
  std::vector<PanelPictures> pictures;    //!< one a query of `panels`
  std::map<const experiments::Output*, std::string>
      figures;  //!< figure_html() of the outputs that have something to show
};

//! One table on one data set.
struct PanelSection {
  std::string table, title;  //!< id and title
  std::string dataset;
  std::vector<PanelRow> rows;
};

struct PanelPage {
  std::string suite, title;
  std::vector<PanelSection> sections;
  std::vector<std::string> notes;
};

//! A query as a section shows it: which of its rows have it, and where.
struct ShownQuery {
  struct Place {
    std::size_t row, query;  //!< indices into PanelSection::rows and the row's panels
  };
  std::vector<Place> places;  //!< at least one, in the order of the rows
};

//! The queries of a section, those of its first row first; one image at one rate is one query.
std::vector<ShownQuery> shown_queries(const PanelSection& section);

//! The page's text, UTF-8: the same page always gives the same bytes.
std::string panel_page_html(const PanelPage& page);

}  // namespace resolute::cli
