#include "python/native/call.h"

#include <new>

namespace resolute::python {
namespace {

Status status_of(core::ErrorKind kind) {
  switch (kind) {
    case core::ErrorKind::kInput:
      return kInput;
    case core::ErrorKind::kCorrupt:
      return kCorrupt;
    case core::ErrorKind::kTransient:
      return kTransient;
    case core::ErrorKind::kEnvironment:
      return kEnvironment;
    case core::ErrorKind::kInterrupted:
      return kInterrupted;
  }
  return kOurFault;
}

}  // namespace

std::string& message() {
  thread_local std::string text;
  return text;
}

int status_of_exception() {
  try {
    throw;
  } catch (const core::RuntimeError& error) {
    message() = error.what();
    return status_of(error.kind());
  } catch (const std::bad_alloc&) {
    message() = "there is not enough memory";
    return kMemory;
  } catch (const std::exception& error) {
    message() = error.what();
    return kOurFault;
  }
}

}  // namespace resolute::python

const char* resolute_message() { return resolute::python::message().c_str(); }
