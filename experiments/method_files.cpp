#include "experiments/method_files.h"

#include <chrono>

#include "core/log.h"
#include "core/process/last_words.h"
#include "core/process/process.h"
#include "experiments/language/settings.h"
#include "experiments/language/table_reader.h"
#include "settings/names.h"

namespace resolute::experiments {
namespace {

using Environment = std::map<std::string, std::string>;

constexpr std::chrono::seconds kLongestReading{60};  // Python starts slowly where a busy server has its files

//! \param warn say what the Python lacks for the method's trainings
core::Json schema_of(const std::filesystem::path& path, const Environment& environment, bool warn) {
  const std::string python = python_program(environment);
  const std::string command = fmt::format("'{} -m resolute.schema'", python);
  const std::string suggestion = "name a Python that has the package resolute by RESOLUTE_PYTHON";
  core::SpawnRequest request;
  request.arguments = {python, "-m", "resolute.schema", path.string()};
  request.environment = environment;
  core::CommandOutput output;
  try {
    output = core::run_command(std::move(request), kLongestReading);
  } catch (const core::RuntimeError& error) {
    throw core::input_error(command + " cannot be started", error.what(), suggestion);
  }
  const auto* exited = output.timed_out ? nullptr : std::get_if<core::Exited>(&output.status);
  const std::string last = output.last_error_line(), opening = "resolute: ";
  if (exited != nullptr && exited->code == 0) {
    if (warn && last.starts_with(opening)) core::log_warning("{}", last.substr(opening.size()));
    return core::parse_json(output.out, command);
  }
  if (exited != nullptr && exited->code == 2 && last.starts_with(opening))
    throw core::input_error(last.substr(opening.size()));
  const std::string end = output.timed_out ? fmt::format("did not end in {} s", kLongestReading.count())
                                           : "ended with " + core::describe(output.status);
  throw core::input_error(fmt::format("{} {}", command, end), core::last_words(output.err), suggestion);
}

//! Options of the method are keys "ID.NAME", which stand where ours do: in rows, in [defaults] and in searches.
void check_id(const std::string& id, const std::string& place) {
  std::vector<std::string> sections{
      // of a row
      "backbone", "freeze", "grid", "id", "joined_with", "label", "latex", "reference", "search", "set", "start_from",
      // of a search
      "dataset", "draw", "factor", "metric", "over", "points", "rungs", "seed", "title"};
  for (const std::string& key : setting_keys()) sections.push_back(key.substr(0, key.find('.')));
  if (settings::is_among(sections, id))
    throw core::input_error(fmt::format("{}: key 'id' has the value '{}'", place, id),
                            "a key or a method of ours has that name", "choose another");
}

//! A bundle's replacement of the methods' files; empty elsewhere.
core::Json kept_schemas(const SuiteFile& suite) {
  TableReader reader(suite.document, "the suite");
  const auto text = reader.value<std::string>("method_schemas", "{}");
  const std::string where = fmt::format("{}: key 'method_schemas'", reader.place("method_schemas"));
  core::Json kept = core::parse_json(text, where);
  if (!kept.is_object()) throw core::input_error(where + " is no object of methods by their ids");
  return kept;
}

}  // namespace

std::string python_program(const Environment& environment) {
  const std::string named = core::variable_in(environment, "RESOLUTE_PYTHON");
  return named.empty() ? "python3" : named;
}

PythonMethods read_methods(const std::vector<SuiteFile>& parts, const Environment& environment, bool warn) {
  const core::Json kept = kept_schemas(parts.back());
  PythonMethods methods;
  for (const SuiteFile& part : parts) {
    TableReader suite(part.document, "the suite");
    for (const Node* node : suite.tables("method")) {
      TableReader reader(*node, "[[method]]");
      const std::string id = plain_name(reader, "id");
      check_id(id, reader.place("id"));
      const auto file = reader.value<std::string>("python");
      reader.finish();
      const std::string where = fmt::format("{}: key 'python' of method '{}'", reader.place("python"), id);
      const auto path = std::filesystem::absolute(part.folder / file).lexically_normal();
      if (const auto known = methods.find(id); known != methods.end() && known->second.path == path) continue;
      PythonMethod method;
      try {
        const auto found = kept.find(id);
        method = read_python_method(found == kept.end() ? schema_of(path, environment, warn) : *found, "its options");
      } catch (const core::RuntimeError& error) {
        throw error.at(where);
      }
      method.file = file;
      method.path = path;
      if (const auto known = methods.find(id); known != methods.end() && known->second.schema != method.schema)
        throw core::input_error(fmt::format("{}: key 'id' has the value '{}'", reader.place("id"), id),
                                fmt::format("'{}' is another method of that id", known->second.path.string()),
                                "give one of them another");
      methods.emplace(id, std::move(method));
    }
  }
  return methods;
}

}  // namespace resolute::experiments
