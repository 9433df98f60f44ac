// Batch norm, what is added to it and the rectifier behind them, forward and backward, each in one pass over the maps.
// CUDA C++, compiled by NVRTC when a GPU is opened (workers/device/kernel_compiler.h), and by a test for the host. Sums
// have one order, which the shape alone decides: a thread's rows in float32, less the first row's value, so that no
// digit is lost to a large mean; threads of a block and slices of the rows by trees, in double.

#include "networks/kernels/norm_arguments.h"

namespace resolute::networks {

template <int kValues>  // in 16 bytes
struct Values;

template <>
struct Values<4> {
  static __device__ void unpack(const uint4& words, float (&to)[4]) {
    to[0] = __uint_as_float(words.x);
    to[1] = __uint_as_float(words.y);
    to[2] = __uint_as_float(words.z);
    to[3] = __uint_as_float(words.w);
  }
  static __device__ uint4 pack(const float (&from)[4]) {
    return {__float_as_uint(from[0]), __float_as_uint(from[1]), __float_as_uint(from[2]), __float_as_uint(from[3])};
  }
};

// To nearest, ties to even; what is no number stays none.
inline __device__ unsigned bfloat16_of(float value) {
  const unsigned bits = __float_as_uint(value);
  return value != value ? 0x7fc0U : (bits + 0x7fffU + ((bits >> 16U) & 1U)) >> 16U;
}
// Two values, the first in the low half.
inline __device__ void unpack_pair(unsigned word, float* to) {
  to[0] = __uint_as_float(word << 16U);
  to[1] = __uint_as_float(word & 0xffff0000U);
}
inline __device__ unsigned packed_pair(const float* from) {
  return bfloat16_of(from[0]) | (bfloat16_of(from[1]) << 16U);
}

template <>
struct Values<8> {
  static __device__ void unpack(const uint4& words, float (&to)[8]) {
    unpack_pair(words.x, to);
    unpack_pair(words.y, to + 2);
    unpack_pair(words.z, to + 4);
    unpack_pair(words.w, to + 6);
  }
  static __device__ uint4 pack(const float (&from)[8]) {
    return {packed_pair(from), packed_pair(from + 2), packed_pair(from + 4), packed_pair(from + 6)};
  }
};

// A thread's part of the maps: 16 bytes of a row in `rows_at_once`, from `first` to the end of its slice.
struct Part {
  int lane, row;     // in the block
  int rows_at_once;  // of the block
  int channel;       // the first of kValues
  long long column;  // in 16 bytes
  long long width;   // of a row, in 16 bytes
  long long first, end;
};

template <int kValues>
__device__ Part part_of(const NormArguments& a) {
  Part part;
  const int thread = static_cast<int>(threadIdx.x);
  part.lane = thread % a.lanes;
  part.row = thread / a.lanes;
  part.rows_at_once = static_cast<int>(blockDim.x) / a.lanes;
  part.width = a.channels / kValues;
  part.column = static_cast<long long>(blockIdx.x) * a.lanes + part.lane;
  part.channel = static_cast<int>(part.column) * kValues;
  const long long slices = gridDim.y, slice = blockIdx.y;
  part.first = a.rows * slice / slices + part.row;
  part.end = part.column < part.width ? a.rows * (slice + 1) / slices : part.first;
  return part;
}

template <int kValues>
__device__ void load(const void* map, const Part& part, long long row, float (&to)[kValues]) {
  Values<kValues>::unpack(static_cast<const uint4*>(map)[row * part.width + part.column], to);
}

template <int kValues>
__device__ void store(void* map, const Part& part, long long row, const float (&from)[kValues]) {
  static_cast<uint4*>(map)[row * part.width + part.column] = Values<kValues>::pack(from);
}

template <int kValues>
__device__ void load_channels(const float* from, const Part& part, float (&to)[kValues]) {
  for (int v = 0; v < kValues; ++v) to[v] = part.column < part.width ? from[part.channel + v] : 0;
}

// Two sums over the rows of threads of a block, which the first row has at the end.
template <int kValues>
__device__ void sum_block(const Part& part, int lanes, double (&first)[kValues], double (&second)[kValues]) {
  __shared__ double shared[2][kValues][kMostNormThreads];
  const int thread = static_cast<int>(threadIdx.x);
  __syncthreads();  // what an earlier call left has been read
  for (int v = 0; v < kValues; ++v) {
    shared[0][v][thread] = first[v];
    shared[1][v][thread] = second[v];
  }
  for (int half = part.rows_at_once / 2; half > 0; half /= 2) {
    __syncthreads();
    if (part.row >= half) continue;
    for (int v = 0; v < kValues; ++v)
      for (int s = 0; s < 2; ++s) shared[s][v][thread] += shared[s][v][thread + half * lanes];
  }
  for (int v = 0; v < kValues; ++v) {
    first[v] = shared[0][v][thread];
    second[v] = shared[1][v][thread];
  }
}

// Sums of a block become those of all rows. True in the block of a column that comes last, whose first row has them.
template <int kValues>
__device__ bool sum_slices(const NormArguments& a, const Part& part, double (&first)[kValues],
                           double (&second)[kValues]) {
  sum_block<kValues>(part, a.lanes, first, second);
  double* const partial = a.partial + 2LL * blockIdx.y * a.channels;
  if (part.row == 0 && part.column < part.width)
    for (int v = 0; v < kValues; ++v) {
      partial[part.channel + v] = first[v];
      partial[a.channels + part.channel + v] = second[v];
    }
  __shared__ bool is_last;
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) is_last = atomicAdd(&a.finished[blockIdx.x], 1U) == gridDim.y - 1;
  __syncthreads();
  if (!is_last) return false;
  __threadfence();
  for (int v = 0; v < kValues; ++v) first[v] = second[v] = 0;
  if (part.column < part.width)
    for (int slice = part.row; slice < static_cast<int>(gridDim.y); slice += part.rows_at_once) {
      // Written by other multiprocessors: no cache of this one has it.
      const volatile double* const from = a.partial + 2LL * slice * a.channels + part.channel;
      for (int v = 0; v < kValues; ++v) {
        first[v] += from[v];
        second[v] += from[a.channels + v];
      }
    }
  sum_block<kValues>(part, a.lanes, first, second);
  if (threadIdx.x == 0) a.finished[blockIdx.x] = 0;
  return part.row == 0 && part.column < part.width;
}

template <int kValues>
__device__ void statistics(const NormArguments& a) {
  const Part part = part_of<kValues>(a);
  float pivot[kValues] = {}, sum[kValues] = {}, squares[kValues] = {}, x[kValues];
  if (part.column < part.width) load<kValues>(a.input, part, 0, pivot);
  for (long long row = part.first; row < part.end; row += part.rows_at_once) {
    load<kValues>(a.input, part, row, x);
    for (int v = 0; v < kValues; ++v) {
      const float beside = x[v] - pivot[v];
      sum[v] += beside;
      squares[v] += beside * beside;
    }
  }
  double first[kValues], second[kValues];
  for (int v = 0; v < kValues; ++v) {
    first[v] = static_cast<double>(sum[v]);
    second[v] = static_cast<double>(squares[v]);
  }
  if (!sum_slices<kValues>(a, part, first, second)) return;
  const double rows = static_cast<double>(a.rows), momentum = static_cast<double>(a.momentum);
  for (int v = 0; v < kValues; ++v) {
    const int channel = part.channel + v;
    const double beside = first[v] / rows;
    const double mean = static_cast<double>(pivot[v]) + beside;
    double variance = second[v] / rows - beside * beside;
    if (variance < 0) variance = 0;
    a.mean[channel] = static_cast<float>(mean);
    a.inverse[channel] = static_cast<float>(1 / sqrt(variance + a.epsilon));
    if (a.running_mean == nullptr) continue;
    const double unbiased = variance * rows / (rows - 1);
    a.running_mean[channel] =
        static_cast<float>((1 - momentum) * static_cast<double>(a.running_mean[channel]) + momentum * mean);
    a.running_variance[channel] =
        static_cast<float>((1 - momentum) * static_cast<double>(a.running_variance[channel]) + momentum * unbiased);
  }
}

template <int kValues>
__device__ void normalise(const NormArguments& a) {
  const Part part = part_of<kValues>(a);
  float mean[kValues], scale[kValues], weight[kValues], bias[kValues], x[kValues], summand[kValues];
  load_channels<kValues>(a.mean, part, mean);
  load_channels<kValues>(a.inverse, part, scale);
  load_channels<kValues>(a.weight, part, weight);
  load_channels<kValues>(a.bias, part, bias);
  for (int v = 0; v < kValues; ++v) scale[v] *= weight[v];
  for (long long row = part.first; row < part.end; row += part.rows_at_once) {
    load<kValues>(a.input, part, row, x);
    for (int v = 0; v < kValues; ++v) x[v] = (x[v] - mean[v]) * scale[v] + bias[v];
    if (a.summand != nullptr) {
      load<kValues>(a.summand, part, row, summand);
      for (int v = 0; v < kValues; ++v) x[v] += summand[v];
    }
    if (a.ceiling > 0)
      // Written so that what is no number stays none.
      for (int v = 0; v < kValues; ++v) x[v] = x[v] < 0 ? 0 : x[v] > a.ceiling ? a.ceiling : x[v];
    store<kValues>(a.output, part, row, x);
  }
}

// The gradient of what stands before the rectifier.
template <int kValues>
__device__ void load_gradient(const NormArguments& a, const Part& part, long long row, float (&gradient)[kValues]) {
  load<kValues>(a.output_gradient, part, row, gradient);
  if (!(a.ceiling > 0)) return;
  float output[kValues];
  load<kValues>(a.output, part, row, output);
  for (int v = 0; v < kValues; ++v)
    if (output[v] <= 0 || output[v] >= a.ceiling) gradient[v] = 0;
}

template <int kValues>
__device__ void reduce(const NormArguments& a) {
  const Part part = part_of<kValues>(a);
  float mean[kValues], sum[kValues] = {}, products[kValues] = {}, x[kValues], gradient[kValues];
  load_channels<kValues>(a.mean, part, mean);
  for (long long row = part.first; row < part.end; row += part.rows_at_once) {
    load<kValues>(a.input, part, row, x);
    load_gradient<kValues>(a, part, row, gradient);
    for (int v = 0; v < kValues; ++v) {
      sum[v] += gradient[v];
      products[v] += gradient[v] * (x[v] - mean[v]);
    }
  }
  double first[kValues], second[kValues];
  for (int v = 0; v < kValues; ++v) {
    first[v] = static_cast<double>(sum[v]);
    second[v] = static_cast<double>(products[v]);
  }
  if (!sum_slices<kValues>(a, part, first, second)) return;
  for (int v = 0; v < kValues; ++v) {
    const int channel = part.channel + v;
    a.bias_gradient[channel] = static_cast<float>(first[v]);
    a.weight_gradient[channel] = static_cast<float>(second[v] * static_cast<double>(a.inverse[channel]));
  }
}

template <int kValues>
__device__ void apply(const NormArguments& a) {
  const Part part = part_of<kValues>(a);
  const float rows = static_cast<float>(a.rows);
  float mean[kValues], inverse[kValues], scale[kValues], bias[kValues], slope[kValues], x[kValues], gradient[kValues];
  load_channels<kValues>(a.mean, part, mean);
  load_channels<kValues>(a.inverse, part, inverse);
  load_channels<kValues>(a.weight, part, scale);
  load_channels<kValues>(a.bias_gradient, part, bias);
  load_channels<kValues>(a.weight_gradient, part, slope);
  for (int v = 0; v < kValues; ++v) {
    scale[v] *= inverse[v];
    bias[v] /= rows;
    slope[v] *= inverse[v] / rows;
  }
  for (long long row = part.first; row < part.end; row += part.rows_at_once) {
    load<kValues>(a.input, part, row, x);
    load_gradient<kValues>(a, part, row, gradient);
    if (a.summand_gradient != nullptr) store<kValues>(a.summand_gradient, part, row, gradient);
    for (int v = 0; v < kValues; ++v) x[v] = scale[v] * (gradient[v] - bias[v] - (x[v] - mean[v]) * slope[v]);
    store<kValues>(a.input_gradient, part, row, x);
  }
}

}  // namespace resolute::networks

#define RESOLUTE_KERNEL(NAME)                                                                   \
  extern "C" __global__ void resolute_norm_##NAME##_f32(resolute::networks::NormArguments a) {  \
    resolute::networks::NAME<4>(a);                                                             \
  }                                                                                             \
  extern "C" __global__ void resolute_norm_##NAME##_bf16(resolute::networks::NormArguments a) { \
    resolute::networks::NAME<8>(a);                                                             \
  }
RESOLUTE_KERNEL(statistics)
RESOLUTE_KERNEL(normalise)
RESOLUTE_KERNEL(reduce)
RESOLUTE_KERNEL(apply)
#undef RESOLUTE_KERNEL
