#include "bench/memory_tape.h"

#include <utility>

namespace resolute::workers {
namespace {

constexpr std::int64_t kElementBytes = 4;

}  // namespace

void MemoryTape::add(Use use, std::int64_t bytes) {
  live_ += bytes;
  by_use_[static_cast<std::size_t>(use)] += bytes;
  if (live_ <= peak_) return;
  peak_ = live_;
  peak_by_use_ = by_use_;
  peak_moment_ = moment_;
}

MemoryTape::Storage MemoryTape::hold(Use use, std::int64_t elements) {
  return std::make_shared<const Held>(*this, use, elements * kElementBytes);
}

// As autograd: the first gradient is kept as it is, the next is added to it in place, or it to the next, where no one
// else holds the memory.
void MemoryTape::accumulate(const Map& map, Storage gradient) {
  Storage& sum = *map.gradient;
  if (!sum)
    sum = std::move(gradient);
  else if (sum.use_count() > 1)
    sum = gradient.use_count() > 1 ? hold(Use::kBackward, map.shape.elements()) : std::move(gradient);
}

void MemoryTape::record(const Map& output, std::function<void(const Storage&)> backward) {
  nodes_.push_back({output.gradient, std::move(backward)});
}

MemoryTape::Map MemoryTape::apply(const Map& input, const Operation& operation, Gradients* gradients) {
  Map output{operation.in_place ? input.storage : hold(maps_, operation.output.elements()), operation.output, nullptr};
  if (!input.gradient && gradients == nullptr) return output;
  output.gradient = std::make_shared<Storage>();
  std::vector<Storage> kept;
  if (operation.keeps_input) kept.push_back(input.storage);
  if (operation.keeps_output) kept.push_back(output.storage);
  if (operation.keeps > 0) kept.push_back(hold(maps_, operation.keeps));
  // Of the input its shape and its gradient alone: its memory is free once no operation keeps it.
  const Map from{nullptr, input.shape, input.gradient};
  record(output, [this, from, kept = std::move(kept), gradients, parameters = operation.parameters,
                  place = operation.place](const Storage&) {
    Storage made = from.gradient ? hold(Use::kBackward, from.shape.elements()) : nullptr;
    if (gradients != nullptr) {
      Storage of_parameters = hold(Use::kGradients, parameters);
      if (gradients->size() <= place) gradients->resize(place + 1);
      if (Storage& sum = (*gradients)[place]; !sum) sum = std::move(of_parameters);  // else added to it
    }
    if (made) accumulate(from, std::move(made));
  });
  return output;
}

MemoryTape::Map MemoryTape::add(const Map& to, const Map& other) {
  const Map output{to.storage, to.shape, std::make_shared<Storage>()};
  const Map first{nullptr, to.shape, to.gradient}, second{nullptr, other.shape, other.gradient};
  record(output, [this, first, second](const Storage& gradient) {
    for (const Map& map : {first, second})
      if (map.gradient) accumulate(map, gradient);
  });
  return output;
}

MemoryTape::Map MemoryTape::concatenate(const std::vector<Map>& maps) {
  Map output{nullptr, maps.front().shape, std::make_shared<Storage>()};
  output.shape.rows = 0;
  std::vector<Map> parts;
  bool constant = true;
  for (const Map& map : maps) {
    output.shape.rows += map.shape.rows;
    parts.push_back({nullptr, map.shape, map.gradient});
    constant = constant && !map.gradient;
  }
  output.storage = hold(maps_, output.shape.elements());
  if (constant) {
    output.gradient = nullptr;
    return output;
  }
  // Their gradients are views of the whole's.
  record(output, [this, parts](const Storage& gradient) {
    for (const Map& part : parts)
      if (part.gradient) accumulate(part, gradient);
  });
  return output;
}

MemoryTape::Map MemoryTape::rows(const Map& map, std::int64_t count) {
  Shape shape = map.shape;
  shape.rows = count;
  // Backward: zeros of the whole, with the rows' gradients written into it.
  return apply(map, {.output = shape}, nullptr);
}

void MemoryTape::backward(const std::vector<Map>& from, bool keep) {
  for (const Map& map : from) *map.gradient = hold(Use::kBackward, map.shape.elements());
  for (std::size_t i = nodes_.size(); i-- > 0;) {
    Node& node = nodes_[i];
    if (!*node.gradient || !node.backward) continue;
    const Storage gradient = std::exchange(*node.gradient, nullptr);
    node.backward(gradient);
    if (!keep) node.backward = nullptr;
  }
}

}  // namespace resolute::workers
