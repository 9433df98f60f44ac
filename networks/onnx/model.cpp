#include "networks/onnx/model.h"

#include <utility>

#include "core/error.h"
#include "core/overloaded.h"

namespace resolute::networks::onnx {
namespace {

// Numbers of fields and of enumerations, by message as onnx.proto has them.
namespace field {
enum Model : std::uint32_t { kIrVersion = 1, kProducer = 2, kGraph = 7, kOperators = 8, kMetadata = 14 };
enum Operators : std::uint32_t { kVersion = 2 };
enum Graph : std::uint32_t { kNode = 1, kGraphName = 2, kConstant = 5, kInput = 11, kOutput = 12 };
enum Node : std::uint32_t { kNodeInput = 1, kNodeOutput = 2, kNodeName = 3, kType = 4, kAttribute = 5 };
enum Attribute : std::uint32_t { kAttributeName = 1, kInteger = 3, kIntegers = 8, kAttributeType = 20 };
enum Tensor : std::uint32_t { kAxes = 1, kElements = 2, kTensorName = 8, kRawData = 9 };
enum Value : std::uint32_t { kValueName = 1, kValueType = 2 };
enum Type : std::uint32_t { kTensorType = 1, kElementType = 1, kShape = 2, kAxis = 1, kAxisNumber = 1, kAxisName = 2 };
enum Entry : std::uint32_t { kKey = 1, kText = 2 };
}  // namespace field

constexpr std::int64_t kIrVersion = 8, kOperatorSet = 13;
constexpr std::int64_t kFloat32 = 1;                 // of TensorProto.DataType
constexpr std::int64_t kInteger = 2, kIntegers = 7;  // of AttributeProto.AttributeType

Message message_of(const Attribute& attribute) {
  Message message;
  message.add_text(field::kAttributeName, attribute.name);
  std::visit(core::Overloaded{[&](std::int64_t value) {
                                message.add_number(field::kInteger, value);
                                message.add_number(field::kAttributeType, kInteger);
                              },
                              [&](const std::vector<std::int64_t>& values) {
                                for (const std::int64_t value : values) message.add_number(field::kIntegers, value);
                                message.add_number(field::kAttributeType, kIntegers);
                              }},
             attribute.value);
  return message;
}

Message described_value(const std::string& name, const std::vector<Axis>& shape) {
  Message axes, tensor, type, value;
  for (const Axis& axis : shape) {
    Message one;
    if (const auto* number = std::get_if<std::int64_t>(&axis))
      one.add_number(field::kAxisNumber, *number);
    else
      one.add_text(field::kAxisName, std::get<std::string>(axis));
    axes.add_message(field::kAxis, one);
  }
  tensor.add_number(field::kElementType, kFloat32);
  tensor.add_message(field::kShape, axes);
  type.add_message(field::kTensorType, tensor);
  value.add_text(field::kValueName, name);
  value.add_message(field::kValueType, type);
  return value;
}

}  // namespace

Model::Model(std::string input, std::vector<Axis> input_shape, std::string output, std::vector<Axis> output_shape)
    : input_(std::move(input)),
      output_(std::move(output)),
      input_shape_(std::move(input_shape)),
      output_shape_(std::move(output_shape)) {}

std::string Model::add_constant(std::string name, const std::vector<std::int64_t>& shape,
                                std::span<const float> values) {
  std::int64_t count = 1;
  for (const std::int64_t axis : shape) count *= axis;
  RESOLUTE_EXPECT(count == static_cast<std::int64_t>(values.size()), "shape and values of '" + name + "' disagree");
  Message tensor;
  for (const std::int64_t axis : shape) tensor.add_number(field::kAxes, axis);
  tensor.add_number(field::kElements, kFloat32);
  tensor.add_text(field::kTensorName, name);
  tensor.add_bytes(field::kRawData, std::as_bytes(values));  // little-endian, as this machine has them
  constants_.push_back(std::move(tensor));
  return name;
}

std::string Model::add_node(std::string_view type, const std::vector<std::string>& inputs,
                            const std::vector<Attribute>& attributes) {
  std::string name = fmt::format("{}_{}", type, nodes_.size());
  Message node;
  for (const std::string& input : inputs) node.add_text(field::kNodeInput, input);
  node.add_text(field::kNodeOutput, name);
  node.add_text(field::kNodeName, name);
  node.add_text(field::kType, type);
  for (const Attribute& attribute : attributes) node.add_message(field::kAttribute, message_of(attribute));
  nodes_.push_back(std::move(node));
  return name;
}

core::Bytes Model::encode(const std::string& value, const std::map<std::string, std::string>& metadata) && {
  Message named;  // the output goes by its own name
  named.add_text(field::kNodeInput, value);
  named.add_text(field::kNodeOutput, output_);
  named.add_text(field::kNodeName, output_);
  named.add_text(field::kType, "Identity");
  nodes_.push_back(std::move(named));
  Message graph, operators, model;
  for (const Message& node : nodes_) graph.add_message(field::kNode, node);
  graph.add_text(field::kGraphName, output_);
  for (const Message& constant : constants_) graph.add_message(field::kConstant, constant);
  graph.add_message(field::kInput, described_value(input_, input_shape_));
  graph.add_message(field::kOutput, described_value(output_, output_shape_));
  operators.add_number(field::kVersion, kOperatorSet);
  model.add_number(field::kIrVersion, kIrVersion);
  model.add_text(field::kProducer, "resolute");
  model.add_message(field::kGraph, graph);
  model.add_message(field::kOperators, operators);
  for (const auto& [key, text] : metadata) {
    Message entry;
    entry.add_text(field::kKey, key);
    entry.add_text(field::kText, text);
    model.add_message(field::kMetadata, entry);
  }
  return model.bytes();
}

}  // namespace resolute::networks::onnx
