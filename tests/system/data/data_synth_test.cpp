// `resolute data synth`: every layout that can be read can be made, and is then packed.

#include <map>

#include "core/hash/sha256.h"
#include "tests/system/program.h"

namespace resolute::system_test::data_synth_test {
namespace {

Words synth(const fs::path& out, const Words& more) {
  return joined({"data", "synth", "--out", out, "--identities", "6", "--height", "32", "--width", "16"}, more);
}

std::map<std::string, std::string> hashes(const fs::path& folder) {
  std::map<std::string, std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file())
      found.emplace(fs::relative(entry.path(), folder).string(),
                    core::sha256_hex(core::real_file_system().read(entry.path())));
  return found;
}

// The layouts that the program names when it is asked for one that it does not know.
std::vector<std::string> layouts() {
  const std::string opening = "it must be one of ";
  ScratchFolder scratch;
  const std::string text = resolute(synth(scratch / "set", {"--layout", "cuhk05"})).err;
  const std::size_t begin = text.find(opening) + opening.size();
  std::string names = text.substr(begin, text.find(')', begin) - begin);
  std::vector<std::string> found;
  for (std::size_t at = 0; at < names.size();) {
    const std::size_t end = std::min(names.find(", ", at), names.size());
    found.push_back(names.substr(at, end - at));
    at = end + 2;
  }
  return found;
}

TEST(DataSynth, every_layout_is_made_and_read_by_the_source_of_its_name) {
  const std::vector<std::string> names = layouts();
  EXPECT_GE(names.size(), 8U);
  for (const std::string& name : names) {
    if (name == "market1501" || name == "synthetic") continue;
    ScratchFolder scratch;
    const auto output = succeeded(resolute(synth(scratch / "set", {"--layout", name})));
    EXPECT_EQ(output.err, "") << name;
    const std::string opening = (scratch / "set").string() + ": layout '" + name + "', ";
    EXPECT_THAT(output.out, StartsWith(opening));
    EXPECT_EQ(std::count(output.out.begin(), output.out.end(), '\n'), 1) << output.out;
    // The same again finds it there.
    EXPECT_EQ(resolute(synth(scratch / "set", {"--layout", name})).out, output.out);
  }
}

TEST(DataSynth, what_it_says_is_what_ingest_will_find) {
  ScratchFolder scratch;
  // Four images by each of two cameras; SYSU keeps three of them, VIPeR has one.
  for (const auto& [layout, images] :
       std::map<std::string, int>{{"csv", 48}, {"mlr-folders", 48}, {"sysu", 36}, {"viper", 12}}) {
    const fs::path out = scratch / layout;
    EXPECT_EQ(resolute(synth(out, {"--layout", layout, "--irregular", "no"})).out,
              fmt::format("{}: layout '{}', 6 identities, {} images to ingest\n", out.string(), layout, images));
  }
}

TEST(DataSynth, without_a_layout_it_is_what_it_always_was) {
  ScratchFolder scratch;
  const auto plain = succeeded(resolute(synth(scratch / "plain", {})));
  EXPECT_EQ(plain.out, (scratch / "plain").string() + ": 6 identities, 48 images rendered\n");
  for (const char* layout : {"market1501", "synthetic"}) {
    succeeded(resolute(synth(scratch / layout, {"--layout", layout})));
    EXPECT_EQ(hashes(scratch / layout), hashes(scratch / "plain"));
  }
  succeeded(resolute(synth(scratch / "no", {"--irregular", "no"})));
  EXPECT_EQ(hashes(scratch / "no"), hashes(scratch / "plain"));
  succeeded(resolute(synth(scratch / "yes", {"--irregular", "yes"})));
  EXPECT_NE(hashes(scratch / "yes"), hashes(scratch / "plain"));
}

TEST(DataSynth, other_layouts_are_irregular_unless_told_not_to_be) {
  ScratchFolder scratch;
  for (const auto& [name, more] : std::map<std::string, std::vector<std::string>>{
           {"unsaid", {}}, {"yes", {"--irregular", "yes"}}, {"no", {"--irregular", "no"}}}) {
    const Words words = joined(synth(scratch / name, {"--layout", "csv"}), more);
    succeeded(resolute(words));
  }
  EXPECT_EQ(hashes(scratch / "unsaid"), hashes(scratch / "yes"));
  EXPECT_NE(hashes(scratch / "unsaid"), hashes(scratch / "no"));
}

TEST(DataSynth, what_a_layout_cannot_have_is_refused_and_nothing_is_left) {
  ScratchFolder scratch;
  const fs::path out = scratch / "set";
  expect_refusal(resolute(synth(out, {"--layout", "sysu", "--cameras", "3"})), 2,
                 "option --cameras has the value 3 (a stand-in for 'sysu' has 2)");
  expect_refusal(resolute(synth(out, {"--layout", "mlr-folders", "--cameras", "1"})), 2,
                 "option --cameras has the value 1 (a stand-in for 'mlr-folders' has 2 to 99)");
  expect_refusal(resolute(synth(out, {"--layout", "csv", "--irregular", "maybe"})), 2, "--irregular is 'maybe'");
  expect_refusal(resolute(synth(out, {"--layout", "csv", "--subject", "tank"})), 2,
                 "option --subject has the value 'tank'");
  expect_refusal(resolute(synth(out, {"--fine-contrast", "1.01"})), 2, "option --fine-contrast has the value 1.01");
  expect_refusal(resolute(synth(out, {"--cameras", "0"})), 2, "option --cameras has the value 0 (it must be 1 to 99)");
  expect_refusal(resolute(synth(out, {"--layout", "Market1501"})), 2,
                 "option --layout has the value 'Market1501' (it must be one of caviar, csv, ");
  EXPECT_TRUE(fs::is_empty(scratch.path()));
}

}  // namespace
}  // namespace resolute::system_test::data_synth_test
