#include "cli/command.h"

#include <cctype>
#include <cstdlib>
#include <iostream>
#include <typeinfo>

#include "cli/help.h"
#include "core/files/file_system.h"
#include "core/files/ownership.h"
#include "core/numbers.h"
#include "core/process/process.h"
#include "core/split.h"
#include "experiments/suite.h"
#include "settings/names.h"

namespace resolute::cli {

namespace {

core::RuntimeError usage_error(const std::string& problem, const CommandHelp& help) {
  return core::input_error(problem, {}, std::string("usage: ") + help.usage);
}

// The kind of number that an option takes; empty of other values.
std::string needed_by(const options::options_description& visible, const std::string& option) {
  const auto* known = visible.find_nothrow(option.substr(option.find_first_not_of('-')), false);
  const auto* typed =
      known == nullptr ? nullptr : dynamic_cast<const options::typed_value_base*>(known->semantic().get());
  if (typed == nullptr) return "";
  if (typed->value_type() == typeid(int)) return "an integer is needed";
  return typed->value_type() == typeid(double) ? "a number is needed" : "";
}

bool is_optional(const std::string& place) { return place.starts_with("["); }
bool is_list(const std::string& place) { return place.ends_with("..."); }

// The folder of RESOLUTE_STORE for a --store that is not given, neither as the argument STORE.
void take_store_of_variable(const options::options_description& visible, options::variables_map& values) {
  const std::string folder = core::variable_in(core::current_environment(), kStoreVariable);
  if (folder.empty() || visible.find_nothrow("store", false) == nullptr || values.count("STORE") > 0) return;
  if (values.count("store") > 0 && !values["store"].defaulted()) return;
  if (!fs::path(folder).is_absolute())
    throw core::input_error(fmt::format("{} is {}", kStoreVariable, settings::quoted_text(folder)),
                            "it would be another folder from each working folder", "give it an absolute path");
  options::store(options::command_line_parser(Arguments{"--store=" + folder}).options(visible).run(), values);
}

// No command works in a store where something else lies in the place of its folder.
void refuse_foreign_store(const options::variables_map& values) {
  for (const char* name : {"store", "STORE"}) {
    const fs::path store = values.count(name) > 0 ? values[name].as<std::string>() : std::string();
    std::error_code unknown;
    const bool there = fs::exists(store, unknown), link = fs::is_symlink(store, unknown);
    if (there ? fs::is_directory(store, unknown) : !link) continue;
    const std::string named = named_by_variable(store).empty() ? "" : fmt::format(" of {}", kStoreVariable);
    throw core::input_error(fmt::format("store '{}'{} is no folder", store.string(), named),
                            there ? "something else lies there" : "the link leads to nothing that is there",
                            "give --store another, or move it out of the way");
  }
}

}  // namespace

std::optional<options::variables_map> parse_options(const Arguments& arguments, const CommandHelp& help,
                                                    options::options_description visible,
                                                    const std::vector<std::string>& positional) {
  // Some commands say more of it.
  if (visible.find_nothrow("help", false) == nullptr) visible.add_options()("help,h", "this text");
  for (const auto& argument : arguments) {
    if (argument == "--") break;
    if (argument == "--help" || argument == "-h") {
      give_help(help, visible);
      return std::nullopt;
    }
  }
  options::options_description all;
  all.add(visible);
  options::positional_options_description places;
  for (const auto& place : positional) {
    const std::string name = is_optional(place) ? place.substr(1, place.size() - 2) : place;
    if (is_list(place))
      all.add_options()(name.c_str(), options::value<std::vector<std::string>>());
    else
      all.add_options()(name.c_str(), options::value<std::string>());
    places.add(name.c_str(), is_list(place) ? -1 : 1);
  }
  options::variables_map values;
  try {
    // No guessing: a prefix that works today must not change its meaning when an option is added.
    int style = options::command_line_style::unix_style & ~options::command_line_style::allow_guessing;
    options::store(options::command_line_parser(arguments).options(all).positional(places).style(style).run(), values);
    take_store_of_variable(visible, values);
    options::notify(values);
    refuse_foreign_store(values);
  } catch (const options::too_many_positional_options_error&) {
    throw usage_error("too many arguments", help);
  } catch (const options::unknown_option& error) {
    const std::string given = error.get_option_name();  // "--png", or "--png=sheet.png"
    if (help.former_option != nullptr) help.former_option(given.substr(0, given.find('=')));
    std::vector<std::string> names;
    for (const auto& option : visible.options()) names.push_back("--" + option->long_name());
    const std::string hint = settings::did_you_mean(given.substr(0, given.find('=')), names);
    if (!hint.empty()) throw core::input_error("unknown option '" + given + "'", {}, hint);
    throw usage_error("unknown option '" + given + "'", help);
  } catch (const options::invalid_option_value& error) {
    const std::string needed = needed_by(visible, error.get_option_name());
    if (needed.empty()) throw usage_error(error.what(), help);
    throw core::input_error(error.what(), needed);
  } catch (const options::error& error) {
    throw usage_error(error.what(), help);
  }
  for (const auto& name : positional)
    if (!is_optional(name) && values.count(name) == 0) throw usage_error("argument " + name + " is missing", help);
  return values;
}

std::string required_value(const options::variables_map& values, const std::string& name) {
  if (values.count(name) == 0)
    throw core::input_error("option --" + name + " is missing", {},
                            name == "store" ? fmt::format("give it, or set {}", kStoreVariable) : "see --help");
  std::string value = values[name].as<std::string>();
  // Names of arguments are in capitals.
  const bool argument = std::isupper(static_cast<unsigned char>(name.front())) != 0;
  if (value.empty())
    throw core::input_error((argument ? "argument " : "option --") + name + " is empty", {}, "see --help");
  return value;
}

std::uint64_t parse_seed(const options::variables_map& values, const std::string& name) {
  // Boost would turn -1 into 2^64 - 1 without a word.
  std::string text = required_value(values, name);
  if (const auto value = core::number_of<std::uint64_t>(text)) return *value;
  throw core::input_error("option --" + name + " has the value '" + text + "'",
                          "an integer from 0 to 2^64 - 1 is needed");
}

int at_least(const char* option, int value, int least) {
  if (value < least)
    throw core::input_error(fmt::format("--{} {} is too small", option, value), fmt::format("{} is the least", least));
  return value;
}

int in_range(const char* option, int value, int least, int most) {
  if (at_least(option, value, least) > most)
    throw core::input_error(fmt::format("--{} {} is too large", option, value), fmt::format("{} is the most", most));
  return value;
}

void print_json(const core::Json& json) {
  std::cout << json.dump(1, ' ', false, core::Json::error_handler_t::replace) << "\n";
}

std::vector<int> parse_integer_list(const std::string& text, const std::string& option) {
  std::vector<int> list;
  for (const std::string_view word : core::split(text, ',')) {
    const auto value = core::number_of<int>(word);
    if (!value)
      throw core::input_error("option --" + option + " has the value '" + text + "'",
                              "integers separated by commas are needed", "give e.g. --" + option + " 2,3,4");
    list.push_back(*value);
  }
  return list;
}

const char* version() { return RESOLUTE_VERSION; }

fs::path executable_folder() { return core::own_program().parent_path(); }

// They stand beside the papers' numbers.
fs::path shipped_suites() {
  const fs::path numbers =
      experiments::find_reference_file(core::real_file_system(), core::current_environment(), executable_folder());
  return numbers.parent_path().parent_path() / "suites";
}

std::string found_suite(const std::string& typed) {
  auto& files = core::real_file_system();
  if (typed.empty() || fs::path(typed).has_parent_path() || files.exists(typed)) return typed;
  const fs::path shipped = shipped_suites() / typed;
  return files.exists(shipped) ? shipped.string() : typed;
}

fs::path worker_program() {
  const char* named = std::getenv("RESOLUTE_WORKER");
  fs::path program = named != nullptr ? fs::path(named) : executable_folder() / "resolute-worker";
  if (!core::is_executable(program))
    throw core::input_error("worker program '" + program.string() + "' cannot be executed",
                            named != nullptr ? "it is named by RESOLUTE_WORKER" : "it should stand beside this program",
                            "install the package, or build it with: ninja -C build/release resolute-worker");
  return program;
}

void tell_refused(const datasets::RefusedFiles& refused, bool json) {
  if (!json) return datasets::log_refused(refused);
  core::Json all = core::Json::array();
  for (const auto& [file, problem] : refused.named()) all.push_back({{"file", file}, {"problem", problem}});
  print_json({{"refused", std::move(all)}, {"count", refused.count()}});
}

void require_store(const fs::path& store) {
  if (!fs::is_directory(store))
    throw core::input_error(fmt::format("there is no store '{}'", store.string()), named_by_variable(store),
                            "check its name, or run a suite first");
}

std::string named_by_variable(const fs::path& store) {
  const std::string named = core::variable_in(core::current_environment(), kStoreVariable);
  return !named.empty() && fs::path(named) == store ? fmt::format("{} names it", kStoreVariable) : "";
}

void require_writable_store(const fs::path& store) {
  auto& files = core::real_file_system();
  const std::string named = named_by_variable(store).empty() ? "" : fmt::format(" of {}", kStoreVariable);
  const std::string problem = fmt::format("store '{}'{} cannot be written", store.string(), named);
  try {
    files.create_directories(store);
    core::probe_storage(files, store);
  } catch (const core::RuntimeError& error) {
    if (error.error_number() == EROFS)
      throw core::system_error(problem, EROFS, "give --store a folder that you may write to");
    // It may take files again later, and whoever waits for that knows it by the error's number.
    if (error.is_storage()) throw error.at(problem);
    throw core::RuntimeError(error.kind(), problem, error.what(), "give --store a folder that you may write to");
  }
  for (const char* folder : {"jobs", "packs", "suites"})
    if (const auto why = core::why_not_writable(store / folder))
      throw core::input_error(fmt::format("folder '{}' of store '{}' cannot be written to", folder, store.string()),
                              *why, core::sharing_advice(store));
}

}  // namespace resolute::cli
