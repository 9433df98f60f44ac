#include "results/record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "core/error.h"
#include "core/sha256.h"

namespace resolute::results::record_test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string hash(int n) { return core::sha256_hex("record " + std::to_string(n)); }

std::vector<Record> examples() {
  return {ShardRecord{{hash(0)}, hash(1), 96, hash(2)}, SealRecord{{hash(0)}, hash(1), 192},
          TrainingRecord{{hash(0)},
                         "weights-0123456789abcdef.safetensors",
                         hash(1),
                         {{"loss", 0.25}},
                         {hash(2), hash(3), "x86-64-v4 libtorch 2.11.0 1 thread", 2, true}},
          EvaluationRecord{{hash(0)},
                           hash(1),
                           hash(2),
                           {{"rank1", 0.5},
                            {"rank5", 0.75},
                            {"rank10", 1.0},
                            {"rank20", 1.0},
                            {"mAP", 0.375},
                            {"chance_rank1", 0.03125},
                            {"queries", 128.0}},
                           {hash(3), hash(4), "x86-64-v4", {hash(5)}},
                           {{"panels/galleries.png", hash(6)}, {"queries.csv", hash(7)}}}};
}

std::string refusal(const std::string& text) {
  try {
    parse_record(text, "'result.json'");
  } catch (const core::RuntimeError& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::kInput);
    return error.what();
  }
  return "nothing was thrown";
}

TEST(Record, every_kind_reads_back_equal) {
  for (const Record& record : examples()) {
    std::string text = record_text(record);
    EXPECT_EQ(text.back(), '\n');
    EXPECT_EQ(parse_record(text, "text"), record);
    EXPECT_EQ(record_text(parse_record(text, "text")), text);
  }
}

TEST(Record, a_missing_key_is_named_wherever_it_is_missing) {
  for (const Record& record : examples()) {
    core::Json whole = core::parse_json(record_text(record), "text");
    for (const auto& [key, value] : whole.items()) {
      core::Json part = whole;
      part.erase(key);
      EXPECT_THAT(refusal(part.dump()), StartsWith("'result.json': ")) << key;
      if (!value.is_object() || key == "metrics" || key == "outputs") continue;
      for (const auto& [inner, _] : value.items()) {
        core::Json without = whole;
        without[key].erase(inner);
        EXPECT_THAT(refusal(without.dump()), HasSubstr("key '" + inner + "' is missing"));
      }
    }
  }
}

TEST(Record, what_does_not_belong_is_refused) {
  core::Json evaluation = core::parse_json(record_text(examples()[3]), "text");
  auto with = [&](const char* pointer, const core::Json& value) {
    core::Json changed = evaluation;
    changed[core::Json::json_pointer(pointer)] = value;
    return changed.dump();
  };
  EXPECT_THAT(refusal(with("/host", "a")), HasSubstr("unknown key 'host'"));
  EXPECT_THAT(refusal(with("/provenance/host", "a")), HasSubstr("unknown key 'host'"));
  EXPECT_THAT(refusal(with("/job", "AB")), HasSubstr("64 lower-case hexadecimal digits"));
  EXPECT_THAT(refusal(with("/metrics/rank1", 45.2)), HasSubstr("a fraction from 0 to 1 is needed"));
  EXPECT_THAT(refusal(with("/metrics/rank1", "0.5")), HasSubstr("a number is needed"));
  EXPECT_THAT(refusal(with("/metrics", 1)), HasSubstr("metrics"));
  core::Json training = core::parse_json(record_text(examples()[2]), "text");
  training["weights_file"] = "../weights";
  EXPECT_THAT(refusal(training.dump()), HasSubstr("the name of a file in the job's folder is needed"));
  EXPECT_THAT(refusal("{}"), HasSubstr("key 'job' is missing"));
  EXPECT_THAT(refusal("[]"), HasSubstr("an object is needed"));
  EXPECT_THAT(refusal(R"({"job": ")" + hash(0) + R"("})"), HasSubstr("no kind of job leaves such a record"));
}

TEST(Record, outputs_may_be_none_and_stay_inside_the_jobs_folder) {
  EvaluationRecord record = std::get<EvaluationRecord>(examples()[3]);
  record.outputs.clear();
  EXPECT_THAT(record_text(record), HasSubstr(R"("outputs":{})"));
  EXPECT_EQ(parse_record(record_text(record), "text"), Record(record));
  for (const char* name : {"", "/etc/passwd", "../queries.csv", "panels/../../x", "panels//x", "panels/", ".", "..",
                           "panels/.", ".hidden", "a b", "a\\b", "a\nb", "pa\u00e9.csv"}) {
    core::Json json = core::parse_json(record_text(record), "text");
    json["outputs"][name] = hash(1);
    EXPECT_THAT(refusal(json.dump()), HasSubstr("the name of a file in the job's folder is needed")) << name;
  }
  record.outputs = {{"queries.csv", "abc"}};
  EXPECT_THAT(refusal(record_text(record)), HasSubstr("outputs: key 'queries.csv' has the value 'abc'"));
}

TEST(Record, a_resolution_probe_is_a_fraction) {
  EvaluationRecord record = std::get<EvaluationRecord>(examples()[3]);
  record.metrics["resolution_probe"] = 0.875;
  EXPECT_EQ(parse_record(record_text(record), "text"), Record(record));
  record.metrics["resolution_probe"] = 87.5;
  EXPECT_THAT(refusal(record_text(record)), HasSubstr("key 'resolution_probe' has the value 87.5"));
}

TEST(Record, weights_are_told_by_correlations_and_a_share) {
  EvaluationRecord record = std::get<EvaluationRecord>(examples()[3]);
  record.metrics["weight_hr_rho"] = -0.75;
  record.metrics["weight_hr_rho_low"] = -1;
  record.metrics["weight_hr_rho_high"] = 0.25;
  record.metrics["hr_share"] = 0.125;
  record.outputs["weights.csv"] = hash(8);
  EXPECT_EQ(parse_record(record_text(record), "text"), Record(record));
  for (const char* name : {"weight_hr_rho", "weight_lr_rho", "weight_hr_rho_low", "weight_lr_rho_high"})
    for (const double value : {-1.5, 1.0625}) {
      EvaluationRecord wrong = record;
      wrong.metrics[name] = value;
      EXPECT_THAT(refusal(record_text(wrong)),
                  HasSubstr(fmt::format("key '{}' has the value {} (a correlation from -1 to 1", name, value)));
    }
  record.metrics["hr_share"] = 12.5;
  EXPECT_THAT(refusal(record_text(record)), HasSubstr("key 'hr_share' has the value 12.5 (a fraction"));
}

TEST(Record, an_ssim_is_at_most_1_a_psnr_at_least_0_and_its_gain_any_number) {
  EvaluationRecord record = std::get<EvaluationRecord>(examples()[3]);
  record.metrics["recovered_psnr_2"] = 31.5;
  record.metrics["enlarged_psnr_2"] = 28.25;
  record.metrics["psnr_gain_2"] = 3.25;
  record.metrics["psnr_gain_8"] = -0.5;
  record.metrics["recovered_ssim_2"] = 1;
  record.metrics["enlarged_ssim_2"] = -1;
  EXPECT_EQ(parse_record(record_text(record), "text"), Record(record));
  for (const char* name : {"recovered_ssim_3", "enlarged_ssim_2"})
    for (const double value : {-1.5, 87.5}) {
      EvaluationRecord wrong = record;
      wrong.metrics[name] = value;
      EXPECT_THAT(refusal(record_text(wrong)),
                  HasSubstr(fmt::format("key '{}' has the value {} (an SSIM from -1 to 1", name, value)));
    }
  for (const char* name : {"recovered_psnr_2", "enlarged_psnr_3"}) {
    EvaluationRecord wrong = record;
    wrong.metrics[name] = -0.5;
    EXPECT_THAT(refusal(record_text(wrong)), HasSubstr(fmt::format("key '{}' has the value -0.5 (a PSNR of 0", name)));
  }
}

class StoredRecord : public testing::Test {
 protected:
  StoredRecord() : store_(std::filesystem::temp_directory_path() / ("resolute-record-" + std::to_string(getpid()))) {}
  ~StoredRecord() override { std::filesystem::remove_all(store_.root()); }
  experiments::StoreLayout store_;
};

TEST_F(StoredRecord, is_read_from_its_jobs_folder) {
  auto& files = core::real_file_system();
  JobId job{hash(0)};
  EXPECT_EQ(read_record(files, store_, job), std::nullopt);
  core::write_atomic(files, store_.result_file(job), std::string_view(record_text(examples()[1])));
  EXPECT_EQ(read_record(files, store_, job), examples()[1]);
}

TEST_F(StoredRecord, of_another_job_is_corrupt) {
  auto& files = core::real_file_system();
  JobId other{hash(7)};
  core::write_atomic(files, store_.result_file(other), std::string_view(record_text(examples()[1])));
  try {
    read_record(files, store_, other);
    FAIL();
  } catch (const core::RuntimeError& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::kCorrupt);
    EXPECT_THAT(error.what(), HasSubstr("result.json"));
  }
}

}  // namespace
}  // namespace resolute::results::record_test
