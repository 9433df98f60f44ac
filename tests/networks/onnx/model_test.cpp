//! \file
//! The bytes of a model, read back by protobuf's rules. That a graph computes what it
//! should, onnxruntime says: tests/documentation/weights_test.py.

#include "networks/onnx/model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "core/hash/sha256.h"

namespace resolute::networks::onnx::model_test {
namespace {

// One field of a message: a number, or bytes.
struct Field {
  std::uint64_t number = 0, value = 0;
  std::span<const std::byte> bytes;
};

std::vector<Field> fields_of(std::span<const std::byte> bytes) {
  std::size_t at = 0;
  const auto varint = [&] {
    std::uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
      const auto byte = std::to_integer<std::uint64_t>(bytes[at++]);
      value |= (byte & 0x7fU) << shift;
      if (byte < 0x80) return value;
    }
  };
  std::vector<Field> fields;
  while (at < bytes.size()) {
    const std::uint64_t tag = varint();
    Field field{tag >> 3U, varint(), {}};
    if ((tag & 7U) == 2) {
      field.bytes = bytes.subspan(at, field.value);
      at += field.value;
    }
    fields.push_back(field);
  }
  return fields;
}

std::vector<Field> fields_of(std::span<const std::byte> bytes, std::uint64_t number) {
  std::vector<Field> found = fields_of(bytes);
  std::erase_if(found, [&](const Field& field) { return field.number != number; });
  return found;
}

TEST(OnnxModel, is_a_graph_of_its_nodes_in_order_with_the_output_by_its_name) {
  Model model("images", {std::string("N"), std::int64_t{2}}, "features", {std::string("N"), std::int64_t{2}});
  const std::array<float, 2> values{1.5F, -2};
  const std::string constant = model.add_constant("factor", {2}, values);
  const std::string product = model.add_node("Mul", {"images", constant});
  const std::string last = model.add_node("Softmax", {product}, {{"axis", std::int64_t{-1}}});
  const core::Bytes bytes = std::move(model).encode(last, {{"key", "text"}});
  const auto graph = fields_of(bytes, 7).at(0).bytes;
  std::vector<std::string> types, outputs;
  for (const Field& node : fields_of(graph, 1)) {
    types.emplace_back(core::as_text(fields_of(node.bytes, 4).at(0).bytes));
    outputs.emplace_back(core::as_text(fields_of(node.bytes, 2).at(0).bytes));
    // Every input is there before its node.
    for (const Field& input : fields_of(node.bytes, 1)) {
      const std::string name(core::as_text(input.bytes));
      EXPECT_TRUE(name == "images" || name == "factor" ||
                  std::find(outputs.begin(), outputs.end() - 1, name) != outputs.end() - 1)
          << name;
    }
  }
  EXPECT_EQ((std::vector<std::string>{"Mul", "Softmax", "Identity"}), types);
  EXPECT_EQ("features", outputs.back());
  const auto tensor = fields_of(graph, 5).at(0).bytes;
  EXPECT_EQ("0000c03f000000c0", core::to_hex(fields_of(tensor, 9).at(0).bytes));
  EXPECT_EQ("key", core::as_text(fields_of(fields_of(bytes, 14).at(0).bytes, 1).at(0).bytes));
  EXPECT_EQ(13U, fields_of(fields_of(bytes, 8).at(0).bytes, 2).at(0).value);
}

TEST(OnnxModel, a_constant_of_another_shape_is_our_own_error) {
  Model model("images", {}, "features", {});
  const std::array<float, 2> values{};
  EXPECT_THROW(model.add_constant("factor", {3}, values), core::ContractError);
}

}  // namespace
}  // namespace resolute::networks::onnx::model_test
