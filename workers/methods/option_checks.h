#pragma once
//! \file
//! Checks that several methods make of their options. experiments::validate() refuses the same with the suite's names;
//! a method does not count on having been reached through it.

#include <cstddef>
#include <initializer_list>
#include <string>
#include <vector>

namespace resolute::workers {

//! \throws RuntimeError (kInput) unless `value` is one of `choices`
void check_choice(const char* key, const std::string& value, std::initializer_list<const char*> choices);

//! \throws RuntimeError (kInput) for a weight that is negative or not finite
void check_loss_weights(std::initializer_list<double> weights);

//! \throws RuntimeError (kInput) for a value that is not positive or not finite
void check_positive(const char* key, double value);

//! Whether there are `least` to `most` rates, each below the one before, the last 1.
bool descend_to_one(const std::vector<int>& rates, std::size_t least, std::size_t most);

}  // namespace resolute::workers
