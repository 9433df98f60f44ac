#pragma once
//! \file
//! The argument of each kernel of norm_kernels.cu, whose text NVRTC compiles on a machine with a GPU: it includes this
//! file too, and has no header of a library.

namespace resolute::networks {

//! Maps have `rows` rows, one a pixel of an image, of `channels` values that lie side by side: channels-last. Values
//! are float32 or bfloat16, by the kernel's name; pointers are aligned to 16 bytes. What a kernel does not read or
//! write may be null.
struct NormArguments {
  const void* input = nullptr;
  const void* summand = nullptr;  //!< null: nothing is added to what is normalised
  void* output = nullptr;
  const void* output_gradient = nullptr;
  void* input_gradient = nullptr;
  void* summand_gradient = nullptr;
  const float* weight = nullptr;
  const float* bias = nullptr;
  float* mean = nullptr;     //!< of the batch
  float* inverse = nullptr;  //!< one over the batch's deviation
  float* weight_gradient = nullptr;
  float* bias_gradient = nullptr;
  float* running_mean = nullptr;  //!< null: running statistics stay
  float* running_variance = nullptr;
  double* partial = nullptr;     //!< [slices × 2 × channels]
  unsigned* finished = nullptr;  //!< for each column of blocks the slices that are summed; zeros before and after
  long long rows = 0;
  int channels = 0;   //!< a multiple of kNormMultiple
  int lanes = 0;      //!< threads of a block that lie side by side in a row; a power of two
  float ceiling = 0;  //!< of the rectifier behind the sum: 0 is none, infinity a plain one
  float momentum = 0;
  double epsilon = 0;
};

constexpr int kNormMultiple = 8;         //!< the values of bfloat16 in 16 bytes
constexpr int kMostNormThreads = 256;    //!< of a block
constexpr int kNormKernelsRevision = 1;  //!< raised when a bit changes; part of the numeric class

}  // namespace resolute::networks
