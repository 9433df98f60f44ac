#pragma once
//! \file
//! TOML read into a plain tree that remembers where each value stands. The only user of toml++.

#include <string>
#include <string_view>
#include <vector>

#include "core/files/json.h"

namespace resolute::experiments {

struct Member;

//! A value, a table, or a list of tables.
struct Node {
  enum class Kind { kValue, kTable, kTables };
  Kind kind = Kind::kValue;
  std::string place;            //!< "FILE:LINE:COLUMN" of its key, or "--set KEY": what a message about it opens with
  core::Json value;             //!< kValue: a string, boolean, integer, finite number, or a list of such
  std::vector<Member> members;  //!< kTable: in the order of the file
  std::vector<Node> tables;     //!< kTables: at least one
};

struct Member {
  std::string key;
  Node node;
};

//! A value and where it stands, as Node::place.
template <class T>
struct Located {
  T value{};
  std::string place{};
};

//! Parses a document. \param file names it in places and messages
//! \throws RuntimeError (kInput) opening with FILE:LINE:COLUMN for what is not TOML or not UTF-8, nests deeper than 32
//! levels, holds dates, infinities or NaN, or mixes tables with values in a list; text over 4 MiB
Node parse_toml(std::string_view text, const std::string& file);

//! The VALUE of `--set KEY=VALUE`: a TOML value where it parses as one, else the text itself as a string.
//! \throws RuntimeError (kInput) opening with the place for what is not UTF-8
Node parse_toml_value(const std::string& value, const std::string& place);

}  // namespace resolute::experiments
