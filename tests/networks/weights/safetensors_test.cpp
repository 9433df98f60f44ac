#include "networks/weights/safetensors.h"

#include <gtest/gtest.h>

#include <cstring>

#include "core/files/json.h"
#include "tests/support/refusal.h"

namespace resolute::networks::safetensors_test {
namespace {

NamedTensors examples() {
  return {{"b", at::arange(6, at::kFloat).view({2, 3})},
          {"a.half", at::arange(5, at::kFloat).to(at::kBFloat16)},
          {"empty", at::empty({0, 4}, at::kFloat)},
          {"scalar", at::full({}, 7, at::kLong)},
          {"Z \"quoted\"", at::ones({3}, at::kBool)}};
}

core::ErrorKind refusal_of(std::span<const std::byte> bytes) {
  const auto error = tests::error_of([&] { decode_safetensors(bytes, "file"); });
  EXPECT_TRUE(error) << "accepted";
  return error ? error->kind() : core::ErrorKind::kInput;
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

// Any order in memory, at any address: Tensor::contiguous() is the reference.
TEST(RowMajor, copies_elements_as_contiguous_does) {
  std::vector<at::Tensor> tensors{at::arange(7, at::kLong).narrow(0, 2, 3), at::full({}, 3, at::kDouble),
                                  at::arange(12, at::kFloat).view({3, 4}).t(), at::ones({2, 3}, at::kBool).t(),
                                  at::arange(24, at::kInt).view({2, 3, 4}).select(1, 2)};
  const std::vector<std::vector<std::int64_t>> shapes{{8, 5, 3, 3}, {3, 256, 3, 3}, {2, 130, 3, 3}, {4, 3, 7, 7},
                                                      {2, 3, 9, 9}, {6, 4, 1, 1},   {1, 5, 3, 3},   {5, 1, 3, 3}};
  for (const std::vector<std::int64_t>& shape : shapes)
    for (at::ScalarType type : {at::kFloat, at::kBFloat16, at::kDouble, at::kByte}) {
      const at::Tensor plain = (at::arange(at::ones(shape).numel(), at::kInt) % 251).to(type).view(shape);
      tensors.push_back(plain.contiguous(at::MemoryFormat::ChannelsLast));
      tensors.push_back(plain.transpose(0, 3));
      tensors.push_back(plain.narrow(1, 0, 1));
    }
  for (const at::Tensor& tensor : tensors)
    for (std::size_t offset : {0U, 1U, 4U}) {
      core::Bytes to(tensor.nbytes() + offset + 1, std::byte{0xaa});
      copy_row_major(tensor, std::span(to).subspan(offset, tensor.nbytes()));
      const at::Tensor expected = tensor.contiguous();
      EXPECT_EQ(0, std::memcmp(to.data() + offset, expected.const_data_ptr(), tensor.nbytes())) << tensor.sizes();
      EXPECT_EQ(std::byte{0xaa}, to.back());
    }
}

TEST(Safetensors, views_have_the_values_of_copies) {
  const auto bytes = encode_safetensors(examples(), {});
  // At each address, so that each tensor stands at a bad place for its type once.
  for (std::int64_t offset = 0; offset < 8; ++offset) {
    at::Tensor file = at::empty({static_cast<std::int64_t>(bytes.size()) + offset}, at::kByte)
                          .narrow(0, offset, static_cast<std::int64_t>(bytes.size()));
    std::memcpy(file.mutable_data_ptr(), bytes.data(), bytes.size());
    const NamedTensors views = decode_safetensors(file, "file").tensors;
    file = at::Tensor();
    for (const auto& [name, tensor] : decode_safetensors(bytes, "file").tensors)
      EXPECT_TRUE(at::equal(tensor, views.at(name))) << name;
  }
}

TEST(Safetensors, header_begins_with_length_and_metadata) {
  const auto bytes = encode_safetensors(examples(), {{"key", "value"}});
  EXPECT_EQ(R"({"__metadata__":{"key":"value"},)", core::as_text(bytes).substr(8, 32));
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof(length));
  EXPECT_EQ(0U, length % 8);
}

TEST(Safetensors, header_is_canonical_json) {
  const auto bytes = encode_safetensors(examples(), {});
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof(length));
  const std::string_view header = core::as_text(bytes).substr(8, length);
  const std::string canonical = core::canonical_json(core::parse_json(header, "header"));
  EXPECT_EQ(canonical, header.substr(0, canonical.size()));
  EXPECT_EQ(std::string::npos, header.find_first_not_of(' ', canonical.size()));
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
          R"({"v":{"dtype":"F32","shape":[0,4611686018427387904,4],"data_offsets":[0,0]},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
          R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
          R"({"w":{"dtype":"F32","shape":[2]}})",
          R"({"__metadata__":{"a":1},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
      })
    EXPECT_EQ(core::ErrorKind::kCorrupt, refusal_of(with_header(header, 8))) << header;
}

}  // namespace
}  // namespace resolute::networks::safetensors_test
