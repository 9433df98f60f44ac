// Messages between coordinator and agents: refused, or a message that is written as it came.
#include "orchestrator/messages/wire.h"

#include "tests/fuzz/targets.h"
#include "tests/orchestrator/support/messages.h"

namespace resolute::tests::wire_fuzzer {
namespace {

std::vector<std::string> wire_examples() {
  std::vector<std::string> examples;
  for (const orchestrator::Message& message : one_message_of_each_type())
    examples.push_back(orchestrator::encode(message));
  return examples;
}

}  // namespace

RESOLUTE_FUZZER(wire, .rounds = 400'000, .examples = wire_examples)(std::string_view bytes) {
  return understood([&] {
    const orchestrator::Message message = orchestrator::decode(bytes);
    require(orchestrator::encode(message) == bytes, "a message is written otherwise than it was read");
  });
}

}  // namespace resolute::tests::wire_fuzzer
