#include "orchestrator/wire.h"

#include <gtest/gtest.h>

#include "core/random.h"

namespace resolute::tests {
namespace {

using namespace orchestrator;

const AttemptKey kKey{std::string(64, 'c'), 3};

std::vector<Message> one_of_each() {
  return {Join{"node-1", 4},
          Heartbeat{},
          Prepared{kKey, 40000, ""},
          RankStarted{kKey, 1},
          ProgressLine{kKey, R"({"step": 40})"},
          RankEnded{kKey, 1, 0, 9, "last words"},
          Leave{"why"},
          HeartbeatAnswer{},
          Prepare{kKey, true},
          Launch{kKey, {{0, {"worker", "run", "--flag with blank"}, "/a/stdout", "/a/stderr", true, true}}},
          Kill{kKey, 30'000},
          Rejoin{},
          Shutdown{false, 75}};
}

TEST(Wire, every_message_comes_back_as_it_went) {
  EXPECT_EQ(one_of_each().size(), std::variant_size_v<Message>);
  for (const Message& message : one_of_each()) EXPECT_EQ(decode(encode(message)), message) << message.index();
}

TEST(Wire, refuses_what_it_does_not_write) {
  const std::string good = encode(Kill{kKey, 10});
  const std::string envelope = good.substr(0, 8);
  for (std::string bad : {std::string(), std::string("abc"), good + "x", good.substr(0, good.size() - 1),
                          envelope + R"({"job":"short","attempt":1,"grace_ms":0})",
                          envelope + R"({"job":")" + kKey.job + R"(","attempt":0,"grace_ms":0})",
                          envelope + R"({"job":")" + kKey.job + R"(","attempt":1,"grace_ms":-1})",
                          envelope + R"({"job":")" + kKey.job + R"(","attempt":1,"grace_ms":0,"more":1})",
                          envelope + R"({"job":")" + kKey.job + R"(","attempt":99999999999,"grace_ms":0})",
                          std::string(kMaxMessage + 1, ' ')}) {
    EXPECT_THROW(decode(bad), core::RuntimeError) << bad.substr(0, 100);
  }
  for (char type : {'\x00', '\x0e', '\xff'}) {
    std::string other = good;
    other[4] = type;
    EXPECT_THROW(decode(other), core::RuntimeError);
  }
  std::string newer = good;
  newer[0] = 2;
  EXPECT_THROW(decode(newer), core::RuntimeError);
  EXPECT_THROW(encode(ProgressLine{kKey, std::string(kMaxMessage, 'x')}), core::RuntimeError);
}

TEST(Wire, random_damage_is_refused_or_a_message) {
  core::RandomStream random("wire damage", {1});
  for (const Message& message : one_of_each()) {
    for (int i = 0; i < 300; ++i) {
      std::string bytes = encode(message);
      for (std::uint64_t n = 1 + random.below(3); n > 0; --n)
        bytes[random.below(bytes.size())] = static_cast<char>(random.below(256));
      try {
        decode(bytes);
      } catch (const core::RuntimeError& error) {
        EXPECT_EQ(error.kind(), core::ErrorKind::kInput);
      }
    }
  }
}

TEST(Wire, worker_output_that_is_not_utf8_still_travels) {
  const Message back = decode(encode(RankEnded{kKey, 0, 1, 0, "bad \xff byte"}));
  EXPECT_EQ(std::get<RankEnded>(back).evidence, "bad \xef\xbf\xbd byte");
}

}  // namespace
}  // namespace resolute::tests
