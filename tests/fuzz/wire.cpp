// Messages between coordinator and agents: refused, or a message that is written as it came.
#include "orchestrator/messages/wire.h"

#include "tests/fuzz/targets.h"

RESOLUTE_FUZZER(wire)(const std::uint8_t* data, std::size_t size) {
  using namespace resolute;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  return tests::understood([&] {
    const orchestrator::Message message = orchestrator::decode(bytes);
    tests::require(orchestrator::encode(message) == bytes, "a message is written otherwise than it was read");
  });
}
