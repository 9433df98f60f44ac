#pragma once
//! \file
//! How a list of images is written, and its lines. Spreadsheets and pandas write lists in other ways than
//! RFC 4180 does (docs/inside/formats/image_list.md). The first lines decide once which way it is; all lines are read
//! so.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace resolute::datasets::sources {

//! Limits of a list; a longer one is refused.
inline constexpr std::size_t kMaxListLine = 16384;       //!< bytes of a line, its end not counted
inline constexpr std::size_t kMaxListLines = 4'000'000;  //!< the header included

inline constexpr std::array<std::string_view, 5> kListColumns{"path", "identity", "camera", "subset", "rate"};
enum ListColumn : std::size_t { kPath, kIdentity, kCamera, kSubset, kRate };

//! A field as messages show it: lines may be long.
std::string shown_field(std::string_view field);

//! A line of the list and the messages about it.
struct ListLine {
  std::string_view text;
  std::string_view list;  //!< its name
  std::size_t number = 0;

  core::RuntimeError wrong(std::string_view problem, std::string_view why = {}, std::string_view suggestion = {}) const;
};

//! The lines of a list behind its header.
class ListText {
 public:
  //! Reads the header. \param text stays while this is used \param name of the list in messages \throws RuntimeError
  //! (kInput): an empty text, UTF-16, too many lines, columns that are unknown, missing or there twice
  ListText(std::string_view text, std::string_view name);

  //! Nothing at the end, where lines without a value do not count.
  std::optional<ListLine> next();
  //! The values of kListColumns in a line of next(); of a column that the list lacks nothing. \throws RuntimeError
  //! (kInput): a line that does not fit
  std::array<std::optional<std::string>, kListColumns.size()> values_of(const ListLine& line) const;

 private:
  std::vector<std::string> fields_of(const ListLine& line) const;
  std::optional<std::string> take_field(const ListLine& line, std::size_t& at) const;
  void read_header();
  std::string_view take_line();

  std::string_view rest_;
  std::string_view name_;
  char delimiter_ = ',';
  std::size_t number_ = 0;  // of the line that was taken last
  std::size_t fields_ = 0;  // of each line
  std::array<std::optional<std::size_t>, kListColumns.size()> positions_;
};

//! A number in one of its spellings: `12`; `12.0`, as pandas writes where a value was missing; of a camera `c12` and
//! `C12` too. \throws RuntimeError (kInput): none, or out of range
std::int64_t read_list_number(const ListLine& line, ListColumn column, std::string_view field, std::int64_t low,
                              std::int64_t high);

}  // namespace resolute::datasets::sources
