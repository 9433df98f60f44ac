#include "workers/weights/zip_archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/workers/weights/files.h"

namespace resolute::workers::zip_archive_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

core::Bytes two_entries() {
  ZipWriter writer;
  writer.add("a/b", core::as_byte_span("some text"));
  writer.add("empty", {});
  return writer.finish();
}

std::string text_of(std::span<const std::byte> bytes, const std::string& entry) {
  return std::string(core::as_text(ZipArchive(bytes, "file").read(entry)));
}

TEST(ZipArchive, checksum_is_that_of_the_format) { EXPECT_EQ(0xCBF43926U, zip_crc32(core::as_byte_span("123456789"))); }

TEST(ZipArchive, returns_what_was_written) {
  const core::Bytes bytes = two_entries();
  EXPECT_TRUE(ZipArchive::begins(bytes));
  EXPECT_THAT(ZipArchive(bytes, "file").names(), ElementsAre("a/b", "empty"));
  EXPECT_EQ("some text", text_of(bytes, "a/b"));
  EXPECT_EQ("", text_of(bytes, "empty"));
  EXPECT_EQ(bytes, two_entries());
}

TEST(ZipArchive, aligns_contents_to_64_bytes) {
  const core::Bytes bytes = two_entries();
  const auto content = ZipArchive(bytes, "file").read("a/b");
  EXPECT_EQ(0, (content.data() - bytes.data()) % 64);
}

TEST(ZipArchive, may_be_followed_by_a_comment) {
  core::Bytes bytes = two_entries();
  bytes[bytes.size() - 2] = std::byte{3};
  core::append_bytes(bytes, core::as_byte_span("hey"));
  EXPECT_EQ("some text", text_of(bytes, "a/b"));
}

TEST(ZipArchive, refuses_every_truncation) {
  const core::Bytes bytes = two_entries();
  for (std::size_t length = 0; length < bytes.size(); ++length)
    EXPECT_NE("accepted", worker_tests::refusal([&] { ZipArchive(std::span(bytes).first(length), "file"); })) << length;
}

TEST(ZipArchive, tells_a_damaged_entry_by_its_checksum) {
  core::Bytes bytes = two_entries();
  const auto text = core::as_text(bytes).find("some text");
  bytes[text] ^= std::byte{1};
  EXPECT_THAT(worker_tests::refusal([&] { text_of(bytes, "a/b"); }), HasSubstr("entry 'a/b' is damaged (its checksum"));
}

TEST(ZipArchive, refuses_compressed_entries_and_missing_ones) {
  core::Bytes bytes = two_entries();
  const auto directory = core::as_text(bytes).find("PK\x01\x02");
  bytes[directory + 10] = std::byte{8};
  EXPECT_THAT(worker_tests::refusal([&] { text_of(bytes, "a/b"); }), HasSubstr("is compressed"));
  EXPECT_THAT(worker_tests::refusal([&] { text_of(bytes, "c"); }), HasSubstr("entry 'c' is missing"));
}

TEST(ZipArchive, no_damage_is_worse_than_a_refusal) {
  const auto read_all = [](std::span<const std::byte> bytes) {
    const ZipArchive archive(bytes, "file");
    for (const std::string& name : archive.names()) archive.read(name);
  };
  worker_tests::survive_damage(two_entries(), read_all);
  worker_tests::survive_damage(worker_tests::golden_bytes("tensors.pth"), read_all);  // with the 64-bit records
}

}  // namespace
}  // namespace resolute::workers::zip_archive_test
