// Damaged, torn and hostile checkpoints: never loaded as good, never a crash.
#include <gtest/gtest.h>

#include <random>

#include "tests/support/refusal.h"
#include "tests/workers/training/checkpoint_example.h"

namespace resolute::workers::checkpoint_damage_test {
namespace {

testing::AssertionResult is_refused(std::span<const std::byte> bytes) {
  const auto error = tests::error_of([&] { decode_checkpoint(bytes, kOwner, "file"); });
  if (error && error->kind() == core::ErrorKind::kCorrupt) return testing::AssertionSuccess();
  return testing::AssertionFailure() << (error ? error->what() : "loaded");
}

core::Bytes changed_at(core::Bytes bytes, std::size_t at, unsigned mask) {
  bytes[at] ^= static_cast<std::byte>(mask);
  return bytes;
}

class CheckpointDamage : public testing::Test {
 protected:
  const core::Bytes good_ = encode_checkpoint(larger_example(7), kOwner);
  std::size_t header_end() const {
    std::uint64_t length = 0;
    std::memcpy(&length, good_.data(), sizeof(length));
    return 8 + length;
  }
};

TEST_F(CheckpointDamage, the_example_is_large_enough_to_matter_and_good) {
  EXPECT_GT(header_end(), 4096U);
  EXPECT_GT(good_.size(), 200'000U);
  EXPECT_EQ(7U, decode_checkpoint(good_, kOwner, "file").step);
}

TEST_F(CheckpointDamage, every_flipped_byte_of_the_header_is_detected) {
  for (std::size_t at = 0; at < header_end(); ++at)
    for (unsigned mask : {0x01U, 0xffU}) ASSERT_TRUE(is_refused(changed_at(good_, at, mask))) << at << " " << mask;
}

TEST_F(CheckpointDamage, a_thousand_flipped_bytes_of_the_body_are_detected) {
  std::mt19937_64 random(20261120);
  for (int i = 0; i < 1000; ++i) {
    const std::size_t at = header_end() + random() % (good_.size() - header_end());
    const auto mask = static_cast<unsigned>(1 + random() % 255);
    ASSERT_TRUE(is_refused(changed_at(good_, at, mask))) << at << " " << mask;
  }
}

TEST_F(CheckpointDamage, truncation_at_each_header_byte_and_every_4_kb_is_detected) {
  for (std::size_t size = 0; size < good_.size(); size += size < header_end() ? 1 : 4096)
    ASSERT_TRUE(is_refused(std::span(good_).first(size))) << size;
  EXPECT_TRUE(is_refused(std::span(good_).first(good_.size() - 1)));
}

TEST_F(CheckpointDamage, a_torn_page_of_zeros_is_detected) {
  for (std::size_t at = 0; at + 4096 <= good_.size(); at += 4096) {
    core::Bytes torn = good_;
    std::fill_n(torn.begin() + static_cast<std::ptrdiff_t>(at), 4096, std::byte{0});
    ASSERT_TRUE(is_refused(torn)) << at;
  }
}

TEST_F(CheckpointDamage, appended_bytes_are_detected) {
  for (std::size_t more : {1U, 7U, 8U, 4096U, 1U << 20})
    for (unsigned value : {0U, 0x20U, 0xffU}) {
      core::Bytes longer = good_;
      longer.resize(good_.size() + more, static_cast<std::byte>(value));
      EXPECT_TRUE(is_refused(longer)) << more << " of " << value;
      // Not the checksum alone stands against them.
      seal_again(longer);
      EXPECT_TRUE(is_refused(longer)) << more << " of " << value << " under a right checksum";
    }
}

TEST_F(CheckpointDamage, a_header_that_lies_under_a_right_checksum_never_crashes) {
  // The small one: the checksum in the test is the slow, independent one.
  const core::Bytes good = encode_checkpoint(example(7), kOwner);
  int refused = 0;
  for (std::size_t at = 0; at < good.size(); ++at)
    for (unsigned mask : {0x01U, 0x02U, 0x10U, 0x20U, 0x80U, 0xffU}) {
      core::Bytes changed = changed_at(good, at, mask);
      seal_again(changed);
      refused += !tests::refusal(
                      [&] {
                        const Checkpoint loaded = decode_checkpoint(changed, kOwner, "file");
                        for (const auto& [name, tensor] : loaded.tensors)
                          EXPECT_LE(tensor.nbytes(), changed.size()) << name;
                      },
                      core::ErrorKind::kCorrupt)
                      .empty();
    }
  EXPECT_GT(refused, 1000);
}

class CheckpointFolderDamage : public CheckpointFolderTest {};

TEST_F(CheckpointFolderDamage, a_folder_passes_over_each_sample_names_it_and_uses_the_one_before) {
  {
    CheckpointFolder checkpoints(core::real_file_system(), folder_, kOwner);
    checkpoints.save(larger_example(10));
    checkpoints.save(larger_example(20));
    checkpoints.finish();
  }
  const core::Bytes good = core::real_file_system().read(file(20));
  std::vector<core::Bytes> samples;
  for (std::size_t at = 0; at < good.size(); at += 9973) samples.push_back(changed_at(good, at, 0x01));
  for (std::size_t size = 0; size < good.size(); size += 36'864)
    samples.emplace_back(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));
  samples.push_back(good);
  samples.back().push_back(std::byte{0});
  for (std::size_t i = 0; i < samples.size(); ++i) {
    overwrite(file(20), samples[i]);
    testing::internal::CaptureStderr();
    const auto loaded = CheckpointFolder(core::real_file_system(), folder_, kOwner).load_latest();
    const std::string log = testing::internal::GetCapturedStderr();
    ASSERT_TRUE(loaded) << i;
    EXPECT_EQ(10U, loaded->checkpoint.step) << i;
    EXPECT_NE(std::string::npos, log.find("step-000000020.safetensors")) << log;
  }
  overwrite(file(20), good);
  EXPECT_EQ(20U, latest());
}

std::string why_refused(const core::Bytes& bytes) {
  return tests::refusal([&] { decode_checkpoint(bytes, kOwner, "file"); }, core::ErrorKind::kCorrupt);
}

core::Bytes of_format(const std::string& format) {
  core::Bytes bytes = encode_checkpoint(example(7), kOwner);
  const std::string_view known = "resolute-checkpoint-1";
  std::memcpy(bytes.data() + core::as_text(bytes).find(known), format.data(), known.size());
  return bytes;
}

TEST(CheckpointFormat, a_newer_one_is_told_as_such) {
  core::Bytes newer = of_format("resolute-checkpoint-2");
  EXPECT_EQ(
      "file is of a newer format, or damaged ('resolute-checkpoint-2', this program reads 'resolute-checkpoint-1'); go "
      "on "
      "with the version that wrote it",
      why_refused(newer));
  seal_again(newer);
  EXPECT_EQ(
      "file is of a newer format ('resolute-checkpoint-2', this program reads 'resolute-checkpoint-1'); go on with the "
      "version that wrote it",
      why_refused(newer));
}

TEST(CheckpointFormat, what_is_no_format_of_ours_is_no_newer_one) {
  for (const char* format : {"resolute-checkpoint-0", "resolute-checkpoint-x", "resolute-something-2x"}) {
    core::Bytes other = of_format(format);
    seal_again(other);
    EXPECT_NE(std::string::npos, why_refused(other).find("is no checkpoint")) << why_refused(other);
  }
}

}  // namespace
}  // namespace resolute::workers::checkpoint_damage_test
