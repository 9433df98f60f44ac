#pragma once
//! \file
//! Internal to document.cpp: reads what the report shows of evaluations, each once.

#include <functional>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "core/bytes.h"
#include "core/files/json.h"
#include "experiments/specification/plan.h"
#include "report/figures/feature_maps.h"
#include "report/figures/figure.h"
#include "report/figures/result_figures.h"
#include "results/exports/provenance.h"
#include "results/exports/relations.h"
#include "results/records/panels.h"
#include "results/records/query_scores.h"
#include "results/records/record.h"
#include "results/tables/comparison.h"

namespace resolute::report {

//! Values that a report keeps for the next one of the same store, by the hashes of what they are made from: a job that
//! runs anew may leave other bytes.
struct ReportMemory {
  //! Maps of features by evaluation, hash and label; each takes a second to compute.
  std::map<std::tuple<experiments::JobId, std::string, std::string>, std::vector<Figure>> maps;
  //! Intervals of means in these metrics, by the scores of queries; each takes tens of thousands of resamples.
  std::map<std::pair<std::vector<std::string>, std::vector<std::string>>, results::MetricIntervals> intervals;
  //! Those of CMC curves.
  std::map<std::vector<std::string>, std::map<int, results::MetricIntervals>> curve_intervals;
  std::set<std::string> warned;  //!< warnings about damaged logs that were given already
};

class EvaluationReader {
 public:
  //! All three must outlive the reader.
  EvaluationReader(const results::ResultsSource& source, const results::Provenance& provenance, ReportMemory& memory);

  //! \param count called after each evaluation
  CmcCurves curves(const std::function<void()>& count) const;
  //! The intervals, kept in the memory. A row that has none yet is asked again.
  MeanIntervals intervals() const;
  CurveIntervals curve_intervals() const;
  //! Figures of the files that evaluations left (report/figures/output_figures.h).
  //! \throws core::RuntimeError (kCorrupt) where a file is not the one that its job's result names
  std::vector<Figure> output_figures() const;
  //! Maps of the first table that has features. \throws as output_figures()
  std::vector<Figure> maps() const;
  //! Maps of samples, each once; of the first rows of each data set. \throws as output_figures()
  std::vector<Figure> sample_maps() const;
  //! The document's `galleries`: the images that methods put first, query by query, and the pictures of their decoders.
  //! \throws as output_figures()
  core::Json galleries() const;

 private:
  // A table's row on a data set, shown by its first evaluation.
  struct Shown {
    const experiments::TablePlan& table;
    const experiments::RowPlan& row;
    std::size_t dataset;
    const results::EvaluationRecord& evaluation;
  };

  void each_shown(const std::function<void(const Shown&)>& use) const;
  const std::vector<Figure>& maps_of(const experiments::JobId& job, const std::string& sha256, const std::string& title,
                                     const std::function<results::MappedImages()>& read) const;
  std::string label(const Shown& shown) const;
  Figure placed(Figure figure, const Shown& shown, const std::string& kind) const;
  core::Json gallery_row(const Shown& shown, const results::Panels& panels, std::size_t index) const;
  std::string queries_sha256(const experiments::JobId& evaluation) const;
  std::vector<results::QueryScore> queries(const experiments::JobId& evaluation) const;
  std::vector<int> rates(const results::EvaluationRecord& evaluation) const;
  std::string where(const results::EvaluationRecord& record, const std::string& name) const;
  core::Bytes read(const results::EvaluationRecord& record, const std::string& name) const;

  const results::ResultsSource& source_;
  ReportMemory& memory_;
  std::map<experiments::JobId, const results::EvaluationRecord*> evaluations_;
};

}  // namespace resolute::report
