#include "workers/device/device.h"

#include <dlfcn.h>
#include <link.h>

#include <algorithm>
#include <filesystem>

#include "core/error.h"
#include "core/process/processors.h"
#include "workers/device/cuda_driver.h"
#include "workers/device/cuda_interface.h"
#include "workers/device/numeric_class.h"

namespace resolute::workers {
namespace {

constexpr const char* kModule = "libresolute_cuda.so";

class CpuDevice final : public Device {
 public:
  at::Device place() const override { return at::kCPU; }
  NumericParts numeric_parts() const override { return cpu_numeric_parts(); }
  std::unique_ptr<Communicator> connect(std::unique_ptr<Communicator> host, std::chrono::milliseconds) override {
    return host;
  }
};

core::RuntimeError not_available(std::string_view why) {
  return core::RuntimeError(
      core::ErrorKind::kEnvironment, "device 'cuda' is not available", why,
      fmt::format(
          "install torch 2.11.0 for CUDA 13 (driver {} or newer) or CUDA 12 (driver {}) with the packages that it "
          "asks for (docs/gpus.md), or train with device = \"cpu\"",
          least_driver(13000), least_driver(12000)));
}

// Never unloaded: libtorch keeps what a library registers.
void* load(const std::filesystem::path& library, int visibility) {
  void* handle = ::dlopen(library.c_str(), RTLD_LAZY | visibility);
  if (handle == nullptr) throw not_available(::dlerror());
  return handle;
}

// The folder from which this process has its libtorch: the CUDA half must be of the same build.
std::filesystem::path libtorch_folder() {
  void* handle = ::dlopen("libtorch_cpu.so", RTLD_LAZY | RTLD_NOLOAD);
  const link_map* map = nullptr;
  if (handle == nullptr || ::dlinfo(handle, RTLD_DI_LINKMAP, &map) != 0)
    throw not_available("libtorch_cpu.so is not a library of its own here");
  return std::filesystem::path(map->l_name).parent_path();
}

template <class Function>
Function function_of(void* module, const char* name) {
  void* symbol = ::dlsym(module, name);
  if (symbol == nullptr) throw not_available(fmt::format("{} has no '{}'", kModule, name));
  return reinterpret_cast<Function>(symbol);
}

std::unique_ptr<Device> open_cuda(int process_rank, settings::Precision precision) {
  // First, and visible to all: what libtorch's CPU half looks up once and for all is registered while it loads.
  load(libtorch_folder() / "libtorch_cuda.so", RTLD_GLOBAL);
  void* module = load(std::filesystem::read_symlink("/proc/self/exe").parent_path() / kModule, RTLD_LOCAL);
  const int version = function_of<CudaInterfaceVersion>(module, kCudaInterfaceVersionSymbol)();
  if (version != kCudaInterfaceVersion)
    throw not_available(
        fmt::format("{} has interface {}, this program {}: rebuild both", kModule, version, kCudaInterfaceVersion));
  return std::unique_ptr<Device>(function_of<OpenCudaDevice>(module, kOpenCudaDeviceSymbol)(process_rank, precision));
}

}  // namespace

std::unique_ptr<Device> open_device(const std::string& name, int process_rank, settings::Precision precision) {
  if (name == "cpu") return std::make_unique<CpuDevice>();
  if (name == "cuda") return open_cuda(process_rank, precision);
  throw core::input_error(fmt::format("device '{}' is unknown", name), {}, "choose \"cpu\" or \"cuda\"");
}

void expect_memory(const Device& device) {
  if (device.memory_refusals() == 0) return;
  const DeviceMemory memory = device.memory();
  constexpr double kGib = std::uint64_t{1} << 30;
  const auto gib = [](std::uint64_t bytes) { return static_cast<double>(bytes) / kGib; };
  throw core::RuntimeError(
      core::ErrorKind::kEnvironment, "the GPU is out of memory",
      fmt::format(
          "this process's tensors took up to {:.1f} GiB of {:.1f}, and {:.1f} are free; other kernels would give "
          "other bits",
          gib(memory.most), gib(memory.total), gib(memory.free)),
      "give --recompute or more process ranks, which change no bit, or set train.precision = \"bf16\" or fewer "
      "train.identities");
}

int loading_threads(at::Device place) {
  constexpr int kMost = 4;  // other ranks of the machine have theirs
  return place.is_cpu() ? 1 : std::min(core::usable_processors(), kMost);
}

}  // namespace resolute::workers
