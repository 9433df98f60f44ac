#include "cli/store/store_argument.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "core/error.h"

namespace resolute::cli {

namespace {

// Each store has one of them.
constexpr std::array kParts{"jobs", "packs", "suites", "weights"};

}  // namespace

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
  if (std::ranges::none_of(kParts, [&](const char* part) { return std::filesystem::is_directory(root / part); }))
    throw core::input_error(fmt::format("'{}' is no store", root.string()),
                            fmt::format("it has none of the folders {}", fmt::join(kParts, ", ")),
                            "give the folder that --store named");
  return StoreArguments{*values, experiments::StoreLayout(root), values->count("json") > 0};
}

}  // namespace resolute::cli
