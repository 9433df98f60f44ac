// The stream between agent and spawner: whatever comes, each frame is a message or the stream is refused.
#include "orchestrator/agent/framing.h"

#include "tests/fuzz/targets.h"

RESOLUTE_FUZZER(framing)(const std::uint8_t* data, std::size_t size) {
  using namespace resolute;
  std::string buffer(reinterpret_cast<const char*>(data), size);
  return tests::understood([&] {
    std::string again;
    std::size_t at = 0;
    while (const auto message = orchestrator::take_frame(buffer, at)) orchestrator::append_frame(again, *message);
    tests::require(at <= buffer.size(), "it took more than there is");
    tests::require(again == buffer.substr(0, at), "a frame is written otherwise than it was read");
  });
}
