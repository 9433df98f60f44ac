#include "methods/row.h"

namespace resolute::methods {

Row row_of(const BaselineOptions& options) {
  return {.needs = {.lr = options.images == BaselineImages::kStored, .streams = false}};
}

}  // namespace resolute::methods
