#pragma once
//! \file
//! A folder of its own for each test, and shorthand for filling it and reading refusals.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "core/hash/sha256.h"
#include "datasets/samples/listing.h"
#include "datasets/sources/source.h"
#include "tests/support/refusal.h"

namespace resolute::datasets {

//! The SHA-256 of every file below a folder.
inline std::map<std::string, std::string> hashes(const fs::path& folder) {
  std::map<std::string, std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file())
      found.emplace(fs::relative(entry.path(), folder).string(),
                    core::sha256_hex(core::real_file_system().read(entry.path())));
  return found;
}

class Scratch : public testing::Test {
 protected:
  void SetUp() override {
    if (!root_.empty()) TearDown();  // begun anew
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    root_ = fs::path(testing::TempDir()) /
            core::temporary_beside(std::string(info->test_suite_name()) + "-" + info->name()).filename();
    fs::create_directories(root_);
  }
  void TearDown() override { fs::remove_all(root_); }

  //! An empty file, its folders made. Listing reads names only.
  void touch(const std::string& path) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path).flush();
  }

  //! The message of the kInput error that listing ends in, without the scratch folder's path.
  std::string refusal(Source source) { return refusal_at(source, root_); }
  std::string refusal_at(Source source, const fs::path& root) {
    const std::string message = tests::refusal([&] { list_samples(files_, source, root); });
    EXPECT_NE(message, "") << "nothing was refused";
    return tests::named(message, root_.string(), "ROOT");
  }

  //! A folder that is refused: what is put into the one that SetUp() makes (a path that ends in '/' is a folder), the
  //! message, and what was taken out of it before.
  struct Refused {
    const char* proves;
    std::vector<std::string> put;
    testing::Matcher<std::string> message;
    std::vector<std::string> taken = {};
  };
  void expect_refused(Source source, const std::vector<Refused>& rows) {
    for (const Refused& row : rows) {
      SCOPED_TRACE(row.proves);
      for (const std::string& path : row.taken) ASSERT_GT(fs::remove_all(root_ / path), 0U) << path;
      for (const std::string& path : row.put)
        path.ends_with('/') ? void(fs::create_directories(root_ / path)) : touch(path);
      EXPECT_THAT(refusal(source), row.message);
      SetUp();
    }
  }
  //! Each name, put into `folder` ("" or with its '/') alone, is refused in text that can be shown: 'PATH'`why`…
  void expect_names_refused(Source source, const std::string& folder, const std::string& why,
                            const std::vector<const char*>& names) {
    for (const char* name : names) {
      const std::string path = folder + name;
      touch(path);
      const std::string message = refusal(source);
      EXPECT_THAT(message, testing::StartsWith(fmt::format("'{}'{}", sources::printable(path), why)));
      EXPECT_EQ(sources::printable(message), message);
      fs::remove(root_ / path);
    }
  }

  core::FileSystem& files_ = core::real_file_system();
  fs::path root_;
};

}  // namespace resolute::datasets
