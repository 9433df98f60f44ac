#include "datasets/samples/remarks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace resolute::datasets::remarks_test {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::Pair;

RefusedFiles refused_by(const Remarks& remarks) {
  try {
    remarks.throw_refused();
  } catch (const RefusedFiles& refused) {
    return refused;
  }
  ADD_FAILURE() << "nothing was refused";
  return {{{"", ""}}, 1};
}

TEST(Remarks, one_refused_file_is_told_as_it_is_and_of_more_the_first) {
  Remarks remarks;
  remarks.throw_refused();
  EXPECT_FALSE(remarks.refused_any());
  remarks.refuse("a.jpg", core::input_error("'a.jpg' is wrong", "why", "mend it"));
  EXPECT_STREQ(refused_by(remarks).what(), "'a.jpg' is wrong (why); mend it");
  remarks.gather("b\x01.jpg", [] { throw core::input_error("'b?.jpg' is wrong too"); });
  remarks.gather("c.jpg", [] {});
  const RefusedFiles two = refused_by(remarks);
  EXPECT_STREQ(two.what(), "'a.jpg' is wrong (why); mend it; 1 more file is refused");
  EXPECT_EQ(two.kind(), core::ErrorKind::kInput);
  EXPECT_THAT(two.named(), ElementsAre(RefusedFile{"a.jpg", "'a.jpg' is wrong (why); mend it"},
                                       RefusedFile{"b?.jpg", "'b?.jpg' is wrong too"}));
}

// A disk that errs says nothing of the file.
TEST(Remarks, what_is_no_fault_of_the_file_is_thrown_on) {
  Remarks remarks;
  EXPECT_THROW(remarks.gather("a.jpg", [] { throw core::system_error("cannot read 'a.jpg'", EIO); }),
               core::RuntimeError);
  EXPECT_FALSE(remarks.refused_any());
}

TEST(Remarks, beyond_the_most_that_are_named_files_are_counted) {
  Remarks remarks;
  const core::RuntimeError wrong = core::input_error("wrong");
  for (std::size_t i = 0; i < RefusedFiles::kMostNamed + 5; ++i) remarks.refuse("a", wrong);
  const RefusedFiles refused = refused_by(remarks);
  EXPECT_EQ(refused.named().size(), RefusedFiles::kMostNamed);
  EXPECT_EQ(refused.count(), RefusedFiles::kMostNamed + 5);
  EXPECT_THAT(refused.what(), EndsWith("; 100004 more files are refused"));
  Remarks twice;
  twice.refuse(refused);
  twice.refuse(refused);
  EXPECT_EQ(refused_by(twice).count(), 2 * refused.count());
  EXPECT_EQ(refused_by(twice).named().size(), RefusedFiles::kMostNamed);
}

TEST(Remarks, a_line_for_each_of_the_first_twenty_is_logged_and_none_for_one_alone) {
  Remarks remarks;
  const auto logged = [&] {
    testing::internal::CaptureStderr();
    log_refused(refused_by(remarks));
    return testing::internal::GetCapturedStderr();
  };
  for (int i = 1; i <= 23; ++i) {
    remarks.refuse("x", core::input_error(fmt::format("file {} is wrong", i)));
    const std::string text = logged();
    // The heading, the files, and how many more.
    EXPECT_EQ(std::ranges::count(text, '\n'), i == 1 ? 0 : i <= 20 ? i + 1 : 22) << text;
    EXPECT_EQ(text.find("file 20 is wrong\n") != std::string::npos, i >= 20) << text;
    EXPECT_EQ(text.find("file 21 is wrong") != std::string::npos, false) << text;
    EXPECT_EQ(text.ends_with("  and 3 more\n"), i == 23) << text;
  }
}

TEST(Remarks, what_is_left_out_is_counted_by_why) {
  Remarks remarks;
  remarks.leave_out("junk");
  remarks.leave_out("junk", 2);
  remarks.leave_out("nothing", 0);
  EXPECT_THAT(remarks.left_out(), ElementsAre(Pair("junk", 3)));
}

}  // namespace
}  // namespace resolute::datasets::remarks_test
