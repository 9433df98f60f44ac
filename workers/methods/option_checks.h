#pragma once
//! \file
//! Checks that several methods make of their options. experiments::validate() refuses the same with the suite's names;
//! a method does not count on having been reached through it.

#include <initializer_list>
#include <string>

namespace resolute::workers {

//! \throws RuntimeError (kInput) unless `value` is one of `choices`
void check_choice(const char* key, const std::string& value, std::initializer_list<const char*> choices);

//! \throws RuntimeError (kInput) for a weight that is negative or not finite
void check_loss_weights(std::initializer_list<double> weights);

}  // namespace resolute::workers
