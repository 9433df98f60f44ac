#include "workers/ddp/tensor_digest.h"

#include <ATen/Parallel.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/error.h"

namespace resolute::workers {
namespace {

constexpr std::int64_t kOdd = 0x1E3779B97F4A7C15;

at::Tensor keyed_sum(const at::Tensor& tensor) {
  const at::Tensor bits = tensor.as_strided({tensor.numel()}, {1}).view(at::kInt).to(at::kLong);
  // Odd numbers that do not lie on a line: places swapped, or an error in two of them, show.
  const at::Tensor place = at::arange(1, 2 * tensor.numel(), 2, bits.options());
  return (bits * (place * place * kOdd)).sum();
}

}  // namespace

std::vector<at::Tensor> tensor_digests(const std::vector<at::Tensor>& tensors) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> digests;
  for (const at::Tensor& tensor : tensors) {
    RESOLUTE_EXPECT(tensor.is_non_overlapping_and_dense() && tensor.scalar_type() == at::kFloat,
                    "a digest is of dense float32");
    if (!tensor.device().is_cpu()) digests.push_back(keyed_sum(tensor));
  }
  if (!digests.empty() || tensors.empty()) return digests;
  std::vector<std::int64_t> values(tensors.size());
  at::parallel_for(0, static_cast<std::int64_t>(tensors.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i)
      values[i] = static_cast<std::int64_t>(XXH3_64bits(tensors[i].const_data_ptr(), tensors[i].nbytes()));
  });
  for (std::int64_t value : values) digests.push_back(at::scalar_tensor(value, at::kLong));
  return digests;
}

}  // namespace resolute::workers
