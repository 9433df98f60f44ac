#pragma once
//! \file
//! A made-up plan with its records, and golden files of what its tables print (tests/golden/tables).
//! RESOLUTE_WRITE_GOLDEN=1 rewrites those.

#include <gtest/gtest.h>

#include <cstdlib>

#include "core/hash/sha256.h"
#include "results/tables/tables.h"
#include "tests/support/folders.h"

namespace resolute::results {

using experiments::CellPlan;
using experiments::Plan;

inline JobId id(const std::string& text) { return {core::sha256_hex(text)}; }

//! Two rows on two data sets with two trials or more, all there unless a test takes something away.
struct Suite {
  Plan plan;
  std::map<JobId, Record> records;
  std::map<JobId, std::vector<QueryScore>> queries;  //!< none unless a test gives some

  int trials;

  explicit Suite(int with_trials = 2) : trials(with_trials) {
    plan.suite = "demo";
    plan.title = "Demonstration | with a bar";
    plan.notes = {"from scratch, small backbone", "synthetic images"};
    experiments::TablePlan table{"levels", "Adversarial levels", {"rank1", "mAP"}, {"easy", "hard"}, {}};
    for (const char* row : {"baseline", "multi"}) {
      experiments::RowPlan row_plan{row, row == std::string("multi") ? "RAIN, \"multi\"" : "Baseline | HR", {}};
      for (const auto& dataset : table.datasets) row_plan.cells.push_back(cell(row, dataset));
      table.rows.push_back(row_plan);
    }
    plan.tables.push_back(table);
  }

  CellPlan cell(const std::string& row, const std::string& dataset) {
    CellPlan cell{dataset, {}, {}};
    if (row == "multi" && dataset == "easy") cell.references = {{"rank1", 78.9}};
    experiments::PackSettings pack;
    pack.name = dataset;
    JobId seal = id("seal " + dataset);
    records[seal] = SealRecord{seal, core::sha256_hex("pack " + dataset), 64};
    plan.jobs.push_back({seal, experiments::SealSpecification{pack}, {}, 1, ""});
    for (int trial = 0; trial < trials; ++trial) add_trial(cell, row, pack, trial);
    return cell;
  }

  void add_trial(CellPlan& cell, const std::string& row, const experiments::PackSettings& pack, int trial) {
    std::string name = row + " " + pack.name + " " + std::to_string(trial);
    JobId training = id("training " + name);
    JobId evaluation = id("evaluation " + name);
    experiments::TrainingSpecification specification;
    specification.pack = pack;
    specification.lanes = 2;
    plan.jobs.push_back({training, specification, {}, 2, ""});
    plan.jobs.push_back({evaluation, experiments::EvaluationSpecification{training, pack, {}, {}}, {training}, 1, ""});
    cell.evaluations.push_back(evaluation);
    std::string pack_hash = core::sha256_hex("pack " + pack.name);
    std::string split = core::sha256_hex("split " + pack.name + std::to_string(trial));
    std::string weights = core::sha256_hex("weights " + name);
    records[training] = TrainingRecord{
        training, "weights.safetensors", weights, {{"loss", 1.5}}, {pack_hash, split, "class a", 2, true}};
    double base = row == "multi" ? 0.5 : 0.25;
    records[evaluation] = EvaluationRecord{evaluation,
                                           weights,
                                           core::sha256_hex("features " + name),
                                           {{"rank1", base + 0.0625 * (trial % 2)},
                                            {"rank5", 0.75},
                                            {"rank10", 0.875},
                                            {"rank20", 1.0},
                                            {"mAP", base / 2},
                                            {"chance_rank1", 0.03125},
                                            {"chance_mAP", 0.125}},
                                           {pack_hash, split, "class a", training}};
  }

  JobId evaluation(const std::string& name) const { return id("evaluation " + name); }
  JobId training(const std::string& name) const { return id("training " + name); }
  template <class Kind>
  Kind& record(const JobId& job) {
    return std::get<Kind>(records.at(job));
  }
  SuiteTables tables() const {
    return aggregate(
        plan,
        [&](const JobId& job) {
          auto found = records.find(job);
          return found == records.end() ? std::nullopt : std::optional(found->second);
        },
        queries.empty() ? QueryScoresLookup() : [&](const EvaluationRecord& record) { return queries.at(record.job); });
  }
};

//! Row 0 is the baseline, 1 multi; cells: easy rank1, easy mAP, hard rank1, hard mAP.
inline const Cell& cell_of(const SuiteTables& tables, std::size_t row, std::size_t cell) {
  return tables.tables.at(0).rows.at(row).cells.at(cell);
}

inline void expect_golden(const std::string& name, const std::string& text) {
  std::filesystem::path path = tests::source_folder() / "tests/golden/tables" / name;
  auto& files = core::real_file_system();
  if (std::getenv("RESOLUTE_WRITE_GOLDEN") != nullptr) core::write_atomic(files, path, std::string_view(text));
  EXPECT_EQ(core::read_text(files, path), text) << name;
}

//! The four forms of the tables against NAME.md, NAME.csv, NAME.tex and NAME.json.
inline void expect_goldens(const std::string& name, const SuiteTables& tables) {
  expect_golden(name + ".md", to_markdown(tables));
  expect_golden(name + ".csv", to_csv(tables));
  expect_golden(name + ".tex", to_latex(tables));
  expect_golden(name + ".json", core::canonical_json(to_json(tables)) + "\n");
}

}  // namespace resolute::results
