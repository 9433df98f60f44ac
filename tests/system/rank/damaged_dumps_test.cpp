// Dumps of other programs (.npz, a folder of .npy, .mat) that are cut short, do not begin as what they are, or whose
// shapes are wrong: `resolute rank` says so in one line that names the file.

#include <gmock/gmock.h>

#include "tests/support/folders.h"
#include "tests/system/rank/feature_file.h"

namespace resolute::system_test::damaged_dumps_test {
namespace {

const fs::path kDumps = kGolden / "array_file";  // make_dumps.py
const std::vector<std::string> kFiles{"dump.npz", "dump.mat", "dump_4.mat"};

class DamagedDump : public testing::Test {
 protected:
  void SetUp() override { fs::copy(kDumps / "dump_folder", folder_, fs::copy_options::recursive); }

  void expect_refused(const fs::path& path, const std::string& part = "") {
    const auto output = resolute({"rank", path.string(), "--json"});
    expect_refusal(output, 2, path);
    EXPECT_THAT(output.err, HasSubstr(part));
  }
  fs::path copied(const std::string& file, const std::string& bytes) {
    write(scratch_ / file, bytes);
    return scratch_ / file;
  }
  //! The files of the folder as NumPy's savez writes them.
  fs::path zipped() {
    const fs::path path = scratch_ / "folder.npz";
    core::SpawnRequest request = program({"/usr/bin/python3", "-m", "zipfile", "-c", path.string()});
    for (const auto& entry : fs::directory_iterator(folder_)) request.arguments.push_back(entry.path().string());
    succeeded(core::run_command(request, tests::kPatience));
    return path;
  }
  void replace(const std::string& file, const std::string& old, const std::string& by) {
    std::string text = text_of(folder_ / file);
    text.replace(text.find(old), old.size(), by);
    write(folder_ / file, text);
  }
  ScratchFolder scratch_;
  fs::path folder_ = scratch_ / "folder";
};

TEST_F(DamagedDump, whole_it_is_ranked) {
  const core::Json figures = json_of(resolute({"rank", kDumps / "dump.npz", "--json"}));
  for (const fs::path& path : {kDumps / "dump.mat", kDumps / "dump_4.mat", folder_, zipped()})
    EXPECT_EQ(json_of(resolute({"rank", path, "--json"})), figures) << path;
}

TEST_F(DamagedDump, cut_short_anywhere_it_is_refused) {
  for (const std::string& file : kFiles) {
    const std::string whole = text_of(kDumps / file);
    for (std::size_t part = 0; part < 8; ++part) {
      SCOPED_TRACE(file + " " + std::to_string(part));
      expect_refused(copied(file, whole.substr(0, whole.size() * part / 8)));
    }
  }
  for (const auto& entry : fs::directory_iterator(kDumps / "dump_folder")) {
    const fs::path path = folder_ / entry.path().filename();
    for (std::size_t part = 0; part < 4; ++part) {
      SCOPED_TRACE(path.filename().string() + " " + std::to_string(part));
      fs::resize_file(path, entry.file_size() * part / 4);
      expect_refused(folder_, "'" + path.stem().string() + "'");
    }
    fs::copy_file(entry.path(), path, fs::copy_options::overwrite_existing);
  }
}

TEST_F(DamagedDump, with_a_beginning_that_is_another_it_is_refused) {
  for (const char byte : {'\0', '\xff', 'x'}) {
    for (const std::string& file : kFiles) {
      SCOPED_TRACE(file + " " + std::to_string(byte));
      std::string bytes = text_of(kDumps / file);
      expect_refused(copied(file, bytes.replace(0, 128, 128, byte)));
    }
    replace("gallery_features.npy", "\x93NUMPY", std::string(6, byte));
    expect_refused(folder_, "'gallery_features': not a .npy array (it does not begin as one)");
    expect_refused(zipped(), "'gallery_features': not a .npy array (it does not begin as one)");
    fs::copy(kDumps / "dump_folder", folder_, fs::copy_options::overwrite_existing | fs::copy_options::recursive);
  }
}

TEST_F(DamagedDump, with_another_shape_it_is_refused) {
  const std::vector<std::pair<std::string, std::string>> shapes{{"(2, 3), }", "2 features and 3 identities"},
                                                                {"(3, 4), }", "24 are in an array of its shape"},
                                                                {"(3, 1), }", "6 are in an array of its shape"},
                                                                {"(6,  ), }", "'query_features' has 1 dimensions"},
                                                                {"(-3,2), }", "its header has no shape"}};
  std::string shape = "(3, 2), }";
  for (const auto& [other, part] : shapes) {
    SCOPED_TRACE(other);
    replace("query_features.npy", shape, other);
    expect_refused(folder_, part);
    expect_refused(zipped(), part);
    shape = other;
  }
  // A MATLAB file of version 4 begins with the rows and columns of its first array.
  for (const auto& [rows, columns] : {std::pair('\2', '\3'), std::pair('\3', '\7'), std::pair('\x7f', '\x7f')}) {
    std::string bytes = text_of(kDumps / "dump_4.mat");
    bytes.at(4) = rows;
    bytes.at(8) = columns;
    expect_refused(copied("dump_4.mat", bytes));
  }
}

}  // namespace
}  // namespace resolute::system_test::damaged_dumps_test
