#pragma once
//! \file
//! Rows of made-up images, of which splits are made without a pack.

#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "core/hash/sha256.h"
#include "datasets/split/split.h"

namespace resolute::tests {

// Rows of made-up images: identity i is seen by cameras[i].
inline std::vector<datasets::PackRow> rows_of(const std::vector<std::vector<std::int64_t>>& cameras) {
  std::vector<datasets::PackRow> rows;
  for (std::size_t i = 0; i < cameras.size(); ++i)
    for (std::size_t j = 0; j < cameras[i].size(); ++j) {
      datasets::PackRow row;
      auto identity = static_cast<std::int64_t>(i) + 1;
      std::string subset = i % 2 == 0 ? "train" : "query";
      row.sample = {fmt::format("{:04}_c{}_{}.jpg", identity, cameras[i][j], j), identity, cameras[i][j], subset};
      row.native_height = 128;
      row.native_width = 64;
      row.source_sha256 = core::sha256_hex(row.sample.path);
      rows.push_back(row);
    }
  return rows;
}

// Any sightings at all, and a few identities that make the whole divisible.
inline std::vector<std::vector<std::int64_t>> random_cameras() {
  auto cameras = *rc::gen::container<std::vector<std::vector<std::int64_t>>>(
      *rc::gen::inRange<std::size_t>(0, 40),
      rc::gen::container<std::vector<std::int64_t>>(*rc::gen::inRange<std::size_t>(1, 8),
                                                    rc::gen::inRange<std::int64_t>(1, 4)));
  for (int i = 0; i < 6; ++i) cameras.push_back({1, 2, 3});
  return cameras;
}

inline datasets::Split split_of(const std::vector<datasets::PackRow>& rows, const datasets::SplitSettings& options) {
  return datasets::make_split(rows, "made-up", std::string(64, '0'), options);
}

inline std::vector<datasets::PackRow> regular_rows(std::size_t identities) {
  return rows_of(std::vector<std::vector<std::int64_t>>(identities, {1, 1, 2, 2}));
}

// The same as regular_rows(), but camera 2 stood far away: its images came at this rate.
inline std::vector<datasets::PackRow> genuine_rows(std::size_t identities, int rate) {
  auto rows = regular_rows(identities);
  for (datasets::PackRow& row : rows) row.sample.rate = row.sample.camera == 2 ? rate : 1;
  return rows;
}

}  // namespace resolute::tests
