#include "methods/row.h"

namespace resolute::methods {

Row row_of(const RainOptions& options) {
  Row row;
  row.tells.pooled = true;
  if (options.reconstruction) row.tells.recovered = {1};
  return row;
}

}  // namespace resolute::methods
