#include "results/exports/relations.h"

#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <set>
#include <thread>

#include "core/error.h"
#include "core/hash/sha256.h"
#include "results/exports/cmc.h"
#include "results/exports/provenance.h"
#include "results/tables/aggregation.h"
#include "tests/results/exports/stored_suite.h"
#include "tests/support/forwarding_file_system.h"
#include "tests/support/refusal.h"

namespace resolute::results::relations_test {
namespace {

using namespace testing;
using Rows = std::vector<std::vector<FieldValue>>;

class RowsInMemory final : public RelationSink {
 public:
  void begin(const Relation& relation) override { now_ = &relation; }
  void row(std::span<const FieldValue> fields) override {
    ASSERT_EQ(fields.size(), now_->columns.size());
    for (std::size_t i = 0; i < fields.size(); ++i) check(now_->columns[i], fields[i]);
    rows[std::string(now_->name)].emplace_back(fields.begin(), fields.end());
  }
  void end() override { ended.emplace_back(now_->name); }

  //! The values of a column.
  std::vector<FieldValue> column(const std::string& relation, std::string_view name) const {
    std::vector<FieldValue> values;
    for (const Relation& one : relations())
      for (std::size_t i = 0; i < one.columns.size(); ++i)
        if (one.name == relation && one.columns[i].name == name && rows.contains(relation))
          for (const auto& row : rows.at(relation)) values.push_back(row[i]);
    return values;
  }

  std::map<std::string, Rows> rows;
  std::vector<std::string> ended;

 private:
  static void check(const Column& column, const FieldValue& field) {
    constexpr std::array kIndex{3U, 1U, 2U};  // of Field, by ColumnType
    EXPECT_TRUE(field.index() == kIndex.at(static_cast<std::size_t>(column.type)) ||
                (column.optional && field.index() == 0))
        << column.name << " " << field.index();
  }
  const Relation* now_ = nullptr;
};

// A store that is far away.
class SlowFiles final : public tests::ForwardingFileSystem {
 public:
  core::Bytes read(const std::filesystem::path& path, std::uint64_t limit) override {
    for (int most = most_, now = ++under_way_; now > most && !most_.compare_exchange_weak(most, now);) continue;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    --under_way_;
    return ForwardingFileSystem::read(path, limit);
  }
  //! How many reads were under way together since the last call.
  int most_together() { return most_.exchange(0); }

 private:
  std::atomic<int> under_way_ = 0, most_ = 0;
};

class RelationsTest : public StoredSuite {
 protected:
  RowsInMemory written() {
    RowsInMemory rows;
    write_relations(source(), rows);
    return rows;
  }
};

TEST_F(RelationsTest, the_records_of_many_jobs_are_read_side_by_side) {
  const auto last = suite_.plan.jobs.back();
  for (int more = 0; more < 100; ++more) {
    suite_.plan.jobs.push_back(last);
    suite_.plan.jobs.back().id = {core::sha256_hex(fmt::format("job {}", more))};
  }
  SlowFiles far;
  aggregate(suite_.plan, far, store_);
  EXPECT_GT(far.most_together(), 1) << "tables";
  EXPECT_EQ(provenance_of(suite_.plan, far, store_).jobs.size(), suite_.plan.jobs.size());
  EXPECT_GT(far.most_together(), 1) << "provenance";
  RowsInMemory rows;
  write_relations({suite_.plan, far, store_}, rows);
  EXPECT_GT(far.most_together(), 1) << "an export";
  EXPECT_EQ(rows.rows["jobs"].size(), suite_.plan.jobs.size());
}

TEST_F(RelationsTest, every_relation_is_written_once_with_keys_that_tell_rows_apart) {
  put(suite_.training("multi easy 0"), "attempt-001-metrics.jsonl", step_line(1, 2) + step_line(2, 1));
  suite_.plan.tables[0].published = {{"judea", "JUDEA", {{"easy", {{"rank1", 26.2}}}, {"hard", {{"rank1", 20.0}}}}}};
  const RowsInMemory all = written();
  std::vector<std::string> names;
  for (const Relation& relation : relations()) {
    names.emplace_back(relation.name);
    std::set<std::vector<FieldValue>> keys;
    for (const auto& row : all.rows.at(names.back()))
      EXPECT_TRUE(keys.emplace(row.begin(), row.begin() + static_cast<std::ptrdiff_t>(relation.key)).second)
          << relation.name;
    for (const Column& column : relation.columns) {
      if (column.of.empty()) continue;
      const std::string target(column.of);
      const auto known = all.column(target.substr(0, target.find('.')), target.substr(target.find('.') + 1));
      EXPECT_THAT(all.column(names.back(), column.name), Each(AnyOfArray(known))) << column.name;
    }
  }
  EXPECT_EQ(names, all.ended);
}

TEST_F(RelationsTest, cells_are_those_of_the_tables) {
  suite_.plan.tables[0].compare_with = "baseline";
  for (const auto& [job, record] : suite_.records) {
    if (!std::holds_alternative<EvaluationRecord>(record)) continue;
    auto& evaluation = suite_.record<EvaluationRecord>(job);
    QueryScore query{.path = "a.png", .rate = 2, .has_match = true, .cmc = {0.5, 0.75, 1, 1}, .average_precision = 0.5};
    QueryScore other = query;
    other.path = "b.png";
    other.identity = 1;
    const std::string text = csv_text<QueryScore>({query, other});
    evaluation.outputs["queries.csv"] = core::sha256_hex(text);
    put(job, "queries.csv", text);
  }
  put_records();
  const RowsInMemory all = written();
  const SuiteTables tables = aggregate(suite_.plan, files_, store_);
  std::size_t at = 0;
  for (const Row& row : tables.tables[0].rows)
    for (const Cell& cell : row.cells) {
      EXPECT_EQ(all.column("cells", "row_id")[at], FieldValue(row.id));
      EXPECT_EQ(all.column("cells", "mean")[at], FieldValue(cell.mean.value()));
      EXPECT_EQ(all.column("cells", "difference")[at],
                cell.difference ? FieldValue(cell.difference->mean) : FieldValue());
      ++at;
    }
  EXPECT_EQ(at, all.rows.at("cells").size());
  EXPECT_TRUE(std::holds_alternative<double>(all.column("cells", "difference").back()));
}

TEST_F(RelationsTest, scores_are_the_trials_numbers_behind_the_means) {
  const RowsInMemory all = written();
  const SuiteTables tables = aggregate(suite_.plan, files_, store_);
  std::size_t at = 0;
  for (const Table& table : tables.tables)
    for (const Row& row : table.rows)
      for (const Cell& cell : row.cells)
        for (std::size_t trial = 0; trial < cell.values.size(); ++trial) {
          const std::vector<FieldValue> expected{table.id,     row.id,
                                                 cell.dataset, static_cast<std::int64_t>(trial),
                                                 cell.metric,  cell.values[trial].value()};
          EXPECT_EQ(all.rows.at("scores").at(at++), expected);
        }
  EXPECT_EQ(at, all.rows.at("scores").size());
  EXPECT_GT(at, 8U);
}

TEST_F(RelationsTest, a_trial_that_is_not_there_has_no_score) {
  const std::size_t before = written().rows.at("scores").size();
  fs::remove_all(store_.job_folder(suite_.evaluation("multi easy 0")));
  const RowsInMemory left = written();
  EXPECT_LT(left.rows.at("scores").size(), before);
  for (const auto& row : left.rows.at("scores"))
    EXPECT_FALSE(row[1] == FieldValue("multi") && row[2] == FieldValue("easy") &&
                 row[3] == FieldValue(std::int64_t{0}));
}

TEST_F(RelationsTest, cells_and_trials_name_the_sets_that_rows_train_on_and_are_asked_on) {
  experiments::TablePlan& table = suite_.plan.tables[0];
  table.datasets = {"easy", "easy->hard"};
  table.mean_of = table.datasets;
  table.metrics = {"rank1"};
  table.rows.resize(1);
  table.rows[0].cells[1].dataset = "easy->hard";
  const RowsInMemory all = written();
  EXPECT_THAT(all.column("cells", "dataset"),
              ElementsAre(FieldValue("easy"), FieldValue("easy->hard"), FieldValue("mean")));
  EXPECT_THAT(all.column("cells", "trained_on"), ElementsAre(FieldValue("easy"), FieldValue("easy"), FieldValue()));
  EXPECT_THAT(all.column("cells", "asked_on"), ElementsAre(FieldValue("easy"), FieldValue("hard"), FieldValue()));
  EXPECT_THAT(all.column("trials", "trained_on"), Each(FieldValue("easy")));
  EXPECT_THAT(all.column("trials", "asked_on"),
              ElementsAre(FieldValue("easy"), FieldValue("easy"), FieldValue("hard"), FieldValue("hard")));
}

TEST_F(RelationsTest, published_numbers_have_rows_of_their_own) {
  EXPECT_THAT(written().column("published", "method"), IsEmpty());
  suite_.plan.tables[0].published = {{"judea", "JUDEA", {{"easy", {{"rank1", 26.2}}}}},
                                     {"sing", "SING", {{"easy", {{"mAP", 20.5}, {"rank1", 67.7}}}}}};
  const RowsInMemory all = written();
  EXPECT_THAT(all.column("published", "method"),
              ElementsAre(FieldValue("judea"), FieldValue("sing"), FieldValue("sing")));
  EXPECT_THAT(all.column("published", "value"), ElementsAre(FieldValue(26.2), FieldValue(20.5), FieldValue(67.7)));
  EXPECT_THAT(all.column("published", "position"),
              ElementsAre(FieldValue(std::int64_t{0}), FieldValue(std::int64_t{1}), FieldValue(std::int64_t{1})));
}

TEST_F(RelationsTest, what_is_not_there_yet_has_no_rows) {
  const JobId evaluation = suite_.evaluation("multi hard 1");
  const std::size_t metrics = written().rows.at("metrics").size();
  remove(evaluation);
  const RowsInMemory all = written();
  EXPECT_EQ(all.rows.at("metrics").size(), metrics - suite_.record<EvaluationRecord>(evaluation).metrics.size());
  EXPECT_THAT(all.column("cmc", "evaluation"), Not(Contains(FieldValue(evaluation.hex))));
  EXPECT_THAT(all.column("jobs", "job"), Contains(FieldValue(evaluation.hex)));
  EXPECT_THAT(all.column("trials", "evaluation"), Contains(FieldValue(evaluation.hex)));
  EXPECT_THAT(all.column("suite", "complete"), ElementsAre(FieldValue(std::int64_t{0})));
}

TEST_F(RelationsTest, queries_that_are_not_those_of_the_result_are_refused) {
  auto& record = suite_.record<EvaluationRecord>(suite_.evaluation("multi easy 0"));
  record.outputs["queries.csv"] = core::sha256_hex("another");
  put_records();
  EXPECT_THAT([&] { written(); }, tests::fails(core::ErrorKind::kCorrupt, HasSubstr("queries.csv' is missing")));
  put(record.job, "queries.csv", csv_text<QueryScore>({}));
  EXPECT_THAT([&] { written(); }, tests::fails(core::ErrorKind::kCorrupt, HasSubstr("is not the file that")));
}

TEST(CmcCurves, are_means_over_the_queries_of_a_rate_that_have_a_match) {
  EvaluationRecord record;
  record.metrics = {{"rank1", 0.5}, {"rank5", 0.75}, {"rank10", 0.8}, {"rank20", 1.0}};
  const std::vector<QueryScore> queries = {
      {.path = "a", .rate = 2, .has_match = true, .cmc = {0.25, 0.5, 0.5, 1}},
      {.path = "b", .rate = 2, .has_match = true, .cmc = {0.75, 1, 1, 1}},
      {.path = "c", .rate = 2},
      {.path = "a", .rate = 3, .has_match = true, .cmc = {0, 0, 0, 1}},
      {.path = "c", .rate = 4},
  };
  std::map<std::pair<int, int>, double> shares;
  for (const CmcPoint& point : cmc_curves(record, queries)) {
    shares[{point.rate, point.rank}] = point.share;
    EXPECT_EQ(point.queries, point.rate == 0 ? 3 : point.rate == 2 ? 2 : 1);
  }
  EXPECT_THAT(shares, ElementsAre(Pair(Pair(0, 1), 0.5), Pair(Pair(0, 5), 0.75), Pair(Pair(0, 10), 0.8),
                                  Pair(Pair(0, 20), 1.0), Pair(Pair(2, 1), 0.5), Pair(Pair(2, 5), 0.75),
                                  Pair(Pair(2, 10), 0.75), Pair(Pair(2, 20), 1.0), Pair(Pair(3, 1), 0.0),
                                  Pair(Pair(3, 5), 0.0), Pair(Pair(3, 10), 0.0), Pair(Pair(3, 20), 1.0)));
  EXPECT_FALSE(cmc_curves(record, {}).front().queries);
}

//! The relation's section of docs/inside/formats/export.md.
std::string section(const Relation& relation) {
  std::string text = fmt::format("### `{}`\n\n{}.\n\n| column | type | meaning |\n|---|---|---|\n", relation.name,
                                 std::string(1, static_cast<char>(std::toupper(relation.meaning.front()))) +
                                     std::string(relation.meaning.substr(1)));
  for (std::size_t i = 0; i < relation.columns.size(); ++i) {
    const Column& column = relation.columns[i];
    constexpr std::array kWords{"text", "integer", "real"};
    text += fmt::format("| {}`{}`{} | {}{} | {}{} |\n", i < relation.key ? "**" : "", column.name,
                        i < relation.key ? "**" : "", kWords.at(static_cast<std::size_t>(column.type)),
                        column.optional ? " or none" : "", column.meaning,
                        column.of.empty() ? "" : fmt::format("; one of `{}`", column.of));
  }
  return text;
}

TEST(Relations, stand_on_their_page_column_by_column) {
  const std::string page =
      core::read_text(core::real_file_system(), tests::source_folder() / "docs/inside/formats/export.md");
  for (const Relation& relation : relations()) EXPECT_THAT(page, HasSubstr(section(relation)));
}

}  // namespace
}  // namespace resolute::results::relations_test
