#include "orchestrator/transport/mpi_library.h"

#include <dlfcn.h>

#include <algorithm>

#include "core/process/process.h"

namespace resolute::orchestrator {
namespace {

// Open MPI's is at most 256 bytes long, but MPICH writes up to 8,192.
constexpr std::size_t kLongestVersion = 16384;

}  // namespace

// Open MPI's plugins find its functions among those of the whole program.
SharedObject::SharedObject(std::string file)
    : file_(std::move(file)), handle_(::dlopen(file_.c_str(), RTLD_LAZY | RTLD_GLOBAL)) {
  if (handle_ == nullptr) throw refused(::dlerror());
}

SharedObject::Symbol SharedObject::operator[](const char* name) const {
  if (void* address = ::dlsym(handle_, name)) return {address};
  throw refused(fmt::format("it has no '{}'", name));
}

core::RuntimeError SharedObject::refused(std::string_view why) const {
  return core::input_error(
      fmt::format("the MPI library '{}' cannot be used", file_), why,
      "load the module of Open MPI 4 or 5, install it (Debian: libopenmpi3), name its libmpi.so.40 "
      "in RESOLUTE_MPI, or start one process, which needs no MPI");
}

std::string MpiLibrary::checked_name() const {
  std::string text(kLongestVersion, '\0');
  int length = 0;
  if (get_library_version(text.data(), &length) != MPI_SUCCESS) throw in.refused("it does not say its name");
  text.resize(static_cast<std::size_t>(std::clamp(length, 0, static_cast<int>(kLongestVersion))));
  text.resize(std::min(text.size(), text.find_first_of(",\n")));
  std::ranges::replace(text, '\t', ' ');
  if (!text.starts_with("Open MPI v4.") && !text.starts_with("Open MPI v5."))
    throw in.refused(fmt::format("it calls itself '{}'", text));
  return text;
}

const MpiLibrary& mpi() {
  static const MpiLibrary library = [] {
    const std::string named = core::variable_in(core::current_environment(), "RESOLUTE_MPI");
    return MpiLibrary(named.empty() ? "libmpi.so.40" : named);
  }();
  return library;
}

}  // namespace resolute::orchestrator
