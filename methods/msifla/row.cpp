#include "methods/row.h"

namespace resolute::methods {

Row row_of(const MsiflaOptions& options) {
  // Copies pass the IR networks alone.
  return {.needs = {.copies = true, .streams = false},
          .tells = {.recovered = options.scales},
          .cost = {.copies_pass_trunk = false}};
}

}  // namespace resolute::methods
