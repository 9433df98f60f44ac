#include "experiments/store/bundle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/hash/sha256.h"
#include "tests/support/folders.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace resolute::experiments::bundle_test {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using tests::TemporaryFolder;

core::Bytes bytes_of(std::string_view text) {
  const auto bytes = core::as_byte_span(text);
  return {bytes.begin(), bytes.end()};
}

const JobId kOne{std::string(64, 'a')};
const JobId kTwo{std::string(63, 'a') + "b"};
constexpr std::string_view kResult = "{\"result\":1}\n";

std::vector<BundledJob> example() {
  return {
      {kOne, core::sha256_hex(kResult), {{"attempts/001/stdout", bytes_of("one\n")}, {"spec.json", bytes_of("{}")}}},
      {kTwo, core::sha256_hex(kResult), {}},
      {kTwo, core::sha256_hex(kResult), {{"attempts/002/metrics.jsonl", {}}}}};
}

using Contents = std::map<std::string, std::string>;  // by id and name

class BundleTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const JobId& job : {kOne, kTwo}) core::write_atomic(real_, store_.result_file(job), kResult);
  }
  fs::path publish() { return publish_bundle(real_, store_, "toy", encode_bundle(example())); }
  Contents contents(const core::Bytes& bytes) {
    core::write_atomic(real_, folder_ / "bundle", bytes);
    const Bundle bundle(real_, folder_ / "bundle");
    Contents found;
    for (const BundleEntry& entry : bundle.entries())
      for (const auto& file : entry.files)
        found[entry.job.hex + "/" + file.name] = std::string(core::as_text(bundle.read(file)));
    return found;
  }
  std::string refusal(const core::Bytes& bytes) {
    const auto error = tests::error_of([&] { contents(bytes); });
    return error ? error->what() : "read";
  }

  TemporaryFolder folder_;
  StoreLayout store_{folder_.path() / "store"};
  core::FileSystem& real_ = core::real_file_system();
  BundledFiles files_{real_, store_};
};

TEST_F(BundleTest, golden_file_reads_and_is_what_is_written) {
  const auto path = tests::source_folder() / "tests/golden/bundle/bundle.zip";
  EXPECT_EQ(real_.read(path), encode_bundle(example()));
  EXPECT_THAT(contents(real_.read(path)),
              ElementsAre(Pair(kOne.hex + "/attempts/001/stdout", "one\n"), Pair(kOne.hex + "/spec.json", "{}"),
                          Pair(kTwo.hex + "/attempts/002/metrics.jsonl", "")))
      << "a job without files is left out";
}

TEST_F(BundleTest, every_missing_byte_is_found_and_every_damaged_one_that_matters) {
  const core::Bytes whole = encode_bundle(example());
  const Contents files = contents(whole);
  int refused = 0;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    EXPECT_NE(refusal(core::Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(at))), "read") << at;
    core::Bytes damaged = whole;
    damaged[at] ^= std::byte{0x20};
    if (refusal(damaged) == "read")
      EXPECT_EQ(contents(damaged), files) << at;
    else
      ++refused;
  }
  EXPECT_GT(refused, 700);
}

// An archive with this list and no other entry.
core::Bytes with_list(std::string_view list) {
  return core::encode_zip({core::stored_entry("bundle.json", core::as_byte_span(list))});
}

TEST_F(BundleTest, lists_and_archives_that_disagree_are_refused) {
  EXPECT_THAT(refusal(with_list(R"({"jobs":[],"schema":2})")), HasSubstr("schema 2 is unknown (1 to 1 are known)"));
  EXPECT_THAT(refusal(with_list(R"({"schema":1})")), HasSubstr("key 'jobs' is missing"));
  const auto job = [](const std::string& id, std::string_view name) {
    return fmt::format(R"({{"jobs":[{{"files":["{}"],"job":"{}","result_sha256":"x"}}],"schema":1}})", name, id);
  };
  EXPECT_THAT(refusal(with_list(job(kOne.hex, "a"))), HasSubstr("its entry 1 is not 'a'"));
  EXPECT_THAT(refusal(with_list(job(kOne.hex, "../a"))), HasSubstr("the name of one of its files is not valid"));
  EXPECT_THAT(refusal(with_list(job("../..", "a"))), HasSubstr("job 0 of its list has no id"));
  EXPECT_THAT(refusal(core::encode_zip({core::stored_entry("other", {})})),
              HasSubstr("its first entry is not 'bundle.json'"));
  EXPECT_THAT(
      refusal(core::encode_zip({core::stored_entry("bundle.json", core::as_byte_span(R"({"jobs":[],"schema":1})")),
                                core::stored_entry("other", {})})),
      HasSubstr("its entry 1 is not in its list"));
}

TEST_F(BundleTest, one_of_the_format_before_is_refused_in_a_line) {
  EXPECT_THAT(refusal(bytes_of("RSLTBNDL\x01")), HasSubstr("was made before 0.1.0 ("));
}

TEST_F(BundleTest, no_name_leads_out_of_the_jobs_folder) {
  for (const char* name : {"", "/etc/x", "../x", "a/../../x", "a/..", "./a", "a//b", "a/", "."})
    EXPECT_FALSE(is_bundled_name(name)) << name;
  for (const std::string& name :
       {std::string(256, 'x'), std::string("a\nb"), std::string("a\0b", 3), std::string("\xff")})
    EXPECT_FALSE(is_bundled_name(name)) << name;
  for (const char* name : {"attempts/001/.stdout..x", "Straße"}) EXPECT_TRUE(is_bundled_name(name)) << name;
}

TEST_F(BundleTest, numbers_go_on_and_what_is_there_is_never_replaced) {
  EXPECT_EQ(publish().filename(), "toy-000001");
  EXPECT_EQ(publish().filename(), "toy-000002");
  EXPECT_EQ(publish_bundle(real_, store_, "toy-more", encode_bundle({})).filename(), "toy-more-000001");
  EXPECT_EQ(bundle_files(real_, store_, "toy").size(), 2U);
  EXPECT_EQ(bundle_files(real_, store_).size(), 3U);
}

TEST_F(BundleTest, bundled_files_stand_where_they_stood) {
  publish();
  const fs::path job = store_.job_folder(kOne);
  EXPECT_EQ(core::read_text(files_, job / "attempts/001/stdout"), "one\n");
  EXPECT_EQ(files_.open_for_read(job / "attempts/001/stdout")->size(), 4U);
  EXPECT_TRUE(files_.exists(job / "spec.json"));
  EXPECT_TRUE(files_.exists(job / "attempts"));
  EXPECT_TRUE(files_.exists(job / "attempts/001"));
  EXPECT_FALSE(files_.exists(job / "attempts/00"));
  EXPECT_FALSE(files_.exists(job / "attempts/002"));
  EXPECT_THAT(files_.list(job), ElementsAre("attempts", "result.json", "spec.json"));
  EXPECT_THAT(files_.list(job / "attempts"), ElementsAre("001"));
  EXPECT_THAT(files_.list(store_.job_folder(kTwo) / "attempts/002"), ElementsAre("metrics.jsonl"));
  EXPECT_THROW(files_.read(job / "attempts", 100), core::RuntimeError);
  EXPECT_THROW(files_.read(job / "attempts/001/stdout", 3), core::RuntimeError) << "over the limit";
  EXPECT_THROW(files_.read(job / "attempts/001/stderr", 100), core::RuntimeError);
}

TEST_F(BundleTest, a_file_that_is_there_comes_first) {
  publish();
  core::write_atomic(real_, store_.job_folder(kOne) / "attempts/001/stdout", "anew\n");
  EXPECT_EQ(core::read_text(files_, store_.job_folder(kOne) / "attempts/001/stdout"), "anew\n");
}

TEST_F(BundleTest, files_of_another_result_are_not_believed) {
  publish();
  core::write_atomic(real_, store_.result_file(kOne), "{\"result\":2}\n");
  real_.remove(store_.result_file(kTwo));
  EXPECT_FALSE(files_.exists(store_.job_folder(kOne) / "spec.json"));
  EXPECT_FALSE(files_.exists(store_.job_folder(kTwo) / "attempts/002/metrics.jsonl"));
}

TEST_F(BundleTest, a_damaged_bundle_is_left_out_and_the_others_are_read) {
  core::write_atomic(real_, bundles_folder(store_) / "broken-000001", "no bundle");
  publish();
  EXPECT_TRUE(files_.exists(store_.job_folder(kOne) / "spec.json"));
}

}  // namespace
}  // namespace resolute::experiments::bundle_test
