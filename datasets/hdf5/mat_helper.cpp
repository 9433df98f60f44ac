//! \file
//! resolute-mat: reads .mat files for another process (mat_file.h), which sends requests through the socket that is our
//! standard input. Not for people. Whatever the HDF5 library does with a file from outside, it does it here: this
//! process opens one file, no other, takes no more memory than its limit, and is killed by the other side when it takes
//! too long.

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "core/error.h"
#include "datasets/hdf5/mat_cells.h"
#include "datasets/hdf5/mat_values.h"

namespace resolute::datasets::hdf5 {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;  // they use terabytes of address space, and pipes to look at memory
#else
constexpr bool kSanitized = false;
#endif

constexpr rlim_t kMemory = rlim_t{1} << 30;  // the largest image four times: read, inflated, kept, sent
constexpr int kSocket = STDIN_FILENO;
constexpr int kFile = 3;  // the number that the .mat file gets, whichever it is
constexpr std::uint32_t kMaxRequestBytes = 65536;

// What a file from outside could make HDF5 do, taken away: no second file (links, raw data elsewhere, plug-ins), no
// memory without end, no core dumps.
void limit_ourselves() {
  for (int number = kFile; number < 1024; ++number) ::close(number);  // left open by libraries of the other process
  const rlimit files{kFile + 1, kFile + 1};
  const rlimit memory{kMemory, kMemory};
  const rlimit none{0, 0};
  if (!kSanitized) {
    ::setrlimit(RLIMIT_NOFILE, &files);
    ::setrlimit(RLIMIT_AS, &memory);
  }
  ::setrlimit(RLIMIT_CORE, &none);
  ::prctl(PR_SET_DUMPABLE, 0);
  H5PLset_loading_state(0);
}

// \return false when the other side has gone
bool receive(void* to, std::size_t size) {
  auto* at = static_cast<char*>(to);
  while (size > 0) {
    const ssize_t count = ::recv(kSocket, at, size, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    at += count;
    size -= static_cast<std::size_t>(count);
  }
  return true;
}

bool send(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(kSocket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

bool answer(std::uint8_t status, std::span<const std::byte> bytes) {
  core::Bytes header{static_cast<std::byte>(status)};
  core::append_little_endian(header, static_cast<std::uint64_t>(bytes.size()));
  return send(header) && send(bytes);
}

class Server {
 public:
  core::Bytes serve(const MatRequest& request) {
    if (cells_ == nullptr || request.file != file_) {
      cells_.reset();  // before the next one: there is one descriptor
      cells_ = std::make_unique<MatCells>(request.file);
      file_ = request.file;
    }
    switch (request.what) {
      case MatRequest::What::kTables:
        return encode(cells_->tables(request.variable));
      case MatRequest::What::kSizes:
        return encode(cells_->sizes(request.variable, request.table, request.first, request.count));
      case MatRequest::What::kImage:
        return encode(cells_->image(request.variable, request.table, request.first));
      case MatRequest::What::kMatrices:
        return encode(cells_->matrices(request.variable));
    }
    throw core::ContractError("unknown request");
  }

 private:
  std::unique_ptr<MatCells> cells_;
  std::string file_;
};

bool refuse(core::ErrorKind kind, std::string_view text) {
  return answer(static_cast<std::uint8_t>(AnswerHeader::kRefused + static_cast<std::uint8_t>(kind)),
                core::as_byte_span(text.substr(0, kMaxRefusalBytes)));
}

// Requests until there are no more. \return false when the other side has gone or what it says makes no sense
bool serve_one(Server& server) {
  std::uint32_t size = 0;
  if (!receive(&size, sizeof size) || size > kMaxRequestBytes) return false;
  core::Bytes bytes(size);
  if (!receive(bytes.data(), size)) return false;
  core::Bytes done;
  try {
    done = server.serve(decode_request(bytes));
  } catch (const core::RuntimeError& error) {
    return refuse(error.kind(), error.what());
  } catch (const std::bad_alloc&) {
    return refuse(core::ErrorKind::kInput, "it needs too much memory");
  }
  return answer(AnswerHeader::kDone, done);
}

}  // namespace
}  // namespace resolute::datasets::hdf5

int main() {
  using namespace resolute::datasets::hdf5;
  try {
    limit_ourselves();
    Server server;
    while (serve_one(server)) {
    }
  } catch (const std::exception&) {
    ::_exit(1);
  }
  ::_exit(0);  // no closing of what a file from outside has left in the library
}
