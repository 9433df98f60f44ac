#pragma once
//! \file
//! A row on a data set as what its settings fill in, checked as it is written.

#include <optional>
#include <string>

#include "experiments/language/combination.h"

namespace resolute::experiments {

//! The method whose option "METHOD.NAME" is, one of ours or in Python; nothing for any other key.
std::optional<std::string> method_of_key(const std::string& key, const PythonMethods& in_python);

//! Members are in range and what they say of the suite holds; jobs' specifications are checked as they are made.
//! \throws RuntimeError (kInput) with the place of the key that is wrong
Draft checked_draft(const Combination& combination, const SuiteText& suite);

//! What the section of the draft's method says. \param in_python the suite's
//! \throws RuntimeError (kInput) with the place of the key that is wrong
MethodOptions method_options(const Combination& combination, const Draft& draft, const PythonMethods& in_python);

}  // namespace resolute::experiments
