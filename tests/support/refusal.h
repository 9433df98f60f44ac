#pragma once
//! \file
//! Errors that a call ends by, for tests of what they say: as values, and as a matcher of what must not succeed,
//!
//!     EXPECT_THAT([&] { writer.sync(); }, fails(core::ErrorKind::kEnvironment, HasSubstr("is gone")));

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"

namespace resolute::tests {

//! The RuntimeError that `call` throws; none where it returns.
template <class Call>
std::optional<core::RuntimeError> error_of(Call&& call) {
  try {
    call();
  } catch (const core::RuntimeError& error) {
    return error;
  }
  return std::nullopt;
}

//! The message of the RuntimeError that `call` throws, which must be of `kind` and one line; "" where it returns.
template <class Call>
std::string refusal(Call&& call, core::ErrorKind kind = core::ErrorKind::kInput) {
  const auto error = error_of(call);
  if (!error) return "";
  EXPECT_EQ(error->kind(), kind) << error->what();
  EXPECT_EQ(std::string_view(error->what()).find('\n'), std::string_view::npos) << error->what();
  return error->what();
}

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

//! `text` with `name` for each place where the path of a file stands.
inline std::string named(std::string text, const std::string& path, const std::string& name) {
  for (auto at = text.find(path); at != std::string::npos; at = text.find(path, at))
    text.replace(at, path.size(), name);
  return text;
}

}  // namespace resolute::tests
