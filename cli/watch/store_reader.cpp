#include "cli/watch/store_reader.h"

#include <utility>

#include "experiments/store/bundle.h"

namespace resolute::cli {

StoreReader::StoreReader(core::FileSystem& files, experiments::StoreLayout store, experiments::Plan plan,
                         bool with_hosts)
    : files_(files), store_(std::move(store)), plan_(std::move(plan)), with_hosts_(with_hosts) {}

core::Json StoreReader::look() {
  // Anew: `suite compact` may have packed logs since.
  experiments::BundledFiles files(files_, store_);
  return suite_report({plan_, files, store_}, {.with_hosts = with_hosts_, .memory = &memory_}).document;
}

}  // namespace resolute::cli
