#pragma once
//! \file
//! Arguments of `resolute store …`: STORE or --store STORE, and --json.

#include "cli/command.h"
#include "experiments/store/store_layout.h"

namespace resolute::cli {

struct StoreArguments {
  options::variables_map values;
  experiments::StoreLayout store;
  bool json = false;
};

//! Adds the shared options to `more` and parses; nothing after --help. \throws RuntimeError (kInput) where no folder is
//! the store, or two are named
std::optional<StoreArguments> parse_store_arguments(const Arguments& arguments, const CommandHelp& help,
                                                    options::options_description more);

}  // namespace resolute::cli
