#include "experiments/store/bundle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/hash/crc32c.h"
#include "core/hash/sha256.h"
#include "tests/support/folders.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace resolute::experiments::bundle_test {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
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

class BundleTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const JobId& job : {kOne, kTwo}) core::write_atomic(real_, store_.result_file(job), kResult);
  }
  fs::path publish() { return publish_bundle(real_, store_, "toy", encode_bundle(example())); }
  std::string refusal(const core::Bytes& bytes) {
    core::write_atomic(real_, folder_ / "damaged", bytes);
    const auto error = tests::error_of([&] {
      const Bundle bundle(real_, folder_ / "damaged");
      for (const BundleEntry& entry : bundle.entries())
        for (const auto& file : entry.files) bundle.read(file);
    });
    return error ? error->what() : "read";
  }

  TemporaryFolder folder_;
  StoreLayout store_{folder_.path() / "store"};
  core::FileSystem& real_ = core::real_file_system();
  BundledFiles files_{real_, store_};
};

TEST_F(BundleTest, golden_file_of_version_1_reads_and_is_what_is_written) {
  const auto path = tests::source_folder() / "tests/golden/bundle/bundle-of-version-1";
  EXPECT_EQ(real_.read(path), encode_bundle(example()));
  const Bundle bundle(real_, path);
  ASSERT_EQ(bundle.entries().size(), 2U) << "a job without files is left out";
  EXPECT_EQ(bundle.entries()[0].job, kOne);
  EXPECT_EQ(bundle.entries()[0].files[0].name, "attempts/001/stdout");
  EXPECT_EQ(core::as_text(bundle.read(bundle.entries()[0].files[0])), "one\n");
  EXPECT_EQ(bundle.entries()[1].files[0].size, 0U);
}

TEST_F(BundleTest, every_damaged_or_missing_byte_is_found) {
  const core::Bytes whole = encode_bundle(example());
  ASSERT_EQ(refusal(whole), "read");
  for (std::size_t at = 0; at < whole.size(); ++at) {
    core::Bytes damaged = whole;
    damaged[at] ^= std::byte{0x20};
    EXPECT_NE(refusal(damaged), "read") << at;
    EXPECT_NE(refusal(core::Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(at))), "read") << at;
  }
}

TEST_F(BundleTest, a_newer_version_is_named) {
  core::Bytes bytes = encode_bundle(example());
  bytes[8] = std::byte{2};
  const std::uint32_t checksum = core::crc32c(std::span(bytes).first(36));
  std::memcpy(bytes.data() + 36, &checksum, 4);
  EXPECT_THAT(refusal(bytes), HasSubstr("it has version 2, this resolute reads 1"));
}

TEST_F(BundleTest, no_name_leads_out_of_the_jobs_folder) {
  for (const char* name : {"", "/etc/x", "../x", "a/../../x", "a/..", "./a", "a//b", "a/", "."})
    EXPECT_FALSE(is_bundled_name(name)) << name;
  EXPECT_FALSE(is_bundled_name(std::string(256, 'x')));
  EXPECT_TRUE(is_bundled_name("attempts/001/.stdout..x"));
}

TEST_F(BundleTest, numbers_go_on_and_what_is_there_is_never_replaced) {
  EXPECT_EQ(publish().filename(), "toy-000001");
  EXPECT_EQ(publish().filename(), "toy-000002");
  EXPECT_EQ(publish_bundle(real_, store_, "toy-more", encode_bundle({})).filename(), "toy-more-000001");
  EXPECT_EQ(bundle_files(real_, store_, "toy").size(), 2U);
  EXPECT_EQ(bundle_files(real_, store_).size(), 3U);
}

// As an --undo of an earlier version left it when it was killed.
TEST_F(BundleTest, one_that_was_taken_counts_and_its_number_is_not_given_again) {
  const fs::path made = publish();
  const fs::path taken = made.string() + ".0123abcd";
  fs::rename(made, taken);
  EXPECT_THAT(bundle_files(real_, store_, "toy"), testing::ElementsAre(taken));
  EXPECT_EQ(publish().filename(), "toy-000002");
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
