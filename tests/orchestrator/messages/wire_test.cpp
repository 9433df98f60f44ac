#include "orchestrator/messages/wire.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/hash/sha256.h"
#include "core/random/random.h"
#include "tests/orchestrator/support/messages.h"
#include "tests/support/equal.h"
#include "tests/support/refusal.h"

namespace resolute::tests::wire_test {
namespace {

using namespace orchestrator;

TEST(Wire, every_message_comes_back_as_it_went) {
  EXPECT_EQ(one_message_of_each_type().size(), std::variant_size_v<Message>);
  for (const Message& message : one_message_of_each_type())
    EXPECT_EQ(decode(encode(message)), message) << message.index();
}

TEST(Wire, bytes_are_those_of_version_7) {
  std::string bytes;
  for (const Message& message : one_message_of_each_type()) bytes += encode(message);
  EXPECT_EQ(core::sha256_hex(bytes), "88acc8397f4b70a719a4efd727500599c0c720273ea6895ead9c9db6ae17b4f4");
}

TEST(Wire, names_the_member_that_is_out_of_range) {
  RankCommand bound;
  bound.arguments = {"worker"};
  bound.processors = {0, 65'536};
  for (const auto& [bad, why] : {std::pair(encode(Join{"host", kMostSlots + 1, 0, 0, ""}), "slots is 100001"),
                                 std::pair(encode(RankStarted{{kAttemptKey.job, -1}, 0}), "attempt is -1"),
                                 std::pair(encode(Launch{kAttemptKey, {bound}}), "processors is 65536"),
                                 std::pair(encode(RankEnded{kAttemptKey, 0, 0, 0, "", false, -1}), "peak_mib is -1"),
                                 std::pair(encode(RankEnded{kAttemptKey, 0, 256, 0, ""}), "code is 256"),
                                 std::pair(encode(RankEnded{kAttemptKey, 0, 0, -1, ""}), "signal is -1"),
                                 std::pair(encode(Shutdown{true, 256}), "exit_code is 256")})
    EXPECT_THAT([&bytes = bad] { decode(bytes); }, tests::fails(testing::HasSubstr(why))) << why;
}

TEST(Wire, refuses_what_it_does_not_write) {
  const std::string good = encode(Kill{kAttemptKey, 10});
  EXPECT_THROW(encode(ProgressLine{kAttemptKey, std::string(kMaxMessage, 'x')}), core::RuntimeError);
  for (const std::string& bad :
       {std::string(), std::string("abc"), good + "x", std::string(kMaxMessage + 1, ' '), encode(Kill{{"short", 1}, 0}),
        encode(Kill{{kAttemptKey.job, 0}, 0}), encode(Kill{kAttemptKey, -1}), encode(Join{"host", 0, 0, 0, ""}),
        encode(Join{"host", 4, -1, 0, ""}), encode(Join{"host", 4, 0, -1, ""}), encode(Prepared{kAttemptKey, 65536}),
        encode(Launch{kAttemptKey, {RankCommand{}}})}) {
    EXPECT_THROW(decode(bad), core::RuntimeError) << bad.substr(0, 100);
  }
  for (const Message& message : one_message_of_each_type()) {
    const std::string whole = encode(message);
    for (std::size_t length = 0; length < whole.size(); ++length)
      EXPECT_THROW(decode(whole.substr(0, length)), core::RuntimeError) << message.index() << " " << length;
  }
  for (char type : {'\x00', '\x0e', '\xff'}) {
    std::string other = good;
    other[4] = type;
    EXPECT_THROW(decode(other), core::RuntimeError);
  }
  std::string newer = good;
  newer[0] = kWireVersion + 1;
  EXPECT_THROW(decode(newer), core::RuntimeError);
}

TEST(Wire, a_count_of_elements_that_are_not_there_takes_no_memory) {
  std::string bytes = encode(Launch{kAttemptKey, {}});
  for (std::size_t i = bytes.size() - 4; i < bytes.size(); ++i) bytes[i] = '\xff';
  EXPECT_THROW(decode(bytes), core::RuntimeError);
}

TEST(Wire, random_damage_is_refused_or_a_message) {
  core::RandomStream random("wire damage", {1});
  for (const Message& message : one_message_of_each_type()) {
    for (int i = 0; i < 300; ++i) {
      std::string bytes = encode(message);
      for (std::uint64_t n = 1 + random.below(3); n > 0; --n)
        bytes[random.below(bytes.size())] = static_cast<char>(random.below(256));
      refusal([&] { decode(bytes); });
    }
  }
}

TEST(Wire, worker_output_that_is_not_utf8_still_travels) {
  const Message back = decode(encode(RankEnded{kAttemptKey, 0, 1, 0, "bad \xff byte", false}));
  EXPECT_EQ(std::get<RankEnded>(back).evidence, "bad \xef\xbf\xbd byte");
}

}  // namespace
}  // namespace resolute::tests::wire_test
