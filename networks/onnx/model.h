#pragma once
//! \file
//! An ONNX model as it is put together, and its bytes. Source: onnx.proto of ONNX 1.14 (IR version 8, operator set 13),
//! of which this writes the messages that a graph of float32 tensors needs; why without protobuf:
//! docs/inside/decisions.md.

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/bytes.h"
#include "core/protobuf.h"

namespace resolute::networks::onnx {

using Message = core::ProtobufMessage;

//! An axis of a tensor: a number, or the name of one that is known when the graph runs.
using Axis = std::variant<std::int64_t, std::string>;

struct Attribute {
  std::string name;
  std::variant<std::int64_t, std::vector<std::int64_t>> value;
};

//! A graph of float32 tensors with one input and one output. add_…() returns the value's name.
class Model {
 public:
  //! \param input, output names and shapes
  Model(std::string input, std::vector<Axis> input_shape, std::string output, std::vector<Axis> output_shape);

  //! \param values as many as the product of the shape; copied
  std::string add_constant(std::string name, const std::vector<std::int64_t>& shape, std::span<const float> values);
  //! An operator of the default domain with one output. \param inputs values that are there already
  std::string add_node(std::string_view type, const std::vector<std::string>& inputs,
                       const std::vector<Attribute>& attributes = {});
  //! The model whose output is `value`. \param metadata shown by programs that look into the file
  core::Bytes encode(const std::string& value, const std::map<std::string, std::string>& metadata) &&;

 private:
  std::string input_, output_;
  std::vector<Axis> input_shape_, output_shape_;
  std::vector<Message> nodes_, constants_;
};

}  // namespace resolute::networks::onnx
