#include "results/records/record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>

#include "core/error.h"
#include "core/hash/sha256.h"
#include "tests/support/equal.h"
#include "tests/support/forwarding_file_system.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace resolute::results::record_test {
namespace {

using testing::HasSubstr;
using testing::Not;
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
                           {{"panels/galleries.png", hash(6)}, {"queries.csv", hash(7)}}},
          TrainingRecord{{hash(0)},
                         "weights-0123456789abcdef.safetensors",
                         hash(1),
                         {{"loss", 0.25}},
                         {hash(2),
                          hash(3),
                          "x86-64-v4",
                          2,
                          false,
                          StartedFrom{{hash(4)}, hash(5)},
                          {{hash(6), hash(7)}, {hash(8), hash(9)}}}}};
}

std::string refusal(const std::string& text) {
  return tests::refusal([&] { parse_record(text, "'result.json'"); });
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
        if (inner == "started_from" || inner == "joined") continue;  // most trainings have none
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
  for (const char* wrong : {"", "..", "../weights", "weights\n", "\x1b[2Jweights"}) {
    training["weights_file"] = wrong;
    const std::string message = refusal(training.dump());
    EXPECT_THAT(message, HasSubstr("the name of a file in the job's folder is needed")) << wrong;
    EXPECT_THAT(message, Not(HasSubstr("\x1b"))) << "it steers a terminal";
  }
  EXPECT_THAT(refusal("{}"), HasSubstr("key 'job' is missing"));
  EXPECT_THAT(refusal("[]"), HasSubstr("an object is needed"));
  EXPECT_THAT(refusal(R"({"job": ")" + hash(0) + R"("})"), HasSubstr("no kind of job leaves such a record"));
}

TEST(Record, a_training_names_the_weights_that_it_started_from_or_nothing) {
  EXPECT_THAT(record_text(examples()[2]), Not(HasSubstr("started_from")));
  core::Json json = core::parse_json(record_text(examples()[4]), "text");
  EXPECT_EQ((core::Json{{"training", hash(4)}, {"weights_sha256", hash(5)}}), json["provenance"]["started_from"]);
  json["provenance"]["started_from"]["weights_sha256"] = "abc";
  EXPECT_THAT(refusal(json.dump()), HasSubstr("started_from: key 'weights_sha256' has the value 'abc'"));
}

TEST(Record, a_training_names_the_packs_and_splits_that_were_joined_or_nothing) {
  EXPECT_THAT(record_text(examples()[2]), Not(HasSubstr("joined")));
  const core::Json json = core::parse_json(record_text(examples()[4]), "text");
  const core::Json& joined = json.at("provenance").at("joined");
  ASSERT_EQ(2U, joined.size());
  EXPECT_EQ((core::Json{{"pack_sha256", hash(8)}, {"split_sha256", hash(9)}}), joined.at(1));
  for (const auto& [pointer, wrong] : {std::pair("/provenance/joined/1/pack_sha256", core::Json("abc")),
                                       {"/provenance/joined/0/rows", core::Json(1)},
                                       {"/provenance/joined", core::Json("abc")}}) {
    core::Json changed = json;
    changed[core::Json::json_pointer(pointer)] = wrong;
    EXPECT_THAT(refusal(changed.dump()), HasSubstr("joined")) << pointer;
  }
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

TEST(Record, a_metric_has_the_values_of_its_unit) {
  struct Unit {
    std::vector<std::string> metrics;
    std::vector<double> good, bad;
    std::string words;  //!< of a refusal
  };
  const std::vector<Unit> units{
      {{"resolution_probe", "hr_share"}, {0, 0.875, 1}, {-0.25, 12.5}, "a fraction"},
      {{"weight_hr_rho", "weight_lr_rho", "weight_hr_rho_low", "weight_lr_rho_low", "weight_hr_rho_high"},
       {-1, -0.75, 0.25, 1},
       {-1.5, 1.0625},
       "a correlation from -1 to 1"},
      {{"recovered_ssim_2", "recovered_ssim_3", "enlarged_ssim_2"}, {-1, 0.5, 1}, {-1.5, 87.5}, "an SSIM from -1 to 1"},
      {{"recovered_psnr_2", "enlarged_psnr_2", "enlarged_psnr_3"}, {0, 31.5}, {-0.5}, "a PSNR of 0"},
      {{"psnr_gain_2", "psnr_gain_8"}, {-0.5, 3.25}, {}, ""}};
  for (const Unit& unit : units)
    for (const std::string& metric : unit.metrics) {
      EvaluationRecord record = std::get<EvaluationRecord>(examples()[3]);
      for (const double value : unit.good) {
        record.metrics[metric] = value;
        EXPECT_EQ(parse_record(record_text(record), "text"), Record(record)) << metric;
      }
      for (const double value : unit.bad) {
        record.metrics[metric] = value;
        EXPECT_THAT(refusal(record_text(record)),
                    HasSubstr(fmt::format("key '{}' has the value {} ({}", metric, value, unit.words)));
      }
    }
}

class StoredRecord : public testing::Test {
 protected:
  tests::TemporaryFolder folder_;
  experiments::StoreLayout store_{folder_.path()};
};

TEST_F(StoredRecord, is_read_from_its_jobs_folder) {
  auto& files = core::real_file_system();
  JobId job{hash(0)};
  EXPECT_EQ(read_record(files, store_, job), std::nullopt);
  core::write_atomic(files, store_.result_file(job), std::string_view(record_text(examples()[1])));
  EXPECT_EQ(read_record(files, store_, job), examples()[1]);
}

TEST_F(StoredRecord, of_a_training_that_diverged_before_speaks_for_it) {
  auto& files = core::real_file_system();
  const JobId job{hash(0)};
  EXPECT_FALSE(has_diverged(files, store_, job));
  files.create_directories(store_.result_file(job).parent_path());
  core::write_atomic(files, store_.divergence_file(job), "the loss is not finite");
  EXPECT_TRUE(has_diverged(files, store_, job));
  core::write_atomic(files, store_.result_file(job), record_text(examples()[2]));
  EXPECT_FALSE(has_diverged(files, store_, job));
}

TEST_F(StoredRecord, of_another_job_is_corrupt) {
  auto& files = core::real_file_system();
  JobId other{hash(7)};
  core::write_atomic(files, store_.result_file(other), std::string_view(record_text(examples()[1])));
  EXPECT_THAT(tests::refusal([&] { read_record(files, store_, other); }, core::ErrorKind::kCorrupt),
              HasSubstr("result.json"));
}

TEST(Record, a_number_that_is_none_is_named) {
  std::string text = record_text(examples()[3]);
  const auto with = [&](const std::string& number) {
    std::string changed = text;
    const std::string map = "\"mAP\":0.375";
    return changed.replace(changed.find(map), map.size(), "\"mAP\":" + number);
  };
  EXPECT_THAT(refusal(with("NaN")), StartsWith("'result.json': metrics.mAP is NaN"));
  EXPECT_THAT(refusal(with("-Infinity")), HasSubstr("metrics.mAP is -Infinity"));
  EXPECT_THAT(refusal(with("Infinity")), HasSubstr("metrics.mAP is Infinity"));
  EXPECT_THAT(refusal(R"({"job":"NaN \"NaN","metrics":{"loss":NaN}})"), HasSubstr("metrics.loss is NaN"));
  EXPECT_THAT(refusal(with("NaN").substr(0, 300)), HasSubstr("not JSON")) << "truncated as well";
}

TEST_F(StoredRecord, that_is_damaged_says_why_and_what_to_do) {
  auto& files = core::real_file_system();
  const JobId job{hash(0)};
  const std::string whole = record_text(examples()[3]);
  core::Json no_rank20 = core::parse_json(whole, "text"), null = no_rank20, word = no_rank20, per_cent = no_rank20;
  no_rank20["metrics"].erase("rank20");
  null["metrics"]["mAP"] = nullptr;
  word["metrics"]["mAP"] = "0.375";
  per_cent["metrics"]["mAP"] = 37.5;
  core::Json falling = core::parse_json(whole, "text"), rises_late = falling, nobody = falling, half = falling;
  falling["metrics"]["rank5"] = 0.25;
  rises_late["metrics"]["rank20"] = 0.75;
  nobody["metrics"]["queries"] = 0.0;
  half["metrics"]["gallery_identities"] = 31.5;
  const auto check = record_check(files, store_);
  EXPECT_FALSE(check(job, "evaluation"));
  for (const auto& [text, said] : {std::pair(no_rank20.dump(), "rank20"),
                                   {null.dump(), "mAP"},
                                   {word.dump(), "mAP"},
                                   {per_cent.dump(), "37.5"},
                                   {falling.dump(), "'rank5' has the value 0.25 (rank1 is 0.5, and a CMC curve never"},
                                   {rises_late.dump(), "'rank20' has the value 0.75 (rank10 is 1"},
                                   {nobody.dump(), "'queries' has the value 0 (a whole number of 1 or more"},
                                   {half.dump(), "'gallery_identities' has the value 31.5"},
                                   {whole.substr(0, 50), "not JSON"},
                                   {std::string("\n"), "not JSON"},
                                   {std::string(), "not JSON"},
                                   {record_text(SealRecord{{hash(7)}, hash(1), 192}), "of job"},
                                   {record_text(examples()[2]), "of another kind of job"}}) {
    core::write_atomic(files, store_.result_file(job), std::string_view(text));
    const auto found = find_record(files, store_, job, "evaluation");
    ASSERT_TRUE(std::holds_alternative<DamagedRecord>(found)) << text;
    const std::string why = std::get<DamagedRecord>(found).why;
    EXPECT_THAT(why, testing::AllOf(StartsWith("result.json: "), HasSubstr(said), Not(HasSubstr("\n")))) << text;
    EXPECT_EQ(check(job, "evaluation").value().damage, why);
    if (text != record_text(examples()[2])) {
      EXPECT_THAT(tests::refusal([&] { read_record(files, store_, job); }, core::ErrorKind::kCorrupt),
                  testing::AllOf(HasSubstr(store_.result_file(job).string()), HasSubstr("run the suite again")));
    }
  }
  core::write_atomic(files, store_.result_file(job), std::string_view(whole));
  for (const char* kind : {"evaluation", ""}) {
    EXPECT_EQ(check(job, kind).value().damage, "");
    EXPECT_EQ(check(job, kind).value().numeric_class, numeric_class_of(examples()[3]));
  }
}

// It may be whole: of a user whose umask is 077, on a server that maps root to nobody.
TEST_F(StoredRecord, that_is_closed_to_this_user_is_not_advised_to_be_made_anew) {
  class Closed : public tests::ForwardingFileSystem {
   public:
    explicit Closed(int error) : error_(error) {}
    core::Bytes read(const std::filesystem::path&, std::uint64_t) override {
      throw core::system_error("cannot open it", error_);
    }

   private:
    int error_;
  };
  const auto refusal = [&](int error) {
    Closed files(error);
    EXPECT_TRUE(std::holds_alternative<DamagedRecord>(find_record(files, store_, JobId{hash(1)})));
    return tests::refusal([&] { read_record(files, store_, JobId{hash(1)}); }, core::ErrorKind::kCorrupt);
  };
  for (const int error : {EACCES, EPERM})
    EXPECT_THAT(refusal(error), testing::AllOf(HasSubstr(std::strerror(error)), HasSubstr("; see to it that it can")));
  for (const int error : {EISDIR, ELOOP}) EXPECT_THAT(refusal(error), HasSubstr("; run the suite again"));
}

// A training that ran again on another class of machines has other weights.
TEST_F(StoredRecord, of_an_evaluation_is_damaged_where_its_training_has_other_weights_now) {
  auto& files = core::real_file_system();
  auto evaluation = std::get<EvaluationRecord>(examples()[3]);
  auto training = std::get<TrainingRecord>(examples()[2]);
  training.job = evaluation.provenance.training;
  const auto check = record_check(files, store_);
  const auto damage = [&] { return check(evaluation.job, "evaluation").value().damage; };
  core::write_atomic(files, store_.result_file(evaluation.job), record_text(evaluation));
  EXPECT_EQ(damage(), "") << "the training is gone, or runs again: nobody can know yet";
  core::write_atomic(files, store_.result_file(training.job), std::string_view("torn"));
  EXPECT_EQ(damage(), "");
  core::write_atomic(files, store_.result_file(training.job), record_text(training));
  EXPECT_EQ(damage(), "");
  training.weights_sha256 = hash(9);
  core::write_atomic(files, store_.result_file(training.job), record_text(training));
  EXPECT_EQ(damage(),
            fmt::format("result.json: it is of other weights than training {} has now", short_id(training.job)));
  EXPECT_EQ(check(evaluation.job, "evaluation").value().numeric_class, "");
  EXPECT_EQ(check(training.job, "training").value().damage, "");
}

}  // namespace
}  // namespace resolute::results::record_test
