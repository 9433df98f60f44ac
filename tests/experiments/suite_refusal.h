#pragma once
//! \file
//! A good suite, and the one line that refuses what a test makes of it.

#include <gtest/gtest.h>

#include "experiments/suite.h"
#include "tests/support/folders.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace resolute::experiments {

// Line numbers below count from this text's first line.
inline constexpr const char* kGood = R"(suite = "good"
title = "Good"

[defaults]
method = "rain"
trials = 1
lanes = 2
ranks = 2
[defaults.train]
steps = 10
identities = 8
[defaults.rain]
levels = [4, 5]

[profiles.paper]
weights = "imagenet"

[[dataset]]
id = "easy"
source = "synthetic"
identities = 64
rates = [2, 3, 4]

[[table]]
id = "t"
title = "T"
metrics = ["rank1", "mAP"]
datasets = ["easy"]
[[table.row]]
id = "r"
label = "R"
train.pad = 4
[[table.row]]
id = "no-{loss}"
label = "without {loss}"
grid = { loss = ["triplet", "classification"] }
set = { "rain.{loss}" = false }
reference = { paper = "rain", table = "table3", method = "rain", variant = "full", dataset = "mlr-cuhk03" }
)";

inline std::string message_for(const std::string& text, SuiteOptions options = {}) {
  core::FileSystem& files = core::real_file_system();
  const tests::TemporaryFolder folder;
  const auto file = folder / "s.toml";
  core::write_atomic(files, file, text);
  if (options.reference_file.empty())
    options.reference_file = tests::source_folder() / "experiments/reference/papers.toml";
  options.store = folder.path();
  return tests::named(tests::refusal([&] { read_suite(files, file, options); }), file.string(), "s.toml");
}

//! The good suite with one piece of text replaced by another.
inline std::string with(const std::string& from, const std::string& to, SuiteOptions options = {}) {
  std::string text = kGood;
  const auto at = text.find(from);
  EXPECT_NE(std::string::npos, at) << from;
  return message_for(text.replace(at, from.size(), to), std::move(options));
}

}  // namespace resolute::experiments
