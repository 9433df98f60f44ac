//! \file
//! Another user on the node during a training on two ranks: what there is to be read, and to be connected to.

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <set>
#include <sstream>

#include "tests/workers/trainer/worker_fixture.h"

namespace resolute::workers::strangers_test {
namespace {

using namespace std::chrono_literals;

constexpr uid_t kNobody = 65534;

class StrangersTest : public WorkerTest {
 protected:
  // Runs `look` as another user, in a process of its own. \return what it says
  static std::string as_nobody(const std::function<std::string()>& look) {
    core::Pipe pipe = core::make_pipe();
    const pid_t child = ::fork();
    if (child == 0) {
      std::string said = "cannot become another user";
      if (::setgid(kNobody) == 0 && ::setuid(kNobody) == 0) said = look();
      [[maybe_unused]] const ssize_t ignored = ::write(pipe.write_end.get(), said.data(), said.size());
      ::_exit(0);
    }
    pipe.write_end.reset();
    std::string said;
    char block[4096];
    for (ssize_t count = 0; (count = ::read(pipe.read_end.get(), block, sizeof block)) > 0;)
      said.append(block, static_cast<std::size_t>(count));
    ::waitpid(child, nullptr, 0);
    return said;
  }
  static std::string file(const std::string& path) {
    std::ifstream in(path);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }
  // Where a process listens: its sockets' lines in /proc/net/tcp, "ADDRESS:PORT" in hexadecimal.
  static std::vector<std::string> listening(pid_t process) {
    std::set<std::string> sockets;
    for (const auto& entry : fs::directory_iterator(fmt::format("/proc/{}/fd", process))) {
      std::error_code gone;
      sockets.insert(fs::read_symlink(entry.path(), gone).string());
    }
    std::vector<std::string> found;
    std::istringstream table(file("/proc/net/tcp"));
    for (std::string line; std::getline(table, line);) {
      std::istringstream fields(line);
      std::string number, local, remote, state, queues, timer, retransmits, user, timeout, inode;
      fields >> number >> local >> remote >> state >> queues >> timer >> retransmits >> user >> timeout >> inode;
      if (state == "0A" && sockets.contains("socket:[" + inode + "]")) found.push_back(local);
    }
    return found;
  }
  static std::size_t descriptors(pid_t process) {
    const fs::directory_iterator all(fmt::format("/proc/{}/fd", process));
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }
  // "connected" or why not, within `limit`.
  static std::string try_to_connect(unsigned port, std::chrono::milliseconds limit) {
    const core::FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval wait{limit.count() / 1000, limit.count() % 1000 * 1000};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool connected = ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    return connected ? "connected" : std::strerror(errno);
  }
};

TEST_F(StrangersTest, read_no_secret_and_find_no_open_door) {
  if (::getuid() != 0) GTEST_SKIP() << "only root can become another user";
  const fs::path folder = store("strangers");
  auto training = small_training(experiments::BaselineOptions{});
  training.recipe.steps = 1'000'000;
  Attempt attempt(folder, write_specification(folder, training), 2);
  attempt.wait_for_checkpoint();
  for (std::size_t rank = 0; rank < 2; ++rank) {
    const std::string process = fmt::format("/proc/{}", attempt.process(rank));
    EXPECT_NE("", file(process + "/environ"));
    EXPECT_EQ(std::string::npos, file(process + "/environ").find(attempt.secret()));
    EXPECT_EQ("--secret-fd", as_nobody([&]() -> std::string {
                const std::string line = file(process + "/cmdline");
                if (line.find(attempt.secret()) != std::string::npos) return "the secret itself";
                return line.find("--secret-fd") == std::string::npos ? "" : "--secret-fd";
              }));
    for (const char* what : {"/environ", "/fd", "/mem", "/maps"})
      EXPECT_EQ("Permission denied", as_nobody([&]() -> std::string {
                  const core::FileDescriptor opened(::open((process + what).c_str(), O_RDONLY | O_CLOEXEC));
                  return opened.valid() ? "readable" : std::strerror(errno);
                }))
          << what;

    // What is left of those that listened is Gloo's own, on the loopback, and takes no one.
    const std::vector<std::string> doors = listening(attempt.process(rank));
    ASSERT_EQ(1U, doors.size());
    EXPECT_EQ("0100007F:", doors[0].substr(0, 9));
    const auto port = static_cast<unsigned>(std::stoul(doors[0].substr(9), nullptr, 16));
    const std::size_t before = descriptors(attempt.process(rank));
    EXPECT_NE("connected", as_nobody([&] { return try_to_connect(port, 500ms); }));
    EXPECT_EQ(before, descriptors(attempt.process(rank)));
  }
  EXPECT_NE("", attempt.wait_for_progress("checkpoint")) << "the training goes on";
  attempt.signal(0, SIGTERM);
  EXPECT_EQ(std::vector<std::string>(2, "exit code 75"), attempt.wait_codes());
}

}  // namespace
}  // namespace resolute::workers::strangers_test
