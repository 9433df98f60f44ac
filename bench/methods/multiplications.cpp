#include "bench/methods/multiplications.h"

#include <atomic>
#include <exception>
#include <memory>
#include <string_view>

#include "core/error.h"
#include "workers/torch.h"

namespace resolute::workers {
namespace {

std::atomic<std::int64_t> counted{0};
std::atomic<bool> missed{false};

// Every cell of a convolution's output (of a transposed one's input) meets the whole weight once.
std::int64_t cells(const at::Tensor& map) { return map.numel() / map.size(1); }

// One number for every axis, or one each.
std::int64_t along(const c10::DimVector& numbers, std::size_t axis) { return numbers[numbers.size() == 1 ? 0 : axis]; }

std::int64_t output_cells(const at::Tensor& input, const at::Tensor& weight, const c10::DimVector& stride,
                          const c10::DimVector& padding, const c10::DimVector& dilation) {
  std::int64_t count = input.size(0);
  for (std::size_t axis = 0; axis + 2 < static_cast<std::size_t>(input.dim()); ++axis) {
    const auto place = static_cast<std::int64_t>(axis) + 2;
    const std::int64_t kernel = along(dilation, axis) * (weight.size(place) - 1) + 1;
    count *= (input.size(place) + 2 * along(padding, axis) - kernel) / along(stride, axis) + 1;
  }
  return count;
}

std::int64_t convolution(at::ArrayRef<const c10::IValue> in) {
  // (input, weight, bias, stride, padding, dilation, transposed, output_padding, groups)
  const at::Tensor &input = in[0].toTensor(), &weight = in[1].toTensor();
  const std::int64_t grid =
      in[6].toBool() ? cells(input)
                     : output_cells(input, weight, in[3].toDimVector(), in[4].toDimVector(), in[5].toDimVector());
  return weight.numel() * grid;
}

std::int64_t convolution_backward(at::ArrayRef<const c10::IValue> in) {
  // (output's gradient, input, weight, bias sizes, stride, padding, dilation, transposed, output_padding, groups, mask)
  const at::Tensor &gradient = in[0].toTensor(), &input = in[1].toTensor(), &weight = in[2].toTensor();
  const c10::List<bool> wanted = in[10].toBoolList();
  const std::int64_t times = (wanted[0] ? 1 : 0) + (wanted[1] ? 1 : 0);  // for the input, for the weight
  return times * weight.numel() * cells(in[7].toBool() ? input : gradient);
}

std::int64_t product(const at::Tensor& a, const at::Tensor& b) { return a.numel() * b.size(-1); }

std::int64_t multiply_adds(const at::RecordFunction& call) {
  const std::string_view name = call.name();
  if (name == "aten::convolution") return convolution(call.inputs());
  if (name == "aten::convolution_backward") return convolution_backward(call.inputs());
  if (name == "aten::mm" || name == "aten::bmm")
    return product(call.inputs()[0].toTensor(), call.inputs()[1].toTensor());
  if (name == "aten::addmm" || name == "aten::baddbmm")
    return product(call.inputs()[1].toTensor(), call.inputs()[2].toTensor());
  return 0;
}

// libtorch only warns of what a callback throws: remembered here, so that no count comes out too low.
std::unique_ptr<at::ObserverContext> listen(const at::RecordFunction& call) {
  try {
    counted += multiply_adds(call);
  } catch (const std::exception&) {
    missed = true;
  }
  return nullptr;
}

}  // namespace

MultiplicationCount::MultiplicationCount() {
  counted = 0;
  missed = false;
  handle_ =
      at::addGlobalCallback(at::RecordFunctionCallback(listen).needsInputs(true).scopes({at::RecordScope::FUNCTION}));
}

MultiplicationCount::~MultiplicationCount() { at::removeCallback(handle_); }

std::int64_t MultiplicationCount::value() const {
  RESOLUTE_EXPECT(!missed, "the operators' arguments are where libtorch 2.11 has them");
  return counted;
}

}  // namespace resolute::workers
