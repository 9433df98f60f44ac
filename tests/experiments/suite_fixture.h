#pragma once
//! \file
//! A folder for suites, and ways into the plans made from them.

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <sstream>
#include <string>

#include "experiments/suite.h"
#include "tests/support/folders.h"
#include "tests/support/pages.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace resolute::experiments {

inline const std::filesystem::path kSource = tests::source_folder() / "experiments";

class Suite : public testing::Test {
 protected:
  Suite() {
    options_.store = folder_ / "store";
    options_.reference_file = kSource / "reference" / "papers.toml";
    options_.with_references = true;  // most of these suites are of drawn images
  }
  Plan plan(const std::string& text) {
    core::write_atomic(core::real_file_system(), folder_ / "s.toml", text);
    return read_suite(core::real_file_system(), folder_ / "s.toml", options_);
  }
  //! The first suite of docs/suite.md below a heading; where its pictures would stand is this folder.
  std::string documented(const std::string& heading) {
    options_.environment["PKU_REID"] = folder_.path().string();
    return tests::fenced_blocks(page_.substr(page_.find(heading)), "toml")[0];
  }
  Plan shipped(const std::string& name) {
    return read_suite(core::real_file_system(), kSource / "suites" / name, options_);
  }

  //! Where a suite speaks of epochs each trial has so many training images.
  void have_training_images(std::size_t images) {
    options_.training_images = [images](const DatasetPlan&, const SplitSettings&) {
      return settings::TrainingCount{images, 1000};
    };
  }

  //! From where the suite's file stands; the folder is another one in each test.
  static std::string refusal_in(const std::string& message) {
    return message.substr(std::min(message.find("s.toml"), message.size()));
  }

  tests::TemporaryFolder folder_;
  SuiteOptions options_;
  const std::string page_ = tests::page_text("suite.md");
};

template <class Kind>
std::vector<Kind> jobs_of(const Plan& plan) {
  std::vector<Kind> found;
  for (const PlannedJob& job : plan.jobs)
    if (const auto* one = std::get_if<Kind>(&job.specification)) found.push_back(*one);
  return found;
}

inline const RowPlan& row_of(const Plan& plan, const std::string& table, const std::string& row) {
  for (const TablePlan& one : plan.tables)
    for (const RowPlan& candidate : one.rows)
      if (one.id == table && candidate.id == row) return candidate;
  throw std::out_of_range(table + " " + row);
}

inline const TrainingSpecification& training_of(const Plan& plan, const std::string& table, const std::string& row) {
  const JobId evaluation = row_of(plan, table, row).cells.at(0).evaluations.at(0);
  auto find = [&](const JobId& id) -> const PlannedJob& {
    return *std::find_if(plan.jobs.begin(), plan.jobs.end(), [&](const PlannedJob& job) { return job.id == id; });
  };
  const auto& specification = std::get<EvaluationSpecification>(find(evaluation).specification);
  return std::get<TrainingSpecification>(find(specification.training).specification);
}

//! What `suite plan --json` prints.
inline core::Json json_of(const Plan& plan) {
  std::ostringstream text;
  write_json(text, plan);
  return core::parse_json(text.str(), "the plan");
}

inline void check_sound(const Plan& plan) {
  std::set<JobId> before;
  for (const PlannedJob& job : plan.jobs) {
    EXPECT_EQ(job_id(job.specification), job.id);
    EXPECT_NO_THROW(validate(job.specification, "plan"));
    for (const JobId& needed : job.after) EXPECT_TRUE(before.contains(needed)) << job.label;
    EXPECT_TRUE(before.insert(job.id).second) << job.label << " stands twice";
  }
  for (const TablePlan& table : plan.tables)
    for (const RowPlan& row : table.rows) {
      ASSERT_EQ(table.datasets.size(), row.cells.size());
      for (const CellPlan& cell : row.cells)
        for (const JobId& id : cell.evaluations) EXPECT_TRUE(before.contains(id));
    }
}

//! A row of a table by its id, with these settings.
inline std::string row(const std::string& id, const std::string& settings) {
  return fmt::format("[[table.row]]\nid = \"{0}\"\nlabel = \"{0}\"\n{1}\n", id, settings);
}

//! The head of a suite, whose last table "t" lacks its rows.
//! \param defaults lines that follow the method's \param dataset lines of data set "easy"
inline std::string suite_head(const std::string& method, const std::string& defaults, const std::string& dataset = {}) {
  return fmt::format(R"(suite = "s"
title = "S"
[defaults]
method = "{}"
{}
[[dataset]]
id = "easy"
source = "synthetic"
{}
[[table]]
id = "t"
title = "T"
metrics = ["rank1"]
datasets = ["easy"]
)",
                     method, defaults, dataset);
}

//! Suites that begin with one head (suite_head()). In settings and in parts of refusals the method's keys begin with
//! '.'.
class MethodSuite : public Suite {
 protected:
  using Texts = std::initializer_list<std::string>;

  MethodSuite(const std::string& method, const std::string& defaults, const std::string& dataset = {})
      : method_(method), head_(suite_head(method, defaults, dataset)) {}

  std::string row(const std::string& id, const std::string& settings) const {
    return experiments::row(id, settings.starts_with('.') ? full("\n" + settings).substr(1) : full(settings));
  }
  Plan plan_of(const std::string& settings) { return plan(head_ + row("r", settings)); }
  TrainingSpecification training(const std::string& settings) { return training_of(plan_of(settings), "t", "r"); }
  JobId training_id(const std::string& settings) { return job_id(training(settings)); }
  //! The one evaluation of a suite with one row.
  EvaluationSpecification evaluation(const std::string& settings) {
    return jobs_of<EvaluationSpecification>(plan_of(settings)).at(0);
  }
  //! With other metrics in the table, or with a line more.
  std::string with_metrics(const std::string& metrics, const std::string& rows) {
    return replaced("\"rank1\"", metrics, rows);
  }
  std::string with_line(const std::string& line, const std::string& rows) {
    return replaced("datasets = [\"easy\"]", "datasets = [\"easy\"]\n" + line, rows);
  }
  //! The head with a piece replaced, and rows.
  std::string replaced(const std::string& from, const std::string& to, const std::string& rows) {
    std::string text = head_ + rows;
    const auto at = text.find(from);
    EXPECT_NE(std::string::npos, at) << from;
    return text.replace(at, from.size(), to);
  }
  std::string refusal_of(const std::string& text) {
    return refusal_in(tests::refusal([&] { plan(text); }));
  }
  //! Of a suite with one row; "" where it is accepted.
  std::string refusal(const std::string& settings) { return refusal_of(head_ + row("r", settings)); }
  void expect_accepted(Texts rows) {
    for (const std::string& settings : rows) EXPECT_EQ("", refusal(settings)) << settings;
  }
  //! A refusal that holds these parts; it begins with one that names the place.
  void expect_says(const std::string& message, Texts parts) {
    for (const std::string& part : parts) {
      const std::string words = full(part);
      EXPECT_TRUE(words.starts_with("s.toml:") ? message.starts_with(words) : message.find(words) != message.npos)
          << words << "\nin: " << message;
    }
  }
  void expect_refused(const std::string& settings, Texts parts) {
    SCOPED_TRACE(settings);
    expect_says(refusal(settings), parts);
  }

  //! The value, written as in TOML, is refused for the key of a row's first setting, with file, line and column.
  void expect_value_refused(const std::string& key, const std::string& value, const std::string& why = {}) {
    const std::string name = key.starts_with('.') ? method_ + key : key;
    const auto line = std::count(head_.begin(), head_.end(), '\n') + 4;  // behind the row's beginning, id and label
    const auto column = name.rfind('.') + 2;                             // the last word of a dotted key
    expect_refused(key + " = " + value,
                   {fmt::format("s.toml:{}:{}: key '{}' has the value {} (", line, column, name, value), why,
                    "for row 'r' on data set 'easy'"});
  }
  //! Each line more makes the same training of a row with these settings.
  void expect_one_job(const std::string& settings, Texts ignored) {
    for (const std::string& more : ignored)
      EXPECT_EQ(training_id(settings), training_id(settings + more)) << settings << "and\n" << more;
  }
  void expect_other_jobs(const std::string& settings, Texts read) {
    for (const std::string& more : read)
      EXPECT_NE(training_id(settings), training_id(settings + more)) << settings << "and\n" << more;
  }

 private:
  //! With the method's name before each '.' that begins a line or a quoted key.
  std::string full(std::string text) const {
    for (const std::string begin : {"\n.", "'."})
      for (auto at = text.find(begin); at != text.npos; at = text.find(begin, at + 1))
        text.insert(at + begin.size() - 1, method_);
    return text;
  }

  const std::string method_;

 protected:
  const std::string head_;
};

}  // namespace resolute::experiments
