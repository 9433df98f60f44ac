#include "cli/store/store_argument.h"

#include "core/error.h"

namespace resolute::cli {

std::optional<StoreArguments> parse_store_arguments(const Arguments& arguments, const CommandHelp& help,
                                                    options::options_description more) {
  auto add = more.add_options();
  add("store", options::value<std::string>(), "the store's folder, if it is not the first argument");
  add("json", "one JSON document on stdout");
  auto values = parse_options(arguments, help, more, {"[STORE]"});
  if (!values) return std::nullopt;
  if (values->count("STORE") > 0 && values->count("store") > 0)
    throw core::input_error("two stores are named", "STORE and --store are the same", "leave one out");
  const std::filesystem::path root =
      values->count("STORE") > 0 ? (*values)["STORE"].as<std::string>() : required_value(*values, "store");
  require_store(root);
  return StoreArguments{*values, experiments::StoreLayout(root), values->count("json") > 0};
}

}  // namespace resolute::cli
