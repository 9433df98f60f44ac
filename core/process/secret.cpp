#include "core/process/secret.h"

#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "core/error.h"
#include "core/hash/sha256.h"

namespace resolute::core {
namespace {

// A pipe holds as much without a reader.
constexpr std::size_t kLongestSecret = 4096;

}  // namespace

Bytes random_bytes(std::size_t wanted) {
  Bytes random(wanted);
  std::size_t filled = 0;
  while (filled < random.size()) {
    const ssize_t count = ::getrandom(random.data() + filled, random.size() - filled, 0);
    if (count > 0) filled += static_cast<std::size_t>(count);
    if (count < 0 && errno != EINTR) throw system_error("cannot get random bytes", errno);
  }
  return random;
}

std::string random_token(std::size_t bytes) { return to_hex(random_bytes(bytes)); }

FileDescriptor secret_pipe(std::string_view secret) {
  RESOLUTE_EXPECT(secret.size() <= kLongestSecret, "a pipe without a reader holds no more");
  Pipe pipe = make_pipe();
  if (::write(pipe.write_end.get(), secret.data(), secret.size()) != static_cast<ssize_t>(secret.size()))
    throw system_error("cannot hand on a secret", errno);
  return std::move(pipe.read_end);
}

std::string read_secret(int descriptor) {
  const FileDescriptor own(descriptor);
  std::string secret;
  std::array<char, kLongestSecret> block;
  while (secret.size() <= kLongestSecret) {
    const ssize_t count = ::read(descriptor, block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw input_error(fmt::format("no secret can be read from descriptor {}", descriptor));
    if (count == 0) break;
    secret.append(block.data(), static_cast<std::size_t>(count));
  }
  if (secret.empty() || secret.size() > kLongestSecret)
    throw input_error(fmt::format("descriptor {} holds no secret", descriptor), "a secret has 1 to 4096 bytes");
  return secret;
}

}  // namespace resolute::core
