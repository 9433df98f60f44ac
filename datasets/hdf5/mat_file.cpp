#include "datasets/hdf5/mat_file.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <variant>

#include "core/clock.h"
#include "core/error.h"
#include "datasets/sources/listing.h"

namespace resolute::datasets::hdf5 {
namespace {

namespace fs = std::filesystem;

// What comes of a question besides an answer.
struct Died {
  core::ExitStatus status;
};
struct Hung {};
struct Nonsense {};
struct Refused {
  core::ErrorKind kind;
  std::string text;
};
using Outcome = std::variant<core::Bytes, Refused, Died, Hung, Nonsense>;

fs::path program_beside_this() {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  if (error) throw core::system_error("cannot find this program's own file", error.value());
  return self.parent_path() / "resolute-mat";
}

core::ErrorKind kind_of(std::uint8_t status) {
  // An error of the file is the file's, whatever the other side calls it; the system's errors stay what they are.
  const auto kind = static_cast<core::ErrorKind>(status - AnswerHeader::kRefused);
  const bool of_system = kind == core::ErrorKind::kTransient || kind == core::ErrorKind::kEnvironment;
  return of_system ? kind : core::ErrorKind::kInput;
}

core::RuntimeError fell_over(const fs::path& file, std::string_view how) {
  return core::input_error(fmt::format("'{}' cannot be read", file.string()),
                           fmt::format("the HDF5 library fell over it: {}", how), "fetch it again");
}

}  // namespace

// One process. Used by one thread at a time.
class MatHelpers::Helper {
 public:
  explicit Helper(const fs::path& program) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
      throw core::system_error("cannot make a pair of sockets", errno);
    socket_ = core::FileDescriptor(ends[0]);
    const core::FileDescriptor theirs(ends[1]);
    core::SpawnRequest request;
    request.arguments = {program.string()};
    request.environment = core::current_environment();
    request.descriptors = {{STDIN_FILENO, theirs.get()}};
    process_ = core::spawn_process(request);
  }
  ~Helper() { end(); }
  Helper(const Helper&) = delete;
  Helper& operator=(const Helper&) = delete;
  pid_t process() const { return process_; }

  Outcome ask(const MatRequest& request, std::chrono::milliseconds limit) {
    deadline_ = core::monotonic_clock().now() + limit;
    const core::Bytes body = encode(request);
    core::Bytes question;
    core::append_little_endian(question, static_cast<std::uint32_t>(body.size()));
    core::append_bytes(question, body);
    // Small beside a socket's buffer; a helper that was stopped still takes it.
    if (::send(socket_.get(), question.data(), question.size(), MSG_NOSIGNAL) != std::ssize(question)) return end();
    core::Bytes header(kAnswerHeaderBytes);
    if (const auto failed = receive(header)) return *failed;
    core::ByteReader reader(header, "an answer's header");
    const auto status = reader.take<std::uint8_t>();
    const auto size = reader.take<std::uint64_t>();
    const bool done = status == AnswerHeader::kDone;
    const bool refused = status >= AnswerHeader::kRefused &&
                         status <= AnswerHeader::kRefused + static_cast<int>(core::ErrorKind::kInterrupted);
    if (!(done || refused) || size > (done ? max_answer_bytes(request) : kMaxRefusalBytes)) return Nonsense{};
    core::Bytes bytes(static_cast<std::size_t>(size));
    if (const auto failed = receive(bytes)) return *failed;
    if (refused) return Refused{kind_of(status), std::string(core::as_text(bytes))};
    return bytes;
  }

 private:
  // Nothing if all of `to` was filled.
  std::optional<Outcome> receive(std::span<std::byte> to) {
    while (!to.empty()) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - core::monotonic_clock().now());
      pollfd polled{socket_.get(), POLLIN, 0};
      const int ready =
          left.count() <= 0 ? 0 : ::poll(&polled, 1, static_cast<int>(std::min<long>(left.count(), 3'600'000)));
      if (ready < 0 && errno != EINTR) throw core::system_error("cannot wait for resolute-mat", errno);
      if (ready == 0 && left.count() <= 0) return Hung{};
      if (ready <= 0) continue;
      const ssize_t count = ::recv(socket_.get(), to.data(), to.size(), MSG_DONTWAIT);
      if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (count <= 0) return end();
      to = to.subspan(static_cast<std::size_t>(count));
    }
    return std::nullopt;
  }

  // Kills and reaps it, dead or not.
  Died end() {
    socket_.reset();
    int word = 0;
    if (process_ > 0) {
      ::kill(process_, SIGKILL);
      while (::waitpid(process_, &word, 0) < 0 && errno == EINTR) {
      }
    }
    process_ = -1;
    return {core::to_exit_status(word)};
  }

  core::FileDescriptor socket_;
  pid_t process_ = -1;
  core::MonotonicTime deadline_{};
};

MatHelpers::MatHelpers(MatHelperSettings settings) : settings_(std::move(settings)) {}

MatHelpers::~MatHelpers() = default;

std::unique_ptr<MatHelpers::Helper> MatHelpers::start() const {
  const fs::path program = settings_.program.empty() ? program_beside_this() : settings_.program;
  if (::access(program.c_str(), X_OK) != 0)
    throw core::RuntimeError(
        core::ErrorKind::kEnvironment, fmt::format("program '{}' cannot be executed", program.string()),
        ".mat files are read by it, and it belongs beside this one", "install all programs of resolute");
  return std::make_unique<Helper>(program);
}

std::vector<pid_t> MatHelpers::idle() const {
  const std::lock_guard guard(lock_);
  std::vector<pid_t> processes;
  for (const auto& helper : idle_) processes.push_back(helper->process());
  return processes;
}

std::unique_ptr<MatHelpers::Helper> MatHelpers::take_idle() {
  const std::lock_guard guard(lock_);
  if (idle_.empty()) return nullptr;
  std::unique_ptr<Helper> helper = std::move(idle_.back());
  idle_.pop_back();
  return helper;
}

core::Bytes MatHelpers::ask(const MatRequest& request) {
  const auto limit = request.what == MatRequest::What::kImage ? settings_.image_limit : settings_.listing_limit;
  std::unique_ptr<Helper> helper;
  Outcome outcome = Died{};
  // An idle one may be dead already, since Linux ends it with the thread that started it; that says nothing of the
  // file.
  while (std::holds_alternative<Died>(outcome) && (helper = take_idle()) != nullptr)
    outcome = helper->ask(request, limit);
  for (int attempt = 0; attempt < 2 && std::holds_alternative<Died>(outcome); ++attempt) {
    helper = start();
    outcome = helper->ask(request, limit);
  }
  if (const auto* died = std::get_if<Died>(&outcome)) throw fell_over(request.file, core::describe(died->status));
  if (std::holds_alternative<Hung>(outcome))
    throw fell_over(request.file, fmt::format("no answer within {} s", std::chrono::duration<double>(limit).count()));
  if (std::holds_alternative<Nonsense>(outcome)) throw fell_over(request.file, "its answer makes no sense");
  {
    const std::lock_guard guard(lock_);
    idle_.push_back(std::move(helper));
  }
  if (const auto* refused = std::get_if<Refused>(&outcome)) {
    const std::string why = sources::printable(refused->text);
    const bool of_file = refused->kind == core::ErrorKind::kInput;
    throw core::RuntimeError(refused->kind, fmt::format("'{}' cannot be read: {}", request.file, why), {},
                             of_file ? "fetch it again" : "");
  }
  return std::move(std::get<core::Bytes>(outcome));
}

MatFile::MatFile(fs::path path, std::shared_ptr<MatHelpers> helpers)
    : path_(fs::absolute(path)), helpers_(std::move(helpers)) {}

template <class Decode>
auto MatFile::ask(const MatRequest& request, const Decode& decode) const {
  const core::Bytes bytes = helpers_->ask(request);
  try {
    return decode(bytes);
  } catch (const core::RuntimeError&) {
    throw fell_over(path_, "its answer makes no sense");
  }
}

std::vector<CellTable> MatFile::tables(const std::string& variable) const {
  return ask({MatRequest::What::kTables, path_.string(), variable}, decode_tables);
}

std::vector<CellSize> MatFile::sizes(const std::string& variable, std::uint32_t table, std::uint32_t first,
                                     std::uint32_t count) const {
  RESOLUTE_EXPECT(count <= kMaxCellsAtOnce, "more cells than may be asked for at once");
  return ask({MatRequest::What::kSizes, path_.string(), variable, table, first, count},
             [&](std::span<const std::byte> bytes) { return decode_sizes(bytes, count); });
}

CellImage MatFile::image(const std::string& variable, std::uint32_t table, std::uint32_t cell) const {
  return ask({MatRequest::What::kImage, path_.string(), variable, table, cell}, decode_cell_image);
}

std::vector<CellMatrix> MatFile::matrices(const std::string& variable) const {
  return ask({MatRequest::What::kMatrices, path_.string(), variable}, decode_matrices);
}

}  // namespace resolute::datasets::hdf5
