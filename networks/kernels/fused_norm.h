#pragma once
//! \file
//! A batch norm, what is added to it and the rectifier behind them in one pass over the maps: on a device that has
//! kernels for it (norm_kernels.cu). Its bits are other ones than those of the three operations apart.

#include <array>

#include "networks/kernels/norm_arguments.h"
#include "networks/torch.h"

namespace resolute::networks {

//! The rectifier behind a layer. kRelu6: min(max(x, 0), 6).
enum class Rectifier { kNone, kRelu, kRelu6 };

//! Statistics of the batch, and with them the output; sums of the gradients, and with them the inputs' gradients.
enum class NormKernel { kStatistics, kNormalise, kReduce, kApply };
//! In their order, as norm_kernels.cu names them.
inline constexpr std::array<const char*, 4> kNormKernelNames = {"statistics", "normalise", "reduce", "apply"};

//! Blocks of threads: columns side by side, slices of the rows below one another.
struct NormGrid {
  int columns = 1, slices = 1, threads = 1;
};

//! The kernels on one device.
class NormKernels {
 public:
  virtual ~NormKernels() = default;
  //! Queues a kernel on the current stream. \param bfloat16 false: maps are float32
  virtual void launch(NormKernel kernel, bool bfloat16, const NormGrid& grid, const NormArguments& arguments) = 0;
  virtual at::DeviceType device() const = 0;
  //! Threads of a block: a power of two from kNormMultiple to kMostNormThreads. Bits depend on it.
  virtual int threads() const { return kMostNormThreads; }

 protected:
  NormKernels() = default;
  NormKernels(const NormKernels&) = delete;
  NormKernels& operator=(const NormKernels&) = delete;
};

//! While one is alive, the process's batch norms of trunks use these kernels. One at a time, on one device.
class FusedNorms {
 public:
  //! \param kernels null: none are used
  explicit FusedNorms(NormKernels* kernels);
  ~FusedNorms();
  FusedNorms(const FusedNorms&) = delete;
  FusedNorms& operator=(const FusedNorms&) = delete;
};

//! True if fused_norm() takes maps like this one: N×C×H×W of two rows or more, channels-last, float32 or bfloat16, of a
//! multiple of kNormMultiple channels, on the device of the FusedNorms that is alive.
bool fuses(const at::Tensor& map);

//! Statistics that fused_norm() moves, and its constants.
struct FusedNormOptions {
  at::Tensor running_mean, running_variance;  //!< float32; undefined: they stay
  double momentum = 0.1, epsilon = 1e-5;
  Rectifier rectifier = Rectifier::kNone;
};

//! rectifier(norm(map) + summand), normalised with the batch's statistics. \param map as fuses() wants it
//! \param weight, bias float32, [C] \param summand undefined, or of the map's shape and type
at::Tensor fused_norm(const at::Tensor& map, const at::Tensor& weight, const at::Tensor& bias,
                      const at::Tensor& summand, const FusedNormOptions& options);

}  // namespace resolute::networks
