#include "datasets/hdf5/library.h"

#include <cctype>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace resolute::datasets::hdf5 {
namespace {

std::recursive_mutex& library_mutex() {
  static std::recursive_mutex mutex;
  return mutex;
}

herr_t collect_description(unsigned, const H5E_error2_t* error, void* to) {
  if (error->desc == nullptr) return 0;
  try {
    static_cast<std::vector<std::string>*>(to)->emplace_back(error->desc);
  } catch (...) {
    return -1;
  }
  return 0;
}

// The library quotes a failed system call as "…, errno = 28, error message = 'No space left on device', …".
int find_errno(std::string_view text) {
  constexpr std::string_view kMark = "errno = ";
  auto at = text.find(kMark);
  return at == std::string_view::npos ? 0 : std::atoi(std::string(text.substr(at + kMark.size(), 8)).c_str());
}

std::string one_line(std::string text) {
  for (char& c : text)
    if (std::iscntrl(static_cast<unsigned char>(c)) != 0) c = ' ';
  if (text.size() > 160) text = text.substr(0, 157) + "...";
  return text;
}

}  // namespace

LibraryLock::LibraryLock() : lock_(library_mutex()) {
  static const bool started = [] {
    H5dont_atexit();
    // A data file names filters, and the library would run what a variable of the environment has it find for them.
    return H5open() >= 0 && H5PLset_loading_state(0) >= 0;
  }();
  if (!started) throw core::RuntimeError(core::ErrorKind::kEnvironment, "the HDF5 library does not start");
  // The error stack and its printer belong to a thread.
  thread_local const bool quiet = H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr) >= 0;
  if (!quiet) throw core::RuntimeError(core::ErrorKind::kEnvironment, "the HDF5 library does not start");
}

void throw_error(const Context& context) {
  std::vector<std::string> descriptions;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, collect_description, &descriptions);
  H5Eclear2(H5E_DEFAULT);
  for (const auto& text : descriptions)
    if (int error = find_errno(text); error != 0) throw core::system_error(context.problem, error);
  // Upward: the first record is the innermost cause, the last what was asked for.
  std::string why;
  if (!descriptions.empty()) why = one_line(descriptions.front());
  if (descriptions.size() > 1 && descriptions.back() != descriptions.front())
    why = one_line(descriptions.back()) + ": " + why;
  throw core::RuntimeError(context.kind, context.problem, why.empty() ? "HDF5 gives no reason" : "HDF5: " + why);
}

Handle file_access(const Context& context) {
  Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, context);
  // Many processes read one pack, some over NFS without a lock service.
  check(H5Pset_file_locking(access.get(), 0, 1), context);
  check(H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG), context);
  return access;
}

}  // namespace resolute::datasets::hdf5
