#include "report/document/document.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "core/log.h"
#include "experiments/specification/metrics.h"
#include "operations/liveness/run_signs.h"
#include "operations/look/timeline.h"
#include "operations/submissions/usage.h"
#include "report/document/privacy.h"
#include "report/figures/result_figures.h"
#include "report/figures/training_curves.h"
#include "results/exports/provenance.h"
#include "results/records/record.h"
#include "results/tables/suite_comparison.h"
#include "results/tables/tables.h"

namespace resolute::report {
namespace {

using core::Json;
using experiments::JobId;

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
      metrics[name] = {{"heading", metric.heading()},
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

Json timeline_json(const operations::Timeline& timeline, const Privacy& privacy) {
  const auto since = [&, first = timeline.runs.empty() ? orchestrator::Instant{} : timeline.runs.front().begin](
                         orchestrator::Instant at) { return seconds_between(first, at); };
  Json runs = Json::array(), attempts = Json::array();
  for (const operations::TimelineRun& run : timeline.runs)
    runs.push_back({{"begin", since(run.begin)},
                    {"end", run.going_on ? Json(nullptr) : Json(since(run.end))},
                    {"words", privacy.message(run.words)}});
  for (const operations::TimelineAttempt& one : timeline.attempts)
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
  // A run that goes on has no end yet: the axis ends at the last instant of a journal.
  double last = 0;
  for (const operations::TimelineRun& run : timeline.runs) last = std::max(last, since(run.end));
  return {{"nodes", privacy.nodes()}, {"runs", std::move(runs)}, {"attempts", std::move(attempts)}, {"last", last}};
}

Json status_json(const results::ResultsSource& source, bool complete, const operations::Timeline& timeline,
                 const Privacy& privacy) {
  const operations::SuiteView view = operations::look_at_suite(source.files, source.store, source.plan);
  const operations::SuiteStatus& status = view.status;
  Json failures = Json::array();
  for (const orchestrator::Failure& failure : status.failures)
    failures.push_back({{"job", failure.job.hex},
                        {"label", failure.label},
                        {"cause", failure.cause},
                        {"why", privacy.message(failure.evidence)}});
  Json jobs = Json::array();
  for (const char* kind : {"shard", "seal", "training", "evaluation"}) {
    std::vector<operations::JobStanding> standings;
    for (std::size_t i = 0; i < status.standings.size(); ++i)
      if (kind_name(source.plan.jobs[i].specification) == kind) standings.push_back(status.standings[i]);
    const orchestrator::Counts counts = operations::counts_of(standings);
    if (!standings.empty())
      jobs.push_back({{"kind", kind},
                      {"all", standings.size()},
                      {"done", counts.succeeded},
                      {"running", counts.running},
                      {"failed", counts.failed},
                      {"cancelled", counts.cancelled}});
  }
  const auto submissions = operations::read_submissions(source.files, source.store.suite_folder(source.plan.suite));
  // Not by a clock: the same store gives the same bytes.
  orchestrator::Instant last{};
  for (const operations::TimelineRun& run : timeline.runs) last = std::max(last, run.end);
  const operations::Usage usage = operations::usage_of(submissions, timeline, last);
  const bool known = !timeline.runs.empty();
  Json gpus = Json::array();
  for (const auto& [run, sign] : view.signs)
    for (const orchestrator::LiveGpu& gpu : sign.gpus) gpus.push_back(orchestrator::gpu_text(gpu));
  return {{"complete", complete},
          {"live", status.live},
          {"silent", status.live && all_silent(view, kReportSilence)},
          {"gpus", std::move(gpus)},
          {"jobs", std::move(jobs)},
          {"seconds", known ? Json(operations::run_seconds(timeline)) : Json(nullptr)},
          {"processor_seconds", known ? Json(operations::slot_seconds(timeline)) : Json(nullptr)},
          {"gpu_seconds", known ? Json(operations::gpu_seconds(timeline)) : Json(nullptr)},
          {"node_seconds", known ? Json(usage.node_seconds) : Json(nullptr)},
          {"allocated_gpu_seconds", known ? Json(usage.gpu_seconds) : Json(nullptr)},
          {"gpu_use", known ? Json(operations::gpu_use_text(usage)) : Json(nullptr)},
          {"failures", std::move(failures)}};
}

std::vector<Figure> all_figures(const results::ResultsSource& source, const results::SuiteTables& tables,
                                const EvaluationReader& reader, ReportMemory& memory,
                                const std::function<void()>& count) {
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
  const MeanIntervals intervals = reader.intervals();
  const CurveIntervals curve_intervals = reader.curve_intervals();
  for (auto& figures :
       {ablation_figures(tables, intervals), paper_figures(tables),
        cmc_figures(source.plan, tables, curves, curve_intervals),
        rate_figures(source.plan, tables, curves, curve_intervals), sweep_figures(source.plan, tables, intervals),
        training_curves(source.plan, logged), reader.maps(), reader.sample_maps(), reader.output_figures()})
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
  const operations::Timeline timeline = operations::read_timeline(source.files, source.store, source.plan.suite);
  const Privacy privacy(options.with_hosts, timeline.hosts);
  ReportMemory none;
  ReportMemory& memory = options.memory != nullptr ? *options.memory : none;
  const EvaluationReader reader(source, provenance, memory);
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
