//! How a document stands in a page.

#include "report/document/document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/figures/figure.h"
#include "report/page/page.h"
#include "tests/support/matches.h"

namespace resolute::report::document_test {
namespace {

using testing::HasSubstr;
using testing::Not;

core::Json document_titled(const std::string& title) { return {{"title", title}, {"suite", "demo"}}; }

TEST(ReportPage, no_text_of_the_document_ends_its_element_or_takes_a_place_of_the_shell) {
  const std::string plain = report_page(document_titled("plain"));
  const std::string hostile = report_page(document_titled("</script><script>alert(1)</script> @PLOTLY@ <!-- &"));
  EXPECT_EQ(tests::count_of(hostile, "<script"), tests::count_of(plain, "<script"));
  EXPECT_EQ(tests::count_of(hostile, "</script"), tests::count_of(plain, "</script"));
  EXPECT_EQ(tests::count_of(hostile, "<!--"), tests::count_of(plain, "<!--"));
  EXPECT_LT(hostile.size(), plain.size() + 1000) << "Plotly stands in it once";
  EXPECT_THAT(hostile, HasSubstr("<title>&lt;/script&gt;"));
}

TEST(ReportPage, every_place_of_the_shell_is_filled) {
  const std::string page = report_page(document_titled("t"));
  for (const char* place : {"@TITLE@", "@STYLE@", "@LIVE@", "@DOCUMENT@", "@SCRIPT@", "@PLOTLY@"})
    EXPECT_THAT(page, Not(HasSubstr(place)));
  EXPECT_EQ(page, report_page(document_titled("t")));
}

TEST(FigureId, holds_letters_digits_and_single_dashes) {
  EXPECT_EQ(figure_id({"Table 1", "people", "RAIN {4,5}"}), "table-1-people-rain-4-5");
  EXPECT_EQ(figure_id({"λ", "a--b"}), "a-b");
}

TEST(Plotted, keeps_six_digits) {
  EXPECT_EQ(plotted(1.0 / 3), 0.333333);
  EXPECT_EQ(plotted(-1234567.0), -1234570.0);
  EXPECT_EQ(plotted(0), 0);
}

}  // namespace
}  // namespace resolute::report::document_test
