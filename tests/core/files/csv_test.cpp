#include "core/files/csv.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace resolute::core::csv_test {
namespace {

TEST(Csv, fields_are_quoted_where_they_must_be) {
  EXPECT_EQ(csv_field("a b.png"), "a b.png");
  EXPECT_EQ(csv_field(""), "");
  EXPECT_EQ(csv_field("a, \"b\"\n"), "\"a, \"\"b\"\"\n\"");
}

TEST(Csv, a_field_ends_before_a_comma_or_a_line_feed_or_behind_its_closing_quote) {
  struct Case {
    std::string text, value;
    std::size_t end;
    bool closed;
  };
  for (const Case& one : std::vector<Case>{{"a,b", "a", 1, true},
                                           {"a\nb", "a", 1, true},
                                           {"", "", 0, true},
                                           {"a\"b\"", "a\"b\"", 4, true},
                                           {"\"a,\nb\"c,d", "a,\nb", 6, true},
                                           {"\"a\"\"b\"", "a\"b", 6, true},
                                           {"\"a\"\"", "a\"", 4, false},
                                           {"\"", "", 1, false}}) {
    const CsvField field = csv_field_at("x," + one.text, 2);
    EXPECT_EQ(field.value, one.value) << one.text;
    EXPECT_EQ(field.end, one.end + 2) << one.text;
    EXPECT_EQ(field.closed, one.closed) << one.text;
    EXPECT_EQ(field.quoted, one.text.starts_with('"')) << one.text;
  }
}

TEST(Csv, a_field_ends_before_the_delimiter_of_its_text) {
  EXPECT_EQ(csv_field_at("a,b;c", 0, ';').value, "a,b");
  EXPECT_EQ(csv_field_at("a;b\tc", 0, '\t').value, "a;b");
}

RC_GTEST_PROP(Csv, what_is_written_comes_back, (const std::string& value)) {
  const std::string text = "x," + csv_field(value) + ",y";
  const CsvField field = csv_field_at(text, 2);
  RC_ASSERT(field.value == value);
  RC_ASSERT(text.substr(field.end) == ",y");
}

}  // namespace
}  // namespace resolute::core::csv_test
