#include "core/protobuf.h"

#include <gtest/gtest.h>

#include <string>

#include "core/hash/sha256.h"

namespace resolute::core::protobuf_test {
namespace {

std::string hex_of(const ProtobufMessage& message) { return to_hex(message.bytes()); }

// Source: protobuf.dev, "Encoding": {a: 150}, {b: "testing"}, {c: {a: 150}}; -2 as an int64.
TEST(ProtobufMessage, has_the_bytes_of_protobufs_manual) {
  ProtobufMessage number, text, nested, negative, zero;
  number.add_number(1, 150);
  EXPECT_EQ("089601", hex_of(number));
  text.add_text(2, "testing");
  EXPECT_EQ("120774657374696e67", hex_of(text));
  nested.add_message(3, number);
  EXPECT_EQ("1a03089601", hex_of(nested));
  negative.add_number(1, -2);
  EXPECT_EQ("08feffffffffffffffff01", hex_of(negative));
  zero.add_number(20, 0);  // a field above 15 has a tag of two bytes
  EXPECT_EQ("a00100", hex_of(zero));
}

}  // namespace
}  // namespace resolute::core::protobuf_test
