#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "core/bytes.h"
#include "core/hash/crc32c.h"
#include "core/hash/sha256.h"

namespace resolute::core::hash_test {
namespace {

TEST(Sha256Test, agrees_with_fips_180_examples) {
  EXPECT_EQ(sha256_hex(std::string_view("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex(std::string_view("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

RC_GTEST_PROP(Sha256Test, pieces_hash_like_the_whole, (const std::string& a, const std::string& b)) {
  Sha256 hash;
  hash.update(a);
  hash.update(b);
  RC_ASSERT(hash.finish_hex() == sha256_hex(a + b));
}

TEST(Sha256Test, hexadecimal_names_are_recognised) {
  EXPECT_TRUE(is_sha256_hex(sha256_hex(std::string_view("x"))));
  EXPECT_FALSE(is_sha256_hex("abc"));
  EXPECT_FALSE(is_sha256_hex(std::string(64, 'G')));
}

TEST(Crc32cTest, agrees_with_rfc_3720_examples) {
  EXPECT_EQ(crc32c(Bytes(32, std::byte{0})), 0x8A9136AAU);
  EXPECT_EQ(crc32c(Bytes(32, std::byte{0xFF})), 0x62A8AB43U);
  EXPECT_EQ(crc32c(as_byte_span("123456789")), 0xE3069283U);
}

RC_GTEST_PROP(Crc32cTest, instruction_and_table_agree_and_continue, (const std::string& a, const std::string& b)) {
  RC_ASSERT(crc32c(as_byte_span(a)) == crc32c_portable(as_byte_span(a)));
  RC_ASSERT(crc32c(as_byte_span(b), crc32c(as_byte_span(a))) == crc32c(as_byte_span(a + b)));
}

TEST(Crc32cTest, agrees_around_the_lengths_at_which_streams_begin) {
  Bytes bytes((std::size_t{3} << 18) + (std::size_t{3} << 13) + 5000);
  std::uint32_t state = 1;
  for (std::byte& b : bytes) b = static_cast<std::byte>((state = state * 1664525U + 1013904223U) >> 24);
  for (std::size_t streams : {std::size_t{3} << 9, std::size_t{3} << 13, std::size_t{3} << 18})
    for (std::size_t length : {streams - 1, streams, streams + 1, 2 * streams + 7, bytes.size()})
      for (std::size_t offset : {0U, 3U}) {
        const std::span part = std::span(bytes).subspan(offset, std::min(length, bytes.size() - offset));
        EXPECT_EQ(crc32c_portable(part, 77), crc32c(part, 77)) << length << " from " << offset;
      }
}

TEST(ByteReaderTest, reads_what_was_written_and_refuses_to_read_on) {
  Bytes bytes;
  append_little_endian(bytes, std::uint32_t{0x01020304});
  append_little_endian(bytes, std::int64_t{-5});
  EXPECT_EQ(bytes[0], std::byte{4});
  ByteReader reader(bytes, "a record");
  EXPECT_EQ(reader.take<std::uint32_t>(), 0x01020304U);
  EXPECT_EQ(reader.take<std::int64_t>(), -5);
  EXPECT_THROW(reader.take<std::uint8_t>(), RuntimeError);
}

}  // namespace
}  // namespace resolute::core::hash_test
