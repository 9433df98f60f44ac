#pragma once
//! \file
//! The CSV files of an evaluation: a row names its columns once, and its file's header, writing and strict reading
//! follow. RFC 4180 with lines that end in a line feed, a header that is the file's version, one text for each value.
//!
//!     template <class Csv>
//!     void columns(Csv& csv, QueryScore& row) {  // beside QueryScore
//!       csv.text("path", row.path);
//!       csv.number("rate", row.rate, 1);
//!       csv.unique("the path stands twice at this rate", row.path, row.rate);
//!     }
//!
//! A function beside it may check the order of rows: it is asked before each row and, with null
//! for `next`, at the end:
//!
//!     void check_order(const CsvReader& csv, std::span<const QueryScore> before, const QueryScore* next);

#include <charconv>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/files/csv.h"
#include "results/records/output_file.h"
#include "results/scores/spread.h"

namespace resolute::results {

//! The kinds of columns. A refusal is a core::RuntimeError (kInput) that opens with the text's name and the line.
//! \tparam Self has field(name, write, read): write() gives the field's text, read(text) takes it
template <class Self>
class CsvColumns {
 public:
  //! At least one byte, none of them NUL.
  void text(std::string_view name, std::string& value) {
    self().field(
        name, [&] { return core::csv_field(value); },
        [&](std::string_view text) {
          if (text.empty() || text.find('\0') != std::string_view::npos)
            refuse(fmt::format("the {} is empty or holds a NUL byte", name));
          value = text;
        });
  }

  //! A number, low to high, in the shortest decimals that read back to the same: NaN is none.
  template <class T>
  void number(std::string_view name, T& value, std::type_identity_t<T> low,
              std::type_identity_t<T> high = std::numeric_limits<T>::max()) {
    // -0.0 equals 0.0 and must have its text.
    self().field(
        name, [&] { return fmt::format("{}", value + T{}); },
        [&](std::string_view text) { value = parsed<T>(name, text, low, high); });
  }

  //! A number where `there`, else nothing. \param why nothing
  template <class T>
  void number_where(bool expected, std::string_view name, std::optional<T>& value, std::type_identity_t<T> low,
                    std::string_view why) {
    self().field(
        name, [&] { return value ? fmt::format("{}", *value) : std::string(); },
        [&](std::string_view text) {
          if (expected) value = parsed<T>(name, text, low, std::numeric_limits<T>::max());
          if (!expected && !text.empty()) refuse(fmt::format("{} is '{}'", name, text.substr(0, 40)), why);
        });
  }

  //! One of two words.
  void either(std::string_view name, bool& value, std::string_view if_true, std::string_view if_false) {
    self().field(
        name, [&] { return std::string(value ? if_true : if_false); },
        [&](std::string_view text) {
          value = text == if_true;
          if (!value && text != if_false)
            refuse(fmt::format("{} is '{}'", name, text.substr(0, 40)), fmt::format("{} or {}", if_true, if_false));
        });
  }

  //! Six columns: NAMEp5 … NAMEp95, which do not fall, and NAMEmean, each 0 to `most`.
  void spread(const std::string& name, Spread& value, double most) {
    for (std::size_t i = 0; i < kSpreadPercentiles.size(); ++i) {
      const std::string column = fmt::format("{}p{}", name, kSpreadPercentiles[i]);
      number(column, value.percentiles[i], 0, most);
      if (i > 0 && value.percentiles[i] < value.percentiles[i - 1])
        refuse(fmt::format("{} is {}", column, value.percentiles[i]), "percentiles do not fall");
    }
    number(name + "mean", value.mean, 0, most);
  }

  //! Refuses a row that is read; rows that are written are taken as they are.
  void refuse(const std::string& problem, std::string_view why = {}) const {
    if constexpr (Self::kReads) static_cast<const Self*>(this)->refused(problem, why);
  }
  //! No two rows may have these values. \param problem where two have
  void unique(std::string_view problem, const auto&... values) {
    if constexpr (Self::kReads)
      if (!self().seen_.insert(((fmt::format("{}", values) + '\0') + ...)).second) refuse(std::string(problem));
  }

 private:
  Self& self() { return static_cast<Self&>(*this); }

  template <class T>
  T parsed(std::string_view name, std::string_view text, T low, T high) const {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !(value >= low && value <= high))
      refuse(fmt::format("{} is '{}'", name, text.substr(0, 40)), fmt::format("a number from {} to {}", low, high));
    return value;
  }
};

//! Takes the columns' names, or the fields of rows.
template <bool kNames>
class CsvWriter : public CsvColumns<CsvWriter<kNames>> {
 public:
  static constexpr bool kReads = false;
  void field(std::string_view name, const auto& write, const auto&) {
    if constexpr (kNames) text_ += name;
    if constexpr (!kNames) text_ += write();
    text_ += ',';
  }
  void end_row() { text_.back() = '\n'; }
  const std::string& written() const { return text_; }

 private:
  std::string text_;
};

//! Gives rows their fields, one row after the other.
class CsvReader : public CsvColumns<CsvReader> {
 public:
  static constexpr bool kReads = true;
  //! \param header with its line feed; as many fields as it has are in every row
  //! \param where outlives the reader \throws RuntimeError where the text has another header
  CsvReader(std::string_view text, const std::string& where, std::string_view header);

  bool done() const { return at_ == text_.size(); }
  void next_row();
  void field(std::string_view, const auto& write, const auto& read) {
    const std::size_t begin = at_;
    read(next_field());
    if (text_.substr(begin, end_ - begin) != write()) refuse("the line is not written as this program writes it");
  }
  [[noreturn]] void refused(const std::string& problem, std::string_view why) const;

 private:
  friend class CsvColumns<CsvReader>;
  std::string next_field();

  std::string_view text_;
  const std::string& where_;
  std::size_t fields_of_row_;
  std::size_t at_;
  std::size_t end_ = 0;     // of the last field
  std::size_t begin_;       // of this row
  std::size_t line_ = 2;    // where it begins
  std::size_t fields_ = 0;  // of this row, so far
  std::set<std::string> seen_;
};

//! The first line, with its line feed.
template <class Row>
std::string csv_header() {
  CsvWriter<true> csv;
  Row row;
  columns(csv, row);
  csv.end_row();
  return csv.written();
}

//! A file's text: a header line, then a line for each row in the order given.
template <class Row>
std::string csv_text(const std::vector<Row>& rows) {
  CsvWriter<false> csv;
  for (Row row : rows) {
    columns(csv, row);
    csv.end_row();
  }
  return csv_header<Row>() + csv.written();
}

//! Strict: only a text that csv_text() makes of rows that fit their columns is read. \throws core::RuntimeError
//! (kInput) opening with `where` and the line
template <class Row>
std::vector<Row> parse_csv(std::string_view text, const std::string& where) {
  CsvReader csv(text, where, csv_header<Row>());
  const auto check = [&](std::span<const Row> before, const Row* next) {
    if constexpr (requires { check_order(csv, before, next); }) check_order(csv, before, next);
  };
  std::vector<Row> rows;
  for (; !csv.done(); csv.next_row()) {
    Row row;
    columns(csv, row);
    check(rows, &row);
    rows.push_back(std::move(row));
  }
  check(rows, nullptr);
  return rows;
}

//! Reads a file whose hash a record names. \param sha256 64 hexadecimal digits \throws core::RuntimeError: as
//! read_output(); as parse_csv()
template <class Row>
std::vector<Row> read_csv(core::FileSystem& files, const std::filesystem::path& path, const std::string& sha256) {
  const core::Bytes bytes = read_output(files, path, sha256);
  return parse_csv<Row>(core::as_text(bytes), fmt::format("'{}'", path.string()));
}

}  // namespace resolute::results
