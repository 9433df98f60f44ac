#include "core/files/zip_archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/folders.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace resolute::core::zip_archive_test {
namespace {

using testing::HasSubstr;

std::vector<ZipEntry> two_entries() {
  return {stored_entry("a/b", as_byte_span("some text")), stored_entry("empty", {})};
}

// Index and bytes of every entry. A block of memory of its own, so that a read past the end is one past the block.
std::vector<std::string> contents_of(const Bytes& bytes, bool zero_is_none = false) {
  const ZipReader archive(open_in_memory(bytes, "file"), "file", "get it again");
  std::vector<std::string> contents;
  for (std::size_t i = 0; i < archive.entries().size(); ++i) {
    contents.push_back(archive.entries()[i].name);
    contents.emplace_back(as_text(archive.read(i, zero_is_none)));
  }
  return contents;
}

std::string refusal_of(const Bytes& bytes, bool zero_is_none = false) {
  const auto error = tests::error_of([&] { contents_of(bytes, zero_is_none); });
  return error ? error->what() : "read";
}

// The place where the directory tells of the first entry.
std::size_t directory_of(const Bytes& bytes) { return as_text(bytes).find("PK\x01\x02"); }

void write_at(Bytes& bytes, std::size_t at, std::uint32_t value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

TEST(ZipArchive, returns_what_was_written) {
  const Bytes bytes = encode_zip(two_entries());
  EXPECT_EQ(contents_of(bytes), (std::vector<std::string>{"a/b", "some text", "empty", ""}));
  EXPECT_EQ(bytes, encode_zip(two_entries()));
  const tests::TemporaryFolder folder;
  write_zip(folder.path() / "file.zip", two_entries());
  EXPECT_EQ(real_file_system().read(folder.path() / "file.zip"), bytes);
  EXPECT_THAT([&] { write_zip(folder.path() / "file.zip", two_entries()); },
              tests::fails(ErrorKind::kEnvironment, HasSubstr("file.zip' (File already exists)")));
}

TEST(ZipArchive, entries_begin_where_a_reader_may_map_them) {
  // A header of 30 bytes, a name of 30 and the 4 of a field leave nothing to fill.
  const std::string name(30, 'n');
  const Bytes bytes =
      encode_zip({stored_entry(name, as_byte_span("first")), stored_entry("a/b", as_byte_span("some text")),
                  stored_entry("c", {}), stored_entry("d", as_byte_span("last"))},
                 64);
  for (const char* text : {"first", "some text", "last"}) EXPECT_EQ(as_text(bytes).find(text) % 64, 0U) << text;
  EXPECT_EQ(contents_of(bytes), (std::vector<std::string>{name, "first", "a/b", "some text", "c", "", "d", "last"}));
}

TEST(ZipArchive, two_entries_of_one_name_are_refused) {
  Bytes bytes = encode_zip({stored_entry("a/b", as_byte_span("one")), stored_entry("a/c", as_byte_span("two"))});
  for (std::size_t at = 0; (at = as_text(bytes).find("a/c", at)) != std::string_view::npos;)
    bytes[at + 2] = std::byte{'b'};
  EXPECT_EQ(refusal_of(bytes), "file is damaged (entry 'a/b' is in it twice); get it again");
}

TEST(ZipArchive, what_an_entry_throws_is_thrown) {
  ZipEntry away{"away", 4, false, []() -> std::shared_ptr<ReadableFile> { throw input_error("it is away"); }};
  EXPECT_THAT([&] { encode_zip({away}); }, tests::fails(ErrorKind::kInput, "it is away"));
  ZipEntry shorter = stored_entry("shorter", as_byte_span("abc"));
  shorter.size = 4;
  EXPECT_THAT([&] { encode_zip({shorter}); }, tests::fails(ErrorKind::kCorrupt, HasSubstr("'shorter'")));
}

TEST(ZipArchive, compressed_entries_are_written_and_read_part_by_part) {
  const std::string text(49, 'a');
  ZipEntry entry = stored_entry("a", as_byte_span(text));
  entry.deflated = true;
  Bytes bytes = encode_zip({entry});
  EXPECT_THAT(refusal_of(bytes), HasSubstr("entry 'a' is compressed"));
  const auto read = [&] {
    const ZipReader archive(open_in_memory(bytes, "file"), "file", "get it again");
    const auto file = archive.open(0);
    Bytes parts(text.size());
    file->read_at(0, std::span(parts).first(9));
    file->read_at(9, std::span(parts).subspan(9));
    return parts;
  };
  EXPECT_EQ(as_text(read()), text);
  write_at(bytes, directory_of(bytes) + 16, 1);
  EXPECT_THAT(read, tests::fails(ErrorKind::kCorrupt, HasSubstr("entry 'a' is damaged (its checksum differs); get")));
  write_at(bytes, directory_of(bytes) + 24, 1 << 30);
  EXPECT_THAT(read, tests::fails(ErrorKind::kCorrupt, HasSubstr("it claims 1073741824 bytes")));
}

TEST(ZipArchive, may_be_followed_by_a_comment) {
  Bytes bytes = encode_zip(two_entries());
  bytes[bytes.size() - 2] = std::byte{3};
  append_bytes(bytes, as_byte_span("hey"));
  EXPECT_EQ(contents_of(bytes).size(), 4U);
}

TEST(ZipArchive, a_damaged_entry_is_told_by_its_checksum) {
  Bytes bytes = encode_zip(two_entries());
  bytes[as_text(bytes).find("some text")] ^= std::byte{1};
  for (const bool zero_is_none : {false, true})
    EXPECT_THAT(refusal_of(bytes, zero_is_none),
                HasSubstr("entry 'a/b' is damaged (its checksum differs); get it again"));
}

// torch.save can leave it so.
TEST(ZipArchive, a_checksum_of_zero_is_none_where_that_is_said) {
  Bytes bytes = encode_zip(two_entries());
  write_at(bytes, directory_of(bytes) + 16, 0);
  EXPECT_THAT(refusal_of(bytes), HasSubstr("its checksum differs"));
  EXPECT_EQ(contents_of(bytes, true).at(1), "some text");
  bytes[as_text(bytes).find("some text")] ^= std::byte{1};
  EXPECT_EQ(contents_of(bytes, true).at(1), "rome text");
}

TEST(ZipArchive, an_entry_that_claims_more_than_the_file_takes_no_memory) {
  Bytes bytes = encode_zip(two_entries());
  const std::size_t at = directory_of(bytes);
  for (const std::size_t size : {at + 20, at + 24}) write_at(bytes, size, 0x7FFFFFFF);
  EXPECT_THAT(refusal_of(bytes), HasSubstr("entry 'a/b' is damaged (it claims 2147483647 bytes"));
  for (const std::size_t size : {at + 20, at + 24}) write_at(bytes, size, static_cast<std::uint32_t>(bytes.size()));
  EXPECT_THAT(refusal_of(bytes), HasSubstr("entry 'a/b' is damaged"));
}

TEST(ZipArchive, no_damage_is_worse_than_a_refusal) {
  for (const Bytes& whole : {encode_zip(two_entries()),
                             // with the 64-bit records
                             real_file_system().read(tests::source_folder() / "tests/golden/weights/tensors.pth")}) {
    ASSERT_EQ(refusal_of(whole), "read");
    for (std::size_t length = 0; length < whole.size(); ++length) {
      const Bytes shorter(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
      EXPECT_NE(refusal_of(shorter), "read") << length;
    }
    Bytes bytes = whole;
    for (std::size_t at = 0; at < whole.size(); ++at) {
      for (const unsigned value : {0x00U, 0xFFU, 0x80U, static_cast<unsigned>(whole[at]) ^ 1U}) {
        bytes[at] = static_cast<std::byte>(value);
        refusal_of(bytes, true);
      }
      bytes[at] = whole[at];
    }
  }
}

}  // namespace
}  // namespace resolute::core::zip_archive_test
