#include "methods/row.h"

namespace resolute::methods {

Row row_of(const BaselineOptions& options) {
  return {.needs = {.lr = options.images == BaselineImages::kStored, .streams = false},
          .cost = {.copies_pass_trunk = false}};
}

}  // namespace resolute::methods
