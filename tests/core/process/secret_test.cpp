#include "core/process/secret.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/hash/sha256.h"

namespace resolute::core::secret_test {
namespace {

// RFC 4231, test cases 1, 2 and 6 (a key longer than a block).
TEST(Secret, hmac_is_that_of_the_standard) {
  EXPECT_EQ("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            to_hex(hmac_sha256(std::string(20, '\x0b'), "Hi There")));
  EXPECT_EQ("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            to_hex(hmac_sha256("Jefe", "what do ya want for nothing?")));
  EXPECT_EQ("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            to_hex(hmac_sha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First")));
}

TEST(Secret, texts_are_the_same_only_if_every_byte_is) {
  EXPECT_TRUE(same_secret("", ""));
  EXPECT_TRUE(same_secret("abc", "abc"));
  EXPECT_FALSE(same_secret("abc", "abd"));
  EXPECT_FALSE(same_secret("abc", "ab"));
}

TEST(Secret, a_pipe_hands_it_on_once) {
  for (const std::string& secret : {std::string("s"), random_token(32), std::string(4096, 'x')})
    EXPECT_EQ(secret, read_secret(secret_pipe(secret).release()));
  EXPECT_THROW(read_secret(secret_pipe("").release()), RuntimeError);
  EXPECT_THROW(read_secret(-1), RuntimeError);
  EXPECT_THROW(read_secret(1'000'000), RuntimeError);
}

TEST(Secret, tokens_have_the_length_that_was_asked_for_and_differ) {
  EXPECT_EQ(64U, random_token(32).size());
  EXPECT_NE(random_token(16), random_token(16));
}

}  // namespace
}  // namespace resolute::core::secret_test
