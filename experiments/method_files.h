#pragma once
//! \file
//! The [[method]]s of a suite: files in Python, whose options a child process reads without running them. Part of
//! suite.h.

#include <map>
#include <string>
#include <vector>

#include "experiments/include.h"
#include "experiments/specification/python_method.h"

namespace resolute::experiments {

//! The Python that has the package `resolute`: $RESOLUTE_PYTHON, else python3 of PATH.
std::string python_program(const std::map<std::string, std::string>& environment);

//! By id, of all files of a suite; several may name one method. A bundle has `method_schemas` in place of the files.
//! \param warn log which packages the Python lacks for their trainings \throws RuntimeError (kInput) with the place of
//! a key that is wrong, and the line of the method's file where that is
PythonMethods read_methods(const std::vector<SuiteFile>& parts, const std::map<std::string, std::string>& environment,
                           bool warn);

}  // namespace resolute::experiments
