#include "report/document/document.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <set>
#include <utility>

#include "allocations/liveness/run_signs.h"
#include "allocations/submissions/usage.h"
#include "core/log.h"
#include "experiments/specification/metrics.h"
#include "orchestrator/look/timeline.h"
#include "report/document/galleries.h"
#include "report/document/privacy.h"
#include "report/figures/feature_maps.h"
#include "report/figures/output_figures.h"
#include "report/figures/result_figures.h"
#include "report/figures/training_curves.h"
#include "results/exports/provenance.h"
#include "results/records/output_file.h"
#include "results/records/record.h"
#include "results/tables/suite_comparison.h"
#include "results/tables/table_json.h"

namespace resolute::report {
namespace {

using core::Json;
using experiments::JobId;

constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 28;  // of an output that is read whole
constexpr std::size_t kMostMaps = 6;                          // rows of a table that have maps: each takes a second

// A table's row on a data set, shown by its first evaluation.
struct Shown {
  const experiments::TablePlan& table;
  const experiments::RowPlan& row;
  std::size_t dataset;
  const results::EvaluationRecord& evaluation;
};

// Reads what the report shows of evaluations; each once.
class ReportReader {
 public:
  ReportReader(const results::ResultsSource& source, const results::Provenance& provenance, ReportMemory& memory)
      : source_(source), memory_(memory) {
    for (const results::JobProvenance& job : provenance.jobs)
      if (job.record)
        if (const auto* evaluation = std::get_if<results::EvaluationRecord>(&*job.record))
          evaluations_[job.job] = evaluation;
  }

  CmcCurves curves(const std::function<void()>& count) const {
    CmcCurves curves;
    for (const auto& [job, record] : evaluations_) {
      curves[job] = results::cmc_curves(*record, source_.files, source_.store);
      count();
    }
    return curves;
  }

  // Of a row's means on a data set; what has none yet may have some later.
  MeanIntervals intervals() const {
    return [&](const results::Row& row, const std::string& dataset, const std::vector<std::string>& metrics) {
      const auto key = std::pair(row.at(dataset, metrics.front()).jobs, metrics);
      if (const auto known = memory_.intervals.find(key); known != memory_.intervals.end()) return known->second;
      auto made = results::mean_intervals(row, dataset, metrics, [&](const JobId& job) { return queries(job); });
      if (!made.empty()) memory_.intervals[key] = made;
      return made;
    };
  }

  // Rows whose first evaluation is there, of each table on each data set.
  template <class Use>
  void each_shown(Use use) const {
    for (const experiments::TablePlan& table : source_.plan.tables)
      for (std::size_t d = 0; d < table.datasets.size(); ++d)
        for (const experiments::RowPlan& row : table.rows) {
          const auto& evaluations = row.cells.at(d).evaluations;
          if (evaluations.empty()) continue;
          if (const auto found = evaluations_.find(evaluations.front()); found != evaluations_.end())
            use(Shown{table, row, d, *found->second});
        }
  }

  std::vector<Figure> of_outputs() const {
    std::vector<Figure> figures;
    each_shown([&](const Shown& shown) {
      for (const OutputFigure& one : output_figures()) {
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

  // Made once. What cannot be read now is tried again with the next edition of the page.
  const std::vector<Figure>& maps_of(const JobId& job, const std::string& title,
                                     const std::function<MappedImages()>& read) const {
    const std::pair key(job, title);
    const auto known = memory_.maps.find(key);
    return known != memory_.maps.end() ? known->second
                                       : memory_.maps.emplace(key, feature_maps(read(), title)).first->second;
  }

  // Of one table: the first that has features.
  std::vector<Figure> maps() const {
    std::vector<Figure> figures;
    std::map<std::string, std::size_t> mapped;  // rows, by data set
    const experiments::TablePlan* first = nullptr;
    each_shown([&](const Shown& shown) {
      if (first != nullptr && first != &shown.table) return;
      const auto file = source_.store.features_file(shown.evaluation.job);
      if (!source_.files.exists(file)) return;
      std::size_t& rows = mapped[shown.table.datasets[shown.dataset]];
      if (rows >= kMostMaps) return;
      const std::vector<Figure>& made = maps_of(shown.evaluation.job, label(shown), [&] {
        results::check_output(source_.files, file, shown.evaluation.features_sha256);
        return read_mapped_images(file, rates(shown.evaluation));
      });
      if (made.empty()) return;
      ++rows;
      first = &shown.table;
      for (const Figure& map : made) figures.push_back(placed(map, shown, "map-" + map.id));
    });
    return figures;
  }

  // Of the samples that evaluations left, each once; of each data set those of the first rows.
  std::vector<Figure> sample_maps() const {
    std::vector<Figure> figures;
    std::map<std::string, std::size_t> mapped;  // evaluations, by data set
    std::set<JobId> seen;
    each_shown([&](const Shown& shown) {
      const auto named = shown.evaluation.outputs.find(experiments::kSamplesOutput.file);
      std::size_t& rows = mapped[shown.table.datasets[shown.dataset]];
      if (rows >= kMostMaps || named == shown.evaluation.outputs.end() || !seen.insert(shown.evaluation.job).second)
        return;
      const std::string title = label(shown) + ", sample";
      const std::vector<Figure>& made = maps_of(shown.evaluation.job, title, [&] {
        const std::filesystem::path file = source_.store.job_folder(shown.evaluation.job) / named->first;
        results::check_output(source_.files, file, named->second);
        return read_sampled_images(file);
      });
      rows += made.empty() ? 0 : 1;
      for (const Figure& map : made) figures.push_back(placed(map, shown, "sample-" + map.id));
    });
    return figures;
  }

  Json galleries() const {
    std::vector<GallerySection> sections;
    each_shown([&](const Shown& shown) {
      if (!shown.evaluation.outputs.contains(experiments::kPanelsOutput.file)) return;
      const std::string& dataset = shown.table.datasets[shown.dataset];
      if (sections.empty() || sections.back().table != shown.table.id || sections.back().dataset != dataset)
        sections.push_back({shown.table.id, dataset, {}});
      sections.back().rows.push_back(gallery_row(shown));
    });
    Json blocks = Json::array();
    for (const GallerySection& section : sections)
      for (Json& block : to_json(section)) blocks.push_back(std::move(block));
    return blocks;
  }

 private:
  std::string label(const Shown& shown) const {
    return fmt::format("{}, {}", shown.row.label, column_title(source_.plan, shown.table.datasets[shown.dataset]));
  }
  // A figure as that of a row on a data set. \param what it is, for its id
  Figure placed(Figure figure, const Shown& shown, const std::string& what) const {
    figure.id = id_of(shown, what);
    figure.stand_in = is_stand_in(source_.plan, shown.table.datasets[shown.dataset]);
    return figure;
  }
  static std::string id_of(const Shown& shown, const std::string& what) {
    return figure_id({shown.table.id, shown.table.datasets[shown.dataset], shown.row.id, what});
  }

  GalleryRow gallery_row(const Shown& shown) const {
    const results::EvaluationRecord& evaluation = shown.evaluation;
    const std::string file = experiments::kPanelsOutput.file;
    GalleryRow row{shown.row.label,
                   evaluation.job.hex,
                   results::parse_panels(core::as_text(read(evaluation, file)), where(evaluation, file)),
                   {}};
    for (std::size_t query = 0; query < row.panels.queries.size(); ++query) {
      GalleryPictures pictures{read(evaluation, results::gallery_panel_file(query))};
      if (row.panels.queries[query].reconstruction)
        pictures.reconstruction = read(evaluation, results::reconstruction_panel_file(query));
      row.pictures.push_back(std::move(pictures));
    }
    return row;
  }

  // None where the evaluation is gone meanwhile or left none.
  std::vector<results::QueryScore> queries(const JobId& evaluation) const {
    const auto known = evaluations_.find(evaluation);
    if (known == evaluations_.end()) return {};
    const auto named = known->second->outputs.find(experiments::kQueriesOutput.file);
    if (named == known->second->outputs.end()) return {};
    return results::read_csv<results::QueryScore>(source_.files, source_.store.job_folder(evaluation) / named->first,
                                                  named->second);
  }

  // Of the queries, in the order of the features.
  std::vector<int> rates(const results::EvaluationRecord& evaluation) const {
    std::vector<int> rates;
    for (const results::QueryScore& query : queries(evaluation.job)) rates.push_back(query.rate);
    return rates;
  }

  std::string where(const results::EvaluationRecord& record, const std::string& name) const {
    return fmt::format("'{}'", (source_.store.job_folder(record.job) / name).string());
  }

  // The file's bytes, held against the hash in the record.
  core::Bytes read(const results::EvaluationRecord& record, const std::string& name) const {
    const std::filesystem::path path = source_.store.job_folder(record.job) / name;
    const auto named = record.outputs.find(name);
    if (named == record.outputs.end())
      throw core::corrupt_error(fmt::format("'{}' is not named by the job's result", path.string()),
                                "its panels.json asks for it", "remove the job's result.json and run the suite again");
    return results::read_output(source_.files, path, named->second, kMostBytes);
  }

  const results::ResultsSource& source_;
  ReportMemory& memory_;
  std::map<JobId, const results::EvaluationRecord*> evaluations_;
};

Json job_json(const results::JobProvenance& job, const Json& provenance) {
  Json json = {{"kind", job.kind},
               {"label", job.label},
               {"done", job.record.has_value()},
               {"after", provenance.at("after")},
               {"attempts", job.attempts ? Json(*job.attempts) : Json(nullptr)},
               {"settings", job.specification},
               {"result", provenance.at("result")},
               {"metrics", Json::object()}};
  const auto take = [&](const auto& record) {
    if constexpr (requires { record.metrics; }) json["metrics"] = record.metrics;
  };
  if (job.record) std::visit(take, *job.record);
  return json;
}

Json jobs_json(const results::Provenance& provenance) {
  const Json document = results::to_json(provenance);
  Json jobs = Json::object();
  for (std::size_t i = 0; i < provenance.jobs.size(); ++i)
    jobs[provenance.jobs[i].job.hex] = job_json(provenance.jobs[i], document.at("jobs").at(i));
  return jobs;
}

// How the page prints each metric that a table has.
Json metrics_json(const experiments::Plan& plan) {
  Json metrics = Json::object();
  for (const experiments::TablePlan& table : plan.tables)
    for (const std::string& name : table.metrics) {
      const experiments::MetricName metric = experiments::metric_named(name);
      metrics[name] = {{"heading", metric->heading_at(metric.rate)},
                       {"decimals", metric->unit->decimals},
                       {"better", metric->better == experiments::Better::kUp     ? "up"
                                  : metric->better == experiments::Better::kDown ? "down"
                                                                                 : "neither"}};
    }
  return metrics;
}

double seconds_between(orchestrator::Instant from, orchestrator::Instant to) {
  return std::chrono::duration<double>(to - from).count();
}

// Why a number has no interval was said where files were read, and names them.
void shield(Json& json, const Privacy& privacy) {
  if (!json.is_structured()) return;
  if (json.is_object() && json.contains("difference_why"))
    json["difference_why"] = privacy.message(json["difference_why"].get<std::string>());
  for (Json& part : json) shield(part, privacy);
}

Json timeline_json(const orchestrator::Timeline& timeline, const Privacy& privacy) {
  const auto since = [&, first = timeline.runs.empty() ? orchestrator::Instant{} : timeline.runs.front().begin](
                         orchestrator::Instant at) { return seconds_between(first, at); };
  Json runs = Json::array(), attempts = Json::array();
  for (const orchestrator::TimelineRun& run : timeline.runs)
    runs.push_back({{"begin", since(run.begin)},
                    {"end", run.going_on ? Json(nullptr) : Json(since(run.end))},
                    {"words", privacy.message(run.words)}});
  for (const orchestrator::TimelineAttempt& one : timeline.attempts)
    attempts.push_back({{"job", one.job.hex},
                        {"attempt", one.attempt},
                        {"node", one.node},
                        {"slots", one.slots},
                        {"gpus", one.gpus},
                        {"begin", since(one.begin)},
                        {"end", one.end ? Json(since(*one.end)) : Json(nullptr)},
                        {"outcome", name_of(one.outcome)},
                        {"kind", kind_of(one.outcome)},
                        {"words", privacy.message(one.words)}});
  // What runs has no end yet: the axis goes to the last that a journal tells of.
  double last = 0;
  for (const orchestrator::TimelineRun& run : timeline.runs) last = std::max(last, since(run.end));
  return {{"nodes", privacy.nodes()}, {"runs", std::move(runs)}, {"attempts", std::move(attempts)}, {"last", last}};
}

Json status_json(const results::ResultsSource& source, bool complete, const orchestrator::Timeline& timeline,
                 const Privacy& privacy) {
  const allocations::SuiteView view = allocations::look_at_suite(source.files, source.store, source.plan);
  const orchestrator::SuiteStatus& status = view.status;
  Json failures = Json::array();
  for (const orchestrator::Failure& failure : status.failures)
    failures.push_back({{"job", failure.job.hex},
                        {"label", failure.label},
                        {"cause", failure.cause},
                        {"why", privacy.message(failure.evidence)}});
  Json jobs = Json::array();
  for (const char* kind : {"shard", "seal", "training", "evaluation"}) {
    std::vector<orchestrator::JobStanding> standings;
    for (std::size_t i = 0; i < status.standings.size(); ++i)
      if (kind_name(source.plan.jobs[i].specification) == kind) standings.push_back(status.standings[i]);
    const orchestrator::Counts counts = orchestrator::counts_of(standings);
    if (!standings.empty())
      jobs.push_back({{"kind", kind},
                      {"all", standings.size()},
                      {"done", counts.succeeded},
                      {"running", counts.running},
                      {"failed", counts.failed},
                      {"cancelled", counts.cancelled}});
  }
  const auto submissions = allocations::read_submissions(source.files, source.store.suite_folder(source.plan.suite));
  // Not by a clock: the same store gives the same bytes.
  orchestrator::Instant last{};
  for (const orchestrator::TimelineRun& run : timeline.runs) last = std::max(last, run.end);
  const allocations::Usage usage = allocations::usage_of(submissions, timeline, last);
  const bool known = !timeline.runs.empty();
  return {{"complete", complete},
          {"live", status.live},
          {"silent", status.live && all_silent(view, kReportSilence)},
          {"jobs", std::move(jobs)},
          {"seconds", known ? Json(orchestrator::run_seconds(timeline)) : Json(nullptr)},
          {"processor_seconds", known ? Json(orchestrator::slot_seconds(timeline)) : Json(nullptr)},
          {"gpu_seconds", known ? Json(orchestrator::gpu_seconds(timeline)) : Json(nullptr)},
          {"node_seconds", known ? Json(usage.node_seconds) : Json(nullptr)},
          {"allocated_gpu_seconds", known ? Json(usage.gpu_seconds) : Json(nullptr)},
          {"gpu_use", known ? Json(allocations::gpu_use_text(usage)) : Json(nullptr)},
          {"failures", std::move(failures)}};
}

std::vector<Figure> all_figures(const results::ResultsSource& source, const results::SuiteTables& tables,
                                const ReportReader& reader, ReportMemory& memory, const std::function<void()>& count) {
  const CmcCurves curves = reader.curves(count);
  const auto logged = [&](const JobId& training) {
    results::TrainingNumbers numbers = results::read_training_numbers(source.files, source.store, training);
    for (const std::string& warning : numbers.warnings)
      if (memory.warned.insert(warning).second) core::log_warning("{}", warning);
    count();
    return numbers;
  };
  std::vector<Figure> all;
  std::set<std::string> ids;
  for (auto& figures :
       {ablation_figures(tables, reader.intervals()), paper_figures(tables), cmc_figures(source.plan, curves),
        rate_figures(source.plan, curves), sweep_figures(source.plan, tables), training_curves(source.plan, logged),
        reader.maps(), reader.sample_maps(), reader.of_outputs()})
    for (Figure figure : figures) {
      // Ids of rows that differ in signs alone.
      const std::string id = figure.id;
      for (int copy = 2; !ids.insert(figure.id).second; ++copy) figure.id = fmt::format("{}-{}", id, copy);
      if (figure.stand_in)
        figure.caption += fmt::format(" {}: made-up images, not the real data.", experiments::kStandInMark);
      all.push_back(std::move(figure));
    }
  return all;
}

}  // namespace

core::Json suite_report(const results::ResultsSource& source, const ReportOptions& options,
                        const std::function<void(std::size_t)>& progress) {
  std::size_t done = 0;
  const auto count = [&] {
    if (progress) progress(++done);
  };
  const results::SuiteTables tables = results::aggregate(source.plan, source.files, source.store);
  const results::Provenance provenance = results::provenance_of(source.plan, source.files, source.store);
  const orchestrator::Timeline timeline = orchestrator::read_timeline(source.files, source.store, source.plan.suite);
  const Privacy privacy(options.with_hosts, timeline.hosts);
  ReportMemory none;
  ReportMemory& memory = options.memory != nullptr ? *options.memory : none;
  const ReportReader reader(source, provenance, memory);
  Json figures = Json::array();
  for (const Figure& figure : all_figures(source, tables, reader, memory, count)) figures.push_back(to_json(figure));
  Json tables_json = results::to_json(tables).at("tables");
  shield(tables_json, privacy);
  Json document = {{"schema", kReportSchema},
                   {"suite", source.plan.suite},
                   {"title", source.plan.title},
                   {"notes", tables.notes},
                   {"metrics", metrics_json(source.plan)},
                   {"status", status_json(source, tables.complete, timeline, privacy)},
                   {"tables", std::move(tables_json)},
                   {"jobs", jobs_json(provenance)},
                   {"figures", std::move(figures)},
                   {"galleries", reader.galleries()},
                   {"timeline", timeline_json(timeline, privacy)},
                   {"comparison", nullptr}};
  if (options.against != nullptr) {
    document["comparison"] =
        results::to_json(results::compare_suites(source.plan, *options.against, source.files, source.store));
    shield(document["comparison"], privacy);
    document["comparison"]["title"] = options.against->title;
  }
  return document;
}

}  // namespace resolute::report
