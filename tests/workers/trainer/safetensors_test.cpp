#include "workers/safetensors.h"

#include <gtest/gtest.h>

#include <cstring>

#include "core/error.h"

namespace resolute::workers {
namespace {

NamedTensors examples() {
  return {{"b", at::arange(6, at::kFloat).view({2, 3})},
          {"a.half", at::arange(5, at::kFloat).to(at::kBFloat16)},
          {"empty", at::empty({0, 4}, at::kFloat)},
          {"scalar", at::full({}, 7, at::kLong)},
          {"Z \"quoted\"", at::ones({3}, at::kBool)}};
}

core::ErrorKind refusal_of(std::span<const std::byte> bytes) {
  try {
    decode_safetensors(bytes, "file");
  } catch (const core::RuntimeError& error) {
    return error.kind();
  }
  ADD_FAILURE() << "accepted";
  return core::ErrorKind::kInput;
}

core::Bytes with_header(const std::string& header, std::size_t data_bytes) {
  core::Bytes bytes;
  core::append_little_endian(bytes, static_cast<std::uint64_t>(header.size()));
  core::append_bytes(bytes, core::as_byte_span(header));
  bytes.resize(bytes.size() + data_bytes);
  return bytes;
}

TEST(Safetensors, returns_what_was_written) {
  const auto bytes = encode_safetensors(examples(), {{"key", "value"}});
  const auto content = decode_safetensors(bytes, "file");
  EXPECT_EQ((std::map<std::string, std::string>{{"key", "value"}}), content.metadata);
  ASSERT_EQ(examples().size(), content.tensors.size());
  for (const auto& [name, tensor] : examples()) EXPECT_TRUE(at::equal(tensor, content.tensors.at(name))) << name;
}

TEST(Safetensors, writes_row_major_whatever_the_layout) {
  const at::Tensor plain = at::arange(2 * 3 * 4 * 5, at::kFloat).view({2, 3, 4, 5});
  EXPECT_EQ(encode_safetensors({{"w", plain}}, {}),
            encode_safetensors({{"w", plain.contiguous(at::MemoryFormat::ChannelsLast)}}, {}));
}

TEST(Safetensors, header_begins_with_length_and_metadata) {
  const auto bytes = encode_safetensors(examples(), {{"key", "value"}});
  EXPECT_EQ(R"({"__metadata__":{"key":"value"},)", core::as_text(bytes).substr(8, 32));
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof(length));
  EXPECT_EQ(0U, length % 8);
}

TEST(Safetensors, refuses_every_truncation) {
  const auto bytes = encode_safetensors(examples(), {});
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_EQ(core::ErrorKind::kCorrupt, refusal_of(std::span(bytes).first(size))) << size;
}

TEST(Safetensors, refuses_headers_that_lie) {
  for (
      const char* header : {
          "[]",
          R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}})",
          R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}})",
          R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})",
          R"({"w":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})",
          R"({"w":{"dtype":"F99","shape":[2],"data_offsets":[0,8]}})",
          R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"v":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
          R"({"w":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}})",
          R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
          R"({"w":{"dtype":"F32","shape":[2]}})",
          R"({"__metadata__":{"a":1},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
      })
    EXPECT_EQ(core::ErrorKind::kCorrupt, refusal_of(with_header(header, 8))) << header;
}

}  // namespace
}  // namespace resolute::workers
