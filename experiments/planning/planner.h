#pragma once
//! \file
//! From a suite as written to a plan: settings laid over one another, specifications made and checked, equal jobs
//! merged.

#include <optional>
#include <string>
#include <vector>

#include "experiments/language/reference.h"
#include "experiments/language/rows.h"
#include "experiments/language/search_text.h"
#include "experiments/language/settings.h"
#include "experiments/specification/plan.h"
#include "experiments/store/weights_catalogue.h"

namespace resolute::experiments {

struct DatasetText {
  std::string id;
  std::string place;
  settings::Source source = settings::Source::kCsv;
  std::optional<SyntheticSettings>
      synthetic;  //!< what is drawn: a synthetic set's, a stand-in's where those are asked for
  std::optional<SyntheticSettings> stand_in;  //!< of `[dataset.stand_in]`, asked for or not
  std::filesystem::path root;                 //!< expanded; empty where images are drawn
  std::string root_text;                      //!< as written, "${VIPER}"
  bool follow_links = false;                  //!< DatasetPlan::follow_links
  std::size_t base = 0;                       //!< of SuiteText::bases, what its settings are laid over
  core::Json written;                         //!< all that it says; a root without the place it is meant from
  Settings settings;                          //!< its pack keys and whatever else it overrides
  //! The same of the other files that have a data set of this id: what they say of trainings may differ.
  std::map<std::size_t, Settings> again{};
  const Settings& settings_in(std::size_t file) const {
    const auto found = again.find(file);
    return found == again.end() ? settings : found->second;
  }
  std::map<std::string, std::string> places;  //!< of its own keys: id, source, identities …
  const std::string& place_of(const std::string& key, const std::string& otherwise) const {
    const auto found = places.find(key);
    return found == places.end() ? otherwise : found->second;
  }
};

//! The methods of a paper's table that stand above a table's rows by their numbers alone.
struct PublishedText {
  std::string reference_place;
  std::string paper;
  std::string table;
  std::string variant;
  std::vector<DatasetPair> datasets;
  Located<std::vector<std::string>> methods;  //!< in this order; empty: all that no row is about, in the file's
};

struct TableText {
  std::string id;
  std::size_t base = 0;  //!< of SuiteText::bases, what its rows are laid over
  std::string title;
  Located<std::vector<std::string>> metrics;
  std::vector<std::string> datasets;  //!< columns: column_of() each
  std::string evaluate_on_place;      //!< of its key 'evaluate_on', or empty
  std::vector<RowText> rows;
  Located<std::string> paper;                 //!< that its `reference` names, or empty
  Located<std::string> compare_with;          //!< id of one of its rows, or empty
  Located<std::vector<std::string>> mean_of;  //!< columns of its, two or more, or none
  std::optional<PublishedText> published;
  double margin = kUsualMargin;  //!< TablePlan::margin
  bool strict_classes = false;
};

struct SuiteText {
  std::string name;
  std::string title;
  std::string file;
  std::vector<std::string> worker;
  std::string program_sha256;  //!< of its files, where `worker_files` names them
  PythonMethods methods;       //!< of all files
  std::string python;          //!< that runs them
  //! [defaults], the profile and --set laid over one another, by file.
  std::vector<Settings> bases;
  Settings sets;  //!< --set alone
  std::vector<DatasetText> datasets;
  std::vector<TableText> tables;
  std::vector<SearchText> searches;  //!< ids are the tables' of their trials, too
  std::vector<TableText> left_out;   //!< tables none of whose columns was asked for: rows may start from theirs
  PlanOptions options{};
};

//! Tells whether a table has a column whose rows train or are asked on that data set, or a row that is joined with it,
//! or a search is on it.
bool has_column(const SuiteText& suite, const std::string& dataset);

//! \param references null where no row and no table names one
//! \param weights where the names that `weights` gives are looked up
//! \throws RuntimeError (kInput) with the place of the key that is wrong; what training_images throws of another kind
Plan make_plan(SuiteText suite, const ReferenceNumbers* references, const WeightsCatalogue& weights);

}  // namespace resolute::experiments
