// The stream between agent and spawner: whatever comes, each frame is a message or the stream is refused.
#include "orchestrator/agent/framing.h"

#include "tests/fuzz/targets.h"
#include "tests/orchestrator/support/messages.h"

namespace resolute::tests::framing_fuzzer {
namespace {

std::vector<std::string> framing_examples() {
  std::string stream;
  for (const orchestrator::Message& message : one_message_of_each_type()) orchestrator::append_frame(stream, message);
  return {stream};
}

}  // namespace

RESOLUTE_FUZZER(framing, .rounds = 200'000, .examples = framing_examples)(std::string_view bytes) {
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
