#pragma once
//! \file
//! Methods in Python that a suite names (`[[method]]`): what stands in their files, which nobody runs for that.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/files/json.h"
#include "settings/choice.h"

namespace resolute::experiments {

enum class PythonType { kInt, kFloat, kBool, kStr };
constexpr auto words_of(PythonType) { return settings::words("int", "float", "bool", "str"); }

struct PythonOption {
  std::string name;
  int line = 0;  //!< in the method's file
  PythonType type = PythonType::kInt;
  std::optional<core::Json> standard;  //!< its default, may be null; none: a row has to give it

  //! A member of its type: a float 1 is 1.0. \throws RuntimeError (kInput) for another type
  core::Json value_in(core::ObjectReader& object, const std::string& key) const;
};

struct PythonMethod {
  std::string file;            //!< as the suite names it
  std::filesystem::path path;  //!< where it lies
  core::Json schema;           //!< what `python -m resolute.schema` prints (docs/inside/formats/suite_bundle.md)
  std::string name;            //!< of the class
  int line = 0;                //!< of the class
  int revision = 1;
  std::string sha256;  //!< of the file
  std::vector<PythonOption> options;
  bool recovers = false;  //!< the class has decoders
};

//! By the id that a suite gives, which is no section of ours.
using PythonMethods = std::map<std::string, PythonMethod>;

//! Strict; the suite's words stay empty. \throws RuntimeError (kInput) opening with `where`
PythonMethod read_python_method(const core::Json& schema, const std::string& where);

}  // namespace resolute::experiments
