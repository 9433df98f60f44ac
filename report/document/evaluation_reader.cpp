#include "report/document/evaluation_reader.h"

#include <fmt/format.h>

#include "core/error.h"
#include "experiments/specification/outputs.h"
#include "report/figures/output_figures.h"
#include "report/page/html.h"
#include "results/exports/cmc.h"
#include "results/records/output_file.h"

namespace resolute::report {
namespace {

using core::Json;
using experiments::JobId;

constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 28;  // of an output that is read whole
constexpr std::size_t kMostMaps = 6;                          // rows of a table that have maps: each takes a second

}  // namespace

EvaluationReader::EvaluationReader(const results::ResultsSource& source, const results::Provenance& provenance,
                                   ReportMemory& memory)
    : source_(source), memory_(memory) {
  for (const results::JobProvenance& job : provenance.jobs)
    if (job.record)
      if (const auto* evaluation = std::get_if<results::EvaluationRecord>(&*job.record))
        evaluations_[job.job] = evaluation;
}

CmcCurves EvaluationReader::curves(const std::function<void()>& count) const {
  CmcCurves curves;
  for (const auto& [job, record] : evaluations_) {
    curves[job] = results::cmc_curves(*record, source_.files, source_.store);
    count();
  }
  return curves;
}

MeanIntervals EvaluationReader::intervals() const {
  return [&](const results::Row& row, const std::string& dataset, const std::vector<std::string>& metrics) {
    std::pair<std::vector<std::string>, std::vector<std::string>> key{{}, metrics};
    for (const results::TrialJobs& jobs : row.at(dataset, metrics.front()).jobs)
      key.first.push_back(queries_sha256(jobs.evaluation));
    if (const auto known = memory_.intervals.find(key); known != memory_.intervals.end()) return known->second;
    auto made = results::mean_intervals(row, dataset, metrics, [&](const JobId& job) { return queries(job); });
    if (!made.empty()) memory_.intervals[key] = made;
    return made;
  };
}

CurveIntervals EvaluationReader::curve_intervals() const {
  return [&](const std::vector<JobId>& evaluations) {
    auto& known = memory_.curve_intervals;
    std::vector<std::string> key;
    for (const JobId& job : evaluations) key.push_back(queries_sha256(job));
    if (const auto found = known.find(key); found != known.end()) return found->second;
    auto made = results::curve_intervals(evaluations, [&](const JobId& job) { return queries(job); });
    if (!made.empty()) known[key] = made;
    return made;
  };
}

// Calls `use` with the rows whose first evaluation is there, of each table on each data set.
void EvaluationReader::each_shown(const std::function<void(const Shown&)>& use) const {
  for (const experiments::TablePlan& table : source_.plan.tables)
    for (std::size_t d = 0; d < table.datasets.size(); ++d)
      for (const experiments::RowPlan& row : table.rows) {
        const auto& evaluations = row.cells.at(d).evaluations;
        if (evaluations.empty()) continue;
        if (const auto found = evaluations_.find(evaluations.front()); found != evaluations_.end())
          use(Shown{table, row, d, *found->second});
      }
}

std::vector<Figure> EvaluationReader::output_figures() const {
  std::vector<Figure> figures;
  each_shown([&](const Shown& shown) {
    for (const OutputFigure& one : report::output_figures()) {
      const std::string file = one.output->file;
      if (!shown.evaluation.outputs.contains(file)) continue;
      auto figure = figure_of_output(one, core::as_text(read(shown.evaluation, file)), where(shown.evaluation, file),
                                     shown.evaluation.metrics, label(shown));
      if (!figure) continue;
      figures.push_back(placed(std::move(*figure), shown, std::string(settings::word(one.section))));
    }
  });
  return figures;
}

// Made once. A file that cannot be read now is tried again with the next edition of the page.
const std::vector<Figure>& EvaluationReader::maps_of(const JobId& job, const std::string& sha256,
                                                     const std::string& title,
                                                     const std::function<results::MappedImages()>& read) const {
  const std::tuple key(job, sha256, title);
  const auto known = memory_.maps.find(key);
  return known != memory_.maps.end() ? known->second
                                     : memory_.maps.emplace(key, feature_maps(read(), title)).first->second;
}

std::vector<Figure> EvaluationReader::maps() const {
  std::vector<Figure> figures;
  std::map<std::string, std::size_t> mapped;  // rows, by data set
  const experiments::TablePlan* first = nullptr;
  each_shown([&](const Shown& shown) {
    if (first != nullptr && first != &shown.table) return;
    const auto file = source_.store.features_file(shown.evaluation.job);
    if (!source_.files.exists(file)) return;
    std::size_t& rows = mapped[shown.table.datasets[shown.dataset]];
    if (rows >= kMostMaps) return;
    const std::string& sha256 = shown.evaluation.features_sha256;
    const std::vector<Figure>& made = maps_of(shown.evaluation.job, sha256, label(shown), [&] {
      results::check_output(source_.files, file, sha256);
      return results::read_mapped_images(file, rates(shown.evaluation));
    });
    if (made.empty()) return;
    ++rows;
    first = &shown.table;
    for (const Figure& map : made) figures.push_back(placed(map, shown, "map-" + map.id));
  });
  return figures;
}

std::vector<Figure> EvaluationReader::sample_maps() const {
  std::vector<Figure> figures;
  std::map<std::string, std::size_t> mapped;  // evaluations, by data set
  std::set<JobId> seen;
  each_shown([&](const Shown& shown) {
    const auto named = shown.evaluation.outputs.find(experiments::kSamplesOutput.file);
    std::size_t& rows = mapped[shown.table.datasets[shown.dataset]];
    if (rows >= kMostMaps || named == shown.evaluation.outputs.end() || !seen.insert(shown.evaluation.job).second)
      return;
    const std::string title = label(shown) + ", sample";
    const std::vector<Figure>& made = maps_of(shown.evaluation.job, named->second, title, [&] {
      const std::filesystem::path file = source_.store.job_folder(shown.evaluation.job) / named->first;
      results::check_output(source_.files, file, named->second);
      return results::read_sampled_images(file);
    });
    rows += made.empty() ? 0 : 1;
    for (const Figure& map : made) figures.push_back(placed(map, shown, "sample-" + map.id));
  });
  return figures;
}

Json EvaluationReader::galleries() const {
  Json blocks = Json::array();
  // One image at one rate is one query of a table's data set; its block stands where the first row has it.
  std::map<std::tuple<std::string, std::string, std::string, int>, std::size_t> known;
  each_shown([&](const Shown& shown) {
    const std::string file = experiments::kPanelsOutput.file;
    if (!shown.evaluation.outputs.contains(file)) return;
    const std::string& dataset = shown.table.datasets[shown.dataset];
    const results::Panels panels =
        results::parse_panels(core::as_text(read(shown.evaluation, file)), where(shown.evaluation, file));
    for (std::size_t index = 0; index < panels.queries.size(); ++index) {
      const results::PanelQuery& query = panels.queries[index];
      const auto [block, is_new] = known.try_emplace({shown.table.id, dataset, query.path, query.rate}, blocks.size());
      if (is_new)
        blocks.push_back({{"table", shown.table.id},
                          {"dataset", dataset},
                          {"query", query.path},
                          {"identity", query.identity},
                          {"camera", query.camera},
                          {"rate", query.rate}});
      blocks[block->second]["rows"].push_back(gallery_row(shown, panels, index));
    }
  });
  return blocks;
}

std::string EvaluationReader::label(const Shown& shown) const {
  return fmt::format("{}, {}", shown.row.label, column_title(source_.plan, shown.table.datasets[shown.dataset]));
}

// A figure as that of a row on a data set. \param kind part of its id
Figure EvaluationReader::placed(Figure figure, const Shown& shown, const std::string& kind) const {
  const std::string& dataset = shown.table.datasets[shown.dataset];
  figure.id = figure_id({shown.table.id, dataset, shown.row.id, kind});
  figure.stand_in = is_stand_in(source_.plan, dataset);
  return figure;
}

// A row's share of a query.
Json EvaluationReader::gallery_row(const Shown& shown, const results::Panels& panels, std::size_t index) const {
  const results::PanelQuery& query = panels.queries[index];
  Json of_query = results::to_json(query);
  Json row = {{"label", shown.row.label},
              {"job", shown.evaluation.job.hex},
              {"rank", query.rank},
              {"gallery_images", panels.gallery_images},
              {"ranked", std::move(of_query["ranked"])},
              {"picture", png_address(read(shown.evaluation, results::gallery_panel_file(index)))},
              {"reconstruction", std::move(of_query["reconstruction"])}};
  if (query.reconstruction)
    row["reconstruction"]["picture"] = png_address(read(shown.evaluation, results::reconstruction_panel_file(index)));
  return row;
}

// Empty where the evaluation is gone meanwhile or left none.
std::string EvaluationReader::queries_sha256(const JobId& evaluation) const {
  const auto known = evaluations_.find(evaluation);
  if (known == evaluations_.end()) return {};
  const auto named = known->second->outputs.find(experiments::kQueriesOutput.file);
  return named == known->second->outputs.end() ? std::string() : named->second;
}

std::vector<results::QueryScore> EvaluationReader::queries(const JobId& evaluation) const {
  const std::string sha256 = queries_sha256(evaluation);
  if (sha256.empty()) return {};
  const auto file = source_.store.job_folder(evaluation) / experiments::kQueriesOutput.file;
  return results::read_csv<results::QueryScore>(source_.files, file, sha256);
}

// One rate per query, in the order of the features.
std::vector<int> EvaluationReader::rates(const results::EvaluationRecord& evaluation) const {
  std::vector<int> rates;
  for (const results::QueryScore& query : queries(evaluation.job)) rates.push_back(query.rate);
  return rates;
}

std::string EvaluationReader::where(const results::EvaluationRecord& record, const std::string& name) const {
  return fmt::format("'{}'", (source_.store.job_folder(record.job) / name).string());
}

// The file's bytes, held against the hash in the record.
core::Bytes EvaluationReader::read(const results::EvaluationRecord& record, const std::string& name) const {
  const std::filesystem::path path = source_.store.job_folder(record.job) / name;
  const auto named = record.outputs.find(name);
  if (named == record.outputs.end())
    throw core::corrupt_error(fmt::format("'{}' is not named by the job's result", path.string()),
                              "its panels.json asks for it", "remove the job's result.json and run the suite again");
  return results::read_output(source_.files, path, named->second, kMostBytes);
}

}  // namespace resolute::report
