// Messages between coordinator and agents: refused, or a message that is written as it came.
#include "orchestrator/messages/wire.h"

#include "tests/fuzz/targets.h"

namespace resolute::tests::wire_fuzzer {

RESOLUTE_FUZZER(wire, .rounds = 400'000)(std::string_view bytes) {
  return understood([&] {
    const orchestrator::Message message = orchestrator::decode(bytes);
    require(orchestrator::encode(message) == bytes, "a message is written otherwise than it was read");
  });
}

}  // namespace resolute::tests::wire_fuzzer
