#include "workers/device/cuda_norm_kernels.h"

#include <c10/cuda/CUDAStream.h>
#include <cuda.h>
#include <cuda_runtime_api.h>
#include <dlfcn.h>

#include <filesystem>
#include <string>
#include <vector>

#include "core/error.h"
#include "workers/device/kernel_compiler.h"

// The texts, as resolute_embed() puts them into the module.
extern "C" const char resolute_embedded_norm_kernels_cu[];
extern "C" const char resolute_embedded_norm_arguments_h[];

namespace resolute::workers {
namespace {

// The packages of CUDA 13 share a folder; of CUDA 12 each has its own, beside the runtime's.
std::vector<std::string> compilers(int cuda) {
  const std::string name = fmt::format("libnvrtc.so.{}", cuda / 1000);
  std::vector<std::string> paths;
  Dl_info runtime{};
  if (::dladdr(::dlsym(RTLD_DEFAULT, "cudaRuntimeGetVersion"), &runtime) != 0 && runtime.dli_fname != nullptr) {
    const std::filesystem::path folder = std::filesystem::path(runtime.dli_fname).parent_path();
    paths = {(folder / name).string(), (folder / "../../cuda_nvrtc/lib" / name).string()};
  }
  paths.push_back(name);
  return paths;
}

// NVIDIA's driver, which CUDA's runtime has loaded.
class Driver {
 public:
  Driver() : library_(::dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL)) {
    if (library_ == nullptr) throw failed("loading the driver", ::dlerror());
  }
  // A function by its name, so that the driver is not linked. \tparam Function its type, as its header has it
  template <class Function>
  Function function(const char* name) const {
    auto* const found = reinterpret_cast<Function>(::dlsym(library_, name));
    if (found == nullptr) throw failed(name, "the driver does not have it");
    return found;
  }
  static void expect(CUresult result, const char* name) {
    if (result != CUDA_SUCCESS) throw failed(name, fmt::format("CUDA's driver answers {}", static_cast<int>(result)));
  }

 private:
  static core::RuntimeError failed(std::string_view what, std::string_view why) {
    return core::RuntimeError(core::ErrorKind::kEnvironment, fmt::format("{} failed", what), why,
                              "leave --fused-norm out");
  }
  void* library_;
};

class CudaNormKernels final : public networks::NormKernels {
 public:
  explicit CudaNormKernels(const std::string& code) {
    const Driver driver;
    const auto load = driver.function<decltype(&::cuModuleLoadData)>("cuModuleLoadData");
    const auto find = driver.function<decltype(&::cuModuleGetFunction)>("cuModuleGetFunction");
    launch_ = driver.function<decltype(&::cuLaunchKernel)>("cuLaunchKernel");
    Driver::expect(load(&module_, code.data()), "cuModuleLoadData");
    for (std::size_t kernel = 0; kernel < functions_.size(); ++kernel)
      for (const bool bfloat16 : {false, true})
        Driver::expect(
            find(&functions_[kernel][bfloat16], module_,
                 fmt::format("resolute_norm_{}_{}", networks::kNormKernelNames[kernel], bfloat16 ? "bf16" : "f32")
                     .c_str()),
            "cuModuleGetFunction");
  }
  void launch(networks::NormKernel kernel, bool bfloat16, const networks::NormGrid& grid,
              const networks::NormArguments& arguments) override {
    const CUfunction function = functions_[static_cast<std::size_t>(kernel)][bfloat16];
    networks::NormArguments passed = arguments;
    std::array<void*, 1> parameters{&passed};
    const auto count = [](int number) { return static_cast<unsigned>(number); };
    Driver::expect(launch_(function, count(grid.columns), count(grid.slices), 1U, count(grid.threads), 1U, 1U, 0U,
                           c10::cuda::getCurrentCUDAStream().stream(), parameters.data(), nullptr),
                   "cuLaunchKernel");
  }
  at::DeviceType device() const override { return at::kCUDA; }

 private:
  decltype(&::cuLaunchKernel) launch_ = nullptr;
  CUmodule module_ = nullptr;  // stays loaded as long as the process computes
  std::array<std::array<CUfunction, 2>, networks::kNormKernelNames.size()> functions_{};
};

}  // namespace

std::unique_ptr<networks::NormKernels> load_norm_kernels(const std::array<int, 2>& capability, int cuda) {
  return std::make_unique<CudaNormKernels>(
      compile_kernels(compilers(cuda), {"norm_kernels.cu", resolute_embedded_norm_kernels_cu},
                      {{"networks/kernels/norm_arguments.h", resolute_embedded_norm_arguments_h}}, capability));
}

}  // namespace resolute::workers
