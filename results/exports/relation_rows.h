#pragma once
//! \file
//! Internal to relations.cpp: a row of each relation. columns() names its columns once: their names, types, meanings
//! and values follow.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "results/exports/cmc.h"
#include "results/tables/aggregation.h"

namespace resolute::results {

struct SuiteRow {
  static constexpr std::string_view kName = "suite", kMeaning = "the suite: one row";
  static constexpr std::size_t kKey = 1;
  std::string suite, title;
  bool complete = false;
};
void columns(auto& to, const SuiteRow& row) {
  to("suite", row.suite, "its name");
  to("title", row.title, "for people");
  to("complete", row.complete, "1 where every cell of every table is complete or not applicable, else 0");
}

struct NoteRow {
  static constexpr std::string_view
      kName = "notes",
      kMeaning = "what a reader of the tables must know: of all, then of each, which begins with the table's id";
  static constexpr std::size_t kKey = 1;
  int position = 0;
  std::string note;
};
void columns(auto& to, const NoteRow& row) {
  to("position", row.position, "place in the list, from 0");
  to("note", row.note, "\"levels: small backbone (resnet-small)\"");
}

struct ExportedTable {
  static constexpr std::string_view kName = "tables", kMeaning = "the suite's tables";
  static constexpr std::size_t kKey = 1;
  std::string table;
  int position = 0;
  std::string title;
  std::optional<std::string> compared_with;
  bool from_scratch = false;
};
void columns(auto& to, const ExportedTable& row) {
  to("table_id", row.table, "its id in the suite");
  to("position", row.position, "place in the suite, from 0");
  to("title", row.title, "for people");
  to("compared_with", row.compared_with, "id of the row that differences are from");
  to("from_scratch", row.from_scratch, "1 where some training behind it began without pre-trained weights");
}

struct ExportedCell {
  static constexpr std::string_view kName = "cells",
                                    kMeaning =
                                        "the numbers of the tables, in the units that the tables print: per "
                                        "cent where a metric is a fraction";
  static constexpr std::size_t kKey = 4;
  std::string table, row, dataset, metric;
  int position = 0;
  std::string label, status, why;
  std::optional<double> mean, deviation;
  int trials = 0, trials_needed = 0;
  std::optional<double> reference;
  std::optional<std::string> paper_dataset;
  std::optional<double> chance;
  std::optional<Difference> difference;
  bool stand_in = false;
  std::optional<std::string> trained_on, asked_on;
};
void columns(auto& to, const ExportedCell& row) {
  const auto of_difference = [&](auto member) {
    return row.difference ? std::optional((*row.difference).*member) : std::nullopt;
  };
  to("table_id", row.table, "the table", "tables.table_id");
  to("row_id", row.row, "id of the row");
  to("dataset", row.dataset,
     "id of the data set; `market->caviar`: trained on the one, asked on the other; `mean`: the mean over several");
  to("metric", row.metric, "as suites name it");
  to("position", row.position, "place in the table, row after row, from 0");
  to("label", row.label, "of the row, for people");
  to("status", row.status, "`complete`, `incomplete`, `mixed`, `stale`, `not applicable` or `damaged`");
  to("why", row.why, "what disagrees where it is mixed or stale, what is damaged where it is damaged, else empty");
  to("mean", row.mean, "over the trials, where it is complete");
  to("std", row.deviation, "sample standard deviation over the trials, where it is complete and has two or more");
  to("trials", row.trials, "that are there");
  to("trials_needed", row.trials_needed, "that the suite asks for");
  to("reference", row.reference, "the paper's number");
  to("paper_dataset", row.paper_dataset, "the data set on which the paper has it");
  to("chance", row.chance, "what a random order would score");
  to("difference", of_difference(&Difference::mean), "from the same cell of the row that the table compares with");
  to("difference_low", of_difference(&Difference::low), "of its 95 % interval");
  to("difference_high", of_difference(&Difference::high), "of its 95 % interval");
  to("difference_trials", of_difference(&Difference::trials), "that both rows have");
  to("stand_in", row.stand_in, "1 where the data set's images are made up in the place of a source's, else 0");
  to("trained_on", row.trained_on, "id of the data set that the row trains on; none of a mean");
  to("asked_on", row.asked_on, "id of the data set whose test people it is asked for; none of a mean");
}

struct ScoreRow {
  static constexpr std::string_view kName = "scores",
                                    kMeaning =
                                        "the numbers behind the cells, one per trial that is there, in the units that "
                                        "the tables print: per cent where a metric is a fraction";
  static constexpr std::size_t kKey = 5;
  std::string table, row, dataset;
  int trial = 0;
  std::string metric;
  double value = 0;
};
void columns(auto& to, const ScoreRow& row) {
  to("table_id", row.table, "the table", "tables.table_id");
  to("row_id", row.row, "id of the row");
  to("dataset", row.dataset, "id of the data set, `market->caviar` or `mean`, as in `cells`");
  to("trial", row.trial, "its number, from 0");
  to("metric", row.metric, "as suites name it");
  to("value", row.value, "the trial's; a cell's `mean` is the mean of these");
}

struct PublishedNumberRow {
  static constexpr std::string_view kName = "published",
                                    kMeaning =
                                        "numbers that papers print of methods without a row of ours, in per cent";
  static constexpr std::size_t kKey = 4;
  std::string table, method, dataset, metric, label;
  int position = 0;
  double value = 0;
  std::string paper_dataset;
};
void columns(auto& to, const PublishedNumberRow& row) {
  to("table_id", row.table, "the table", "tables.table_id");
  to("method", row.method, "its id in the reference file");
  to("dataset", row.dataset, "id of our data set; `mean`: the mean over several");
  to("metric", row.metric, "as suites name it");
  to("label", row.label, "of the method, for people");
  to("position", row.position, "of the method in the table, from 0");
  to("value", row.value, "the paper's number");
  to("paper_dataset", row.paper_dataset, "the data set on which the paper has it");
}

struct JobRow {
  static constexpr std::string_view kName = "jobs", kMeaning = "the jobs behind the tables";
  static constexpr std::size_t kKey = 1;
  std::string job;
  int position = 0;
  std::string kind, label;
  bool done = false;
  std::string pack;
  int schema = 0;
  std::optional<std::string> method;
  std::optional<int> method_revision;
  std::optional<std::string> initial_weights, pack_sha256, split_sha256, numeric_class, weights_sha256, features_sha256;
  std::optional<int> attempts;
  std::string specification;
};
void columns(auto& to, const JobRow& row) {
  to("job", row.job, "its id: the SHA-256 of `specification`");
  to("position", row.position, "place in the plan, from 0: a job stands after all that it needs");
  to("kind", row.kind, "`shard`, `seal`, `training` or `evaluation`");
  to("label", row.label, "for people");
  to("done", row.done, "1 where it has a result, else 0");
  to("pack", row.pack, "name of the pack that it makes or reads");
  to("schema", row.schema, "of the specification: part of the code's version");
  to("method", row.method, "of a training");
  to("method_revision", row.method_revision, "of a training: the version of the method's arithmetic");
  to("initial_weights", row.initial_weights, "of a training that starts from weights: their SHA-256");
  to("pack_sha256", row.pack_sha256, "of the pack.json that it wrote or read");
  to("split_sha256", row.split_sha256, "of the trial's split");
  to("numeric_class", row.numeric_class, "what bits depend on besides the specification");
  to("weights_sha256", row.weights_sha256, "of the weights that it trained or evaluated");
  to("features_sha256", row.features_sha256, "of an evaluation's features.h5");
  to("attempts", row.attempts, "of a training that is done: number of its last attempt that logged a step");
  to("specification", row.specification, "canonical JSON");
}

struct InputRow {
  static constexpr std::string_view kName = "inputs", kMeaning = "which jobs need the results of which";
  static constexpr std::size_t kKey = 2;
  std::string job, input;
};
void columns(auto& to, const InputRow& row) {
  to("job", row.job, "the job", "jobs.job");
  to("input", row.input, "a job whose result it needs", "jobs.job");
}

struct ExportedTrial {
  static constexpr std::string_view kName = "trials",
                                    kMeaning = "which evaluations the cells of a row on a data set are means over";
  static constexpr std::size_t kKey = 4;
  std::string table, row, dataset;
  int trial = 0;
  std::string training, evaluation;
  std::string trained_on, asked_on;
};
void columns(auto& to, const ExportedTrial& row) {
  to("table_id", row.table, "the table", "tables.table_id");
  to("row_id", row.row, "id of the row");
  to("dataset", row.dataset, "id of the data set, or `market->caviar` as in `cells`");
  to("trial", row.trial, "its number, from 0");
  to("training", row.training, "the trial's training", "jobs.job");
  to("evaluation", row.evaluation, "the trial's evaluation", "jobs.job");
  to("trained_on", row.trained_on, "id of the data set that the row trains on");
  to("asked_on", row.asked_on, "id of the data set whose test people it is asked for");
}

struct MetricRow {
  static constexpr std::string_view kName = "metrics",
                                    kMeaning =
                                        "what trainings and evaluations measured, as `result.json` has it: "
                                        "losses, and fractions from 0 to 1";
  static constexpr std::size_t kKey = 2;
  std::string job, metric;
  double value = 0;
};
void columns(auto& to, const MetricRow& row) {
  to("job", row.job, "a training or an evaluation", "jobs.job");
  to("metric", row.metric, "its name");
  to("value", row.value, "its value");
}

struct CmcRow {
  static constexpr std::string_view kName = "cmc", kMeaning = "CMC curves of the evaluations";
  static constexpr std::size_t kKey = 3;
  std::string evaluation;
  CmcPoint point;
};
void columns(auto& to, const CmcRow& row) {
  to("evaluation", row.evaluation, "the evaluation", "jobs.job");
  to("rate", row.point.rate, "of the queries; 0: all queries");
  to("rank", row.point.rank, "1, 5, 10 or 20");
  to("share", row.point.share, "of the queries with a match that have one within this rank, 0 to 1");
  to("queries", row.point.queries, "with a match; none where the evaluation left no `queries.csv`");
}

struct StepRow {
  static constexpr std::string_view kName = "steps",
                                    kMeaning = "what trainings logged: losses, and scores of evaluations on the way";
  static constexpr std::size_t kKey = 3;
  std::string training;
  std::uint64_t step = 0;
  std::string metric;
  double value = 0;
  int attempt = 0;
};
void columns(auto& to, const StepRow& row) {
  to("training", row.training, "the training", "jobs.job");
  to("step", row.step, "from 1");
  to("metric", row.metric, "`loss`, `losses/triplet`, `gradient_norms/networks`, `evaluation/mAP`");
  to("value", row.value, "its value");
  to("attempt", row.attempt, "that logged it: the last that did");
}

}  // namespace resolute::results
