#include "workers/ddp/tensor_digest.h"

#include <ATen/Parallel.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/error.h"

namespace resolute::workers {
namespace {

constexpr std::int64_t kOdd = 0x1E3779B97F4A7C15;

// Odd numbers that do not lie on a line: places swapped, or an error in two of them, show.
DigestKeys keys_of(const std::vector<at::Tensor>& tensors) {
  std::vector<at::Tensor> factors;
  std::vector<std::int64_t> last;
  std::int64_t end = 0;
  for (const at::Tensor& tensor : tensors) {
    const at::Tensor place = at::arange(1, 2 * tensor.numel(), 2, tensor.options().dtype(at::kLong));
    factors.push_back(place * place * kOdd);
    end += tensor.numel();
    last.push_back(end - 1);
  }
  return {at::cat(factors), at::tensor(last, at::kLong).to(tensors.front().device())};
}

// Sums of all tensors at once: running sums over all elements, and their differences where tensors end.
std::vector<at::Tensor> keyed_sums(const std::vector<at::Tensor>& tensors, DigestKeys& keys) {
  if (!keys.factors.defined()) keys = keys_of(tensors);
  std::vector<at::Tensor> elements;
  for (const at::Tensor& tensor : tensors) elements.push_back(tensor.as_strided({tensor.numel()}, {1}));
  const at::Tensor bits = at::cat(elements).view(at::kInt);
  at::Tensor running = bits * keys.factors;
  at::cumsum_out(running, running, 0);  // in place: it is twice as large as the tensors
  const at::Tensor until_end = running.index_select(0, keys.last);
  at::Tensor sums = until_end.clone();
  const std::int64_t others = sums.size(0) - 1;
  sums.narrow(0, 1, others).sub_(until_end.narrow(0, 0, others));
  return sums.unbind();
}

}  // namespace

std::vector<at::Tensor> tensor_digests(const std::vector<at::Tensor>& tensors, DigestKeys& keys) {
  const at::NoGradGuard no_grad;
  for (const at::Tensor& tensor : tensors)
    RESOLUTE_EXPECT(tensor.is_non_overlapping_and_dense() && tensor.scalar_type() == at::kFloat,
                    "a digest is of dense float32");
  std::vector<at::Tensor> digests;
  if (tensors.empty()) return digests;
  if (!tensors.front().is_cpu()) return keyed_sums(tensors, keys);
  std::vector<std::int64_t> values(tensors.size());
  at::parallel_for(0, static_cast<std::int64_t>(tensors.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i)
      values[i] = static_cast<std::int64_t>(XXH3_64bits(tensors[i].const_data_ptr(), tensors[i].nbytes()));
  });
  for (std::int64_t value : values) digests.push_back(at::scalar_tensor(value, at::kLong));
  return digests;
}

}  // namespace resolute::workers
