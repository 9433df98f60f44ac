#pragma once
//! \file
//! A job's record, for parts that know nothing of records.

#include <string>

namespace resolute::experiments {

struct SeenRecord {
  std::string damage;         //!< why it counts for nothing; empty: it is whole
  std::string numeric_class;  //!< in which it was made; empty: of a pack, damaged, or not looked for
};

}  // namespace resolute::experiments
