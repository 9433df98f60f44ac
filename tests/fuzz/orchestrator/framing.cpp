// The stream between agent and spawner: whatever comes, each frame is a message or the stream is refused.
#include "orchestrator/agent/framing.h"

#include "tests/fuzz/targets.h"

namespace resolute::tests::framing_fuzzer {

RESOLUTE_FUZZER(framing, .rounds = 200'000)(std::string_view bytes) {
  std::string buffer(bytes);
  return understood([&] {
    std::string again;
    std::size_t at = 0;
    while (const auto message = orchestrator::take_frame(buffer, at)) orchestrator::append_frame(again, *message);
    require(at <= buffer.size(), "it took more than there is");
    require(again == buffer.substr(0, at), "a frame is written otherwise than it was read");
  });
}

}  // namespace resolute::tests::framing_fuzzer
