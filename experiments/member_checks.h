#pragma once
//! \file
//! Ranges of a specification's members, told by the key that a suite spells them with. Each throws MemberError
//! (validation.h) for a value outside.

#include <cstdint>
#include <string>
#include <vector>

namespace resolute::experiments {

//! The largest rate at which an image is made low-resolution.
inline constexpr int kLargestRate = 16;

//! "[4, 3]"
std::string text_of(const std::vector<int>& values);

//! low ≤ value ≤ high.
void check_range(const std::string& key, std::int64_t value, std::int64_t low, std::int64_t high);
//! low ≤ value ≤ high, and no NaN.
void check_real(const std::string& key, double value, double low, double high);
//! 0 < value ≤ high, and no NaN.
void check_positive(const std::string& key, double value, double high);
//! Each low to high, each above the one before; may be empty.
void check_ascending(const std::string& key, const std::vector<int>& values, int low, int high);

}  // namespace resolute::experiments
