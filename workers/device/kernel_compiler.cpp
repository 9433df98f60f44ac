#include "workers/device/kernel_compiler.h"

#include <dlfcn.h>

#include "core/error.h"

namespace resolute::workers {
namespace {

core::RuntimeError cannot_compile(std::string_view why) {
  return core::RuntimeError(core::ErrorKind::kEnvironment, "the kernels of --fused-norm cannot be compiled", why,
                            "leave --fused-norm out, or install torch with the packages that it asks for "
                            "(docs/gpus.md)");
}

// The part of NVRTC's interface that is called, the same since CUDA 11; its header comes with the toolkit.
class Nvrtc {
 public:
  using Program = void*;
  explicit Nvrtc(const std::vector<std::string>& libraries) {
    for (std::size_t i = 0; i < libraries.size() && library_ == nullptr; ++i)
      library_ = ::dlopen(libraries[i].c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library_ == nullptr) throw cannot_compile(::dlerror());
  }

  // \return NVRTC's answer, 0 for done
  template <class... Arguments>
  int ask(const char* name, Arguments... arguments) const {
    auto* const function = reinterpret_cast<int (*)(Arguments...)>(::dlsym(library_, name));
    if (function == nullptr) throw cannot_compile(fmt::format("NVRTC has no '{}'", name));
    return function(arguments...);
  }
  template <class... Arguments>
  void call(const char* name, Arguments... arguments) const {
    if (const int answer = ask(name, arguments...); answer != 0)
      throw cannot_compile(fmt::format("{} answers {}", name, answer));
  }
  // A pair of functions gives a text's size, and then so many bytes.
  std::string text(const char* size_name, const char* name, Program program) const {
    std::size_t size = 0;
    call(size_name, program, &size);
    std::string text(size, '\0');
    call(name, program, text.data());
    return text;
  }

 private:
  void* library_ = nullptr;  // stays loaded: libtorch uses it too
};

}  // namespace

std::string compile_kernels(const std::vector<std::string>& libraries, const KernelText& text,
                            const std::vector<KernelText>& headers, const std::array<int, 2>& capability) {
  const Nvrtc nvrtc(libraries);
  std::vector<const char*> texts, names;
  for (const KernelText& header : headers) texts.push_back(header.text), names.push_back(header.name);
  Nvrtc::Program program = nullptr;
  nvrtc.call("nvrtcCreateProgram", &program, text.text, text.name, static_cast<int>(headers.size()), texts.data(),
             names.data());
  const std::string architecture = fmt::format("--gpu-architecture=sm_{}{}", capability[0], capability[1]);
  const std::array<const char*, 2> options{architecture.c_str(), "--std=c++17"};
  if (const int answer = nvrtc.ask("nvrtcCompileProgram", program, static_cast<int>(options.size()), options.data());
      answer != 0) {
    const std::string log = nvrtc.text("nvrtcGetProgramLogSize", "nvrtcGetProgramLog", program);
    throw cannot_compile(fmt::format("for sm_{}{}: {}", capability[0], capability[1],
                                     log.size() > 1 ? log.substr(0, log.find('\n')) : fmt::format("{}", answer)));
  }
  std::string code = nvrtc.text("nvrtcGetCUBINSize", "nvrtcGetCUBIN", program);
  nvrtc.call("nvrtcDestroyProgram", &program);
  return code;
}

}  // namespace resolute::workers
