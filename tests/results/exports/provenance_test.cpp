#include "results/exports/provenance.h"

#include <gmock/gmock.h>

#include "tests/results/exports/stored_suite.h"

namespace resolute::results::provenance_test {
namespace {

using core::Json;

class ProvenanceTest : public StoredSuite {
 protected:
  Json document() { return to_json(provenance_of(suite_.plan, files_, store_)); }
  Json job(const JobId& id) {
    const Json all = document();
    for (const Json& one : all.at("jobs"))
      if (one.at("id") == id.hex) return one;
    ADD_FAILURE() << "no job " << id.hex;
    return {};
  }
};

TEST_F(ProvenanceTest, every_cell_leads_by_ids_to_its_evaluations_trainings_and_pack) {
  const Json all = document();
  ASSERT_EQ(all.at("cells").size(), 4U);
  std::map<std::string, Json> jobs;
  for (const Json& one : all.at("jobs")) EXPECT_TRUE(jobs.emplace(one.at("id"), one).second);
  for (const Json& cell : all.at("cells")) {
    ASSERT_EQ(cell.at("evaluations").size(), 2U);
    for (std::size_t trial = 0; trial < 2; ++trial) {
      const std::string name =
          fmt::format("{} {} {}", cell.at("row").get<std::string>(), cell.at("dataset").get<std::string>(), trial);
      const Json& evaluation = jobs.at(cell.at("evaluations")[trial]);
      EXPECT_EQ(evaluation.at("id"), suite_.evaluation(name).hex);
      EXPECT_EQ(evaluation.at("after"), Json::array({suite_.training(name).hex}));
      EXPECT_EQ(evaluation.at("pack"), cell.at("dataset"));
    }
  }
}

TEST_F(ProvenanceTest, a_damaged_record_counts_as_none_and_is_named) {
  const JobId id = suite_.training("multi easy 0");
  for (const std::string& damaged :
       {std::string("{\"job\":"), record_text(suite_.records.at(suite_.evaluation("multi easy 0"))),
        record_text(SealRecord{id, core::sha256_hex("pack"), 1})}) {
    put(id, "result.json", damaged);
    const Json entry = job(id);
    EXPECT_EQ(entry.at("result"), nullptr);
    EXPECT_THAT(entry.at("damaged").get<std::string>(), testing::StartsWith("result.json: "));
  }
  const Json all = document();
  const auto damaged = [](const Json& one) { return one.contains("damaged"); };
  EXPECT_EQ(std::count_if(all.at("jobs").begin(), all.at("jobs").end(), damaged), 1);
}

TEST_F(ProvenanceTest, a_job_says_what_decided_its_bits) {
  auto& training = std::get<experiments::TrainingSpecification>(suite_.plan.jobs[1].specification);
  training.initial_weights = core::sha256_hex("pretrained");
  const JobId id = suite_.plan.jobs[1].id;
  const auto& record = suite_.record<TrainingRecord>(id);
  const Json entry = job(id);
  EXPECT_EQ(entry.at("kind"), "training");
  EXPECT_EQ(entry.at("initial_weights"), training.initial_weights);
  const Json specification = experiments::to_json(experiments::JobSpecification(training));
  EXPECT_EQ(entry.at("code"), Json({{"schema", specification.at("schema")},
                                    {"method", specification.at("method")},
                                    {"method_revision", specification.at("method_revision")}}));
  EXPECT_EQ(entry.at("result"), Json({{"pack_sha256", record.provenance.pack_sha256},
                                      {"split_sha256", record.provenance.split_sha256},
                                      {"numeric_class", "class a"},
                                      {"lanes", 2},
                                      {"from_scratch", true},
                                      {"weights_sha256", record.weights_sha256}}));
}

TEST_F(ProvenanceTest, attempts_are_counted_by_the_last_that_logged_a_step) {
  const JobId training = suite_.training("multi easy 0");
  EXPECT_EQ(job(training).at("attempts"), nullptr);
  put(training, "attempt-001-metrics.jsonl", step_line(1, 1));
  put(training, "attempt-003-metrics.jsonl", step_line(2, 1));
  put(training, "attempt-004-stderr", "killed before its first step\n");
  EXPECT_EQ(job(training).at("attempts"), 3);
  EXPECT_FALSE(job(suite_.evaluation("multi easy 0")).contains("attempts"));
}

TEST_F(ProvenanceTest, what_is_not_done_has_no_result) {
  const JobId evaluation = suite_.evaluation("multi hard 1");
  remove(evaluation);
  const Json entry = job(evaluation);
  EXPECT_EQ(entry.at("result"), nullptr);
  EXPECT_EQ(entry.at("after"), Json::array({suite_.training("multi hard 1").hex}));
}

TEST_F(ProvenanceTest, the_same_store_has_the_same_bytes) {
  const std::string first = core::canonical_json(document());
  put_records();
  EXPECT_EQ(first, core::canonical_json(document()));
}

}  // namespace
}  // namespace resolute::results::provenance_test
