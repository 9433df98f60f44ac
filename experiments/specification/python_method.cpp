#include "experiments/specification/python_method.h"

#include "core/hash/sha256.h"

namespace resolute::experiments {
namespace {

using core::Json;

PythonOption read_option(const Json& json, const std::string& where) {
  core::ObjectReader object(json, where);
  PythonOption option;
  option.name = object.required<std::string>("name");
  option.line = object.required<int>("line");
  option.type = settings::required<PythonType>(object, "type");
  const bool may_be_none = object.required<bool>("optional");
  if (const Json* standard = object.find("default"))
    option.standard = may_be_none && standard->is_null() ? Json() : option.value_in(object, "default");
  object.finish();
  return option;
}

}  // namespace

Json PythonOption::value_in(core::ObjectReader& object, const std::string& key) const {
  switch (type) {
    case PythonType::kInt:
      return object.required<std::int64_t>(key);
    case PythonType::kFloat:
      return object.required<double>(key) + 0.0;  // no -0.0
    case PythonType::kBool:
      return object.required<bool>(key);
    case PythonType::kStr:
      return object.required<std::string>(key);
  }
  throw core::ContractError("a type outside its enumeration");
}

PythonMethod read_python_method(const Json& schema, const std::string& where) {
  core::ObjectReader object(schema, where);
  core::read_schema(object, "a method's options", 1);
  PythonMethod method;
  method.schema = schema;
  method.name = object.required<std::string>("class");
  method.line = object.required<int>("line");
  method.revision = object.required<int>("revision");
  method.sha256 = object.required<std::string>("sha256");
  for (const Json& option : object.required<std::vector<Json>>("options"))
    method.options.push_back(read_option(option, where));
  if (object.find("recovers") != nullptr) method.recovers = object.required<bool>("recovers");
  object.finish();
  if (method.revision < 1 || !core::is_sha256_hex(method.sha256))
    throw core::input_error(
        fmt::format("{}: revision {} of SHA-256 '{}' is none", where, method.revision, method.sha256));
  return method;
}

}  // namespace resolute::experiments
