#pragma once
//! \file
//! What an action that must not succeed ends in.
//!
//!     EXPECT_THAT([&] { writer.sync(); }, fails(core::ErrorKind::kEnvironment, HasSubstr("is gone")));

#include <gmock/gmock.h>

#include <string>

#include "core/error.h"

namespace resolute::tests {

//! Matches an action that throws a RuntimeError of this kind, whose message is, or is matched by, `message`.
inline auto fails(core::ErrorKind kind, const testing::Matcher<std::string>& message = testing::_) {
  return testing::Throws<core::RuntimeError>(
      testing::AllOf(testing::Property("kind", &core::RuntimeError::kind, kind),
                     testing::Property("what", &core::RuntimeError::what, message)));
}
//! The same of any kind.
inline auto fails(const testing::Matcher<std::string>& message) {
  return testing::Throws<core::RuntimeError>(testing::Property("what", &core::RuntimeError::what, message));
}

}  // namespace resolute::tests
