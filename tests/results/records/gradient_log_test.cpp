#include "results/records/gradient_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iomanip>
#include <sstream>

#include "core/error.h"
#include "core/hash/crc32c.h"
#include "tests/support/equal.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/pages.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace resolute::results::gradient_log_test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr std::size_t kRecordSize = 12 + 8 * 2 + 4 * 3;

GradientLog example() {
  return {2,
          {"networks/trunk.conv1.weight", "networks/neck.bias", "discriminators/5.weight"},
          {{101, {0x0102030405060708U, 2}, {3, 4, 0xfffffffeU}},
           {102, {5, 6}, {7, 8, 9}},
           {110, {~std::uint64_t{0}, 0}, {10, 11, 12}}}};
}

class GradientLogFile : public testing::Test {
 protected:
  void write(const GradientLog& log) {
    GradientLogWriter writer(core::real_file_system(), path_, log.lanes, log.tensors);
    for (const StepGradients& step : log.steps) writer.write(step);
    writer.close();
  }
  core::Bytes bytes() { return core::real_file_system().read(path_); }
  void put(std::span<const std::byte> bytes) {
    auto file = core::real_file_system().open_for_write(path_, core::OpenMode::kTruncate);
    file->write(bytes);
    file->close();
  }
  GradientLog read() { return read_gradient_log(core::real_file_system(), path_); }
  // The kind of the error that reading throws, and its text.
  std::pair<std::optional<core::ErrorKind>, std::string> refusal() {
    const auto error = tests::error_of([&] { read(); });
    if (!error) return {std::nullopt, "nothing was thrown"};
    return {error->kind(), error->what()};
  }
  tests::TemporaryFolder folder_;
  const fs::path path_ = folder_ / "attempt-001-gradients.bin";
};

TEST_F(GradientLogFile, reads_back_equal) {
  write(example());
  EXPECT_EQ(example(), read());
  write({1, {}, {}});
  EXPECT_EQ((GradientLog{1, {}, {}}), read());
}

TEST_F(GradientLogFile, has_the_documented_bytes) {
  write({1, {"a/b"}, {{1, {0x1122334455667788U}, {0xaabbccddU}}}});
  std::ostringstream text;
  for (std::byte byte : bytes()) text << std::hex << std::setw(2) << std::setfill('0') << std::to_integer<int>(byte);
  std::string documented;
  std::istringstream lines(tests::fenced_blocks(tests::page_text("inside/formats/gradients.md"), "hex")[0]);
  for (std::string line; std::getline(lines, line);) {
    line = line.substr(8, line.find('|') - 8);
    std::erase(line, ' ');
    documented += line;
  }
  EXPECT_EQ(documented, text.str());
}

TEST_F(GradientLogFile, every_prefix_holds_the_whole_records_before_it) {
  write(example());
  const core::Bytes whole = bytes();
  const std::size_t header = whole.size() - 3 * kRecordSize;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    put(std::span(whole).first(size));
    GradientLog expected = example();
    if (size < header)
      expected = {};
    else
      expected.steps.resize((size - header) / kRecordSize);
    ASSERT_EQ(expected, read()) << size << " bytes";
  }
}

TEST_F(GradientLogFile, a_changed_byte_anywhere_is_refused) {
  write(example());
  const core::Bytes whole = bytes();
  for (std::size_t at = 0; at < whole.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      core::Bytes changed = whole;
      changed[at] ^= std::byte{1} << bit;
      put(changed);
      ASSERT_EQ(core::ErrorKind::kCorrupt, refusal().first) << "byte " << at << ", bit " << bit;
    }
}

TEST_F(GradientLogFile, another_version_is_named) {
  write(example());
  core::Bytes changed = bytes();
  changed[8] = std::byte{3};
  const std::uint32_t checksum = core::crc32c(std::span(changed).first(16));
  std::copy_n(reinterpret_cast<const std::byte*>(&checksum), 4, changed.begin() + 16);
  put(changed);
  EXPECT_EQ(core::ErrorKind::kInput, refusal().first);
  EXPECT_THAT(refusal().second, HasSubstr("has version 3 (this program reads version 2)"));
}

TEST_F(GradientLogFile, steps_that_do_not_ascend_are_refused) {
  write(example());
  const core::Bytes whole = bytes();
  const std::span<const std::byte> all(whole), records = all.last(3 * kRecordSize);
  for (const std::size_t repeated : {std::size_t{0}, std::size_t{1}}) {
    core::Bytes changed(all.begin(), all.end() - kRecordSize);
    core::append_bytes(changed, records.subspan(repeated * kRecordSize, kRecordSize));
    put(changed);
    EXPECT_EQ(core::ErrorKind::kCorrupt, refusal().first);
    EXPECT_THAT(refusal().second,
                HasSubstr(fmt::format("record 2 is of step {} (step 102 stands before it)", 101 + repeated)));
  }
}

TEST_F(GradientLogFile, an_earlier_start_of_the_same_attempt_is_emptied) {
  write(example());
  write({2, {"a/b"}, {{1, {1, 2}, {3}}}});
  EXPECT_EQ((GradientLog{2, {"a/b"}, {{1, {1, 2}, {3}}}}), read());
}

TEST_F(GradientLogFile, each_step_costs_one_write) {
  tests::FaultyFileSystem files;
  GradientLogWriter writer(files, path_, 2, example().tensors);
  for (const StepGradients& step : example().steps) writer.write(step);
  EXPECT_EQ(4, files.count(tests::FaultyFileSystem::kWrite));
  EXPECT_EQ(0, files.count(tests::FaultyFileSystem::kSync));
  // Nothing is held back: what a process that is killed now leaves is whole.
  EXPECT_EQ(example(), read());
  writer.close();
  EXPECT_EQ(1, files.count(tests::FaultyFileSystem::kSync));
}

TEST_F(GradientLogFile, a_step_that_the_log_has_no_room_for_is_a_broken_promise) {
  GradientLogWriter writer(core::real_file_system(), path_, 2, {"a/b"});
  EXPECT_THROW(writer.write({1, {1}, {1}}), core::ContractError);
  EXPECT_THROW(writer.write({1, {1, 2}, {1, 2}}), core::ContractError);
  EXPECT_THROW(writer.write({0, {1, 2}, {1}}), core::ContractError);
  writer.write({7, {1, 2}, {1}});
  EXPECT_THROW(writer.write({7, {1, 2}, {1}}), core::ContractError);
  EXPECT_THROW(writer.write({6, {1, 2}, {1}}), core::ContractError);
  writer.write({9, {1, 2}, {1}});
  EXPECT_THROW(GradientLogWriter(core::real_file_system(), path_, 0, {"a/b"}), core::ContractError);
  EXPECT_THROW(GradientLogWriter(core::real_file_system(), path_, 1, {"a/b", "a/b"}), core::ContractError);
}

}  // namespace
}  // namespace resolute::results::gradient_log_test
