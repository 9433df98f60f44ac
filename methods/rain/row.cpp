#include "methods/row.h"

namespace resolute::methods {

Row row_of(const RainOptions& options) {
  Row row;
  if (options.reconstruction) row.tells.recovered = {1};
  return row;
}

}  // namespace resolute::methods
