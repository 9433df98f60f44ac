//! Settings of packs and splits: what one validator says to a suite and to a command line, and what packs hold of them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "settings/pack.h"
#include "settings/split.h"

namespace resolute::settings::data_test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

PackSettings pack() { return {.name = "mlr-viper", .source = Source::kViper}; }

template <class Check>
std::string refusal(Check check) {
  try {
    check();
  } catch (const MemberError& error) {
    EXPECT_EQ(std::string::npos, std::string(error.what()).find('\n'));
    return error.what();
  }
  return "";
}

template <class Change>
std::string refusal_of_pack(Change change) {
  return refusal([&] {
    PackSettings changed = pack();
    change(changed);
    check(changed);
  });
}

TEST(PackSettings, are_refused_by_their_key) {
  EXPECT_EQ("", refusal_of_pack([](PackSettings&) {}));
  EXPECT_THAT(refusal_of_pack([](auto& p) { p.name = "a/b\n"; }),
              StartsWith(R"(key 'id' has the value 'a/b\n' (a data set's name is 1 to 64 of)"));
  EXPECT_EQ("key 'rates' has the value [] (at least one is needed)", refusal_of_pack([](auto& p) { p.rates = {}; }));
  EXPECT_THAT(refusal_of_pack([](auto& p) { p.rates = {3, 2}; }), HasSubstr("they must ascend, none twice"));
  EXPECT_THAT(refusal_of_pack([](auto& p) { p.rates = {2, 17}; }), HasSubstr("each must be 1 to 16"));
  EXPECT_THAT(refusal_of_pack([](auto& p) { p.height = 0; }), StartsWith("key 'height' has the value 0"));
  EXPECT_THAT(refusal_of_pack([](auto& p) {
                p.degradation.noise = {0, 65};
              }),
              StartsWith("key 'degradation.noise' has the value [0, 65] (each must be 0 to 64)"));
  const auto drawn = [](std::vector<int> rates) {
    return refusal_of_pack([&](auto& p) {
      p.rates = rates;
      p.degradation.rate = {3, 5};
    });
  };
  for (const std::vector<int>& rates : {std::vector{4}, std::vector{1, 4}}) EXPECT_EQ("", drawn(rates));
  for (const std::vector<int>& rates : {std::vector{3, 4}, std::vector{1}, std::vector{2, 3, 4}})
    EXPECT_THAT(drawn(rates),
                AllOf(StartsWith("key 'degradation.rate' has the value [3, 5]"), HasSubstr("name one rate above 1")));
  EXPECT_THAT(refusal_of_pack([](auto& p) { p.shards = 100'001; }), StartsWith("key 'shards'"));
  EXPECT_EQ("key 'images_per_camera' has the value 4 (a stand-in for 'viper' has 1); set it to 1",
            refusal_of_pack([](auto& p) { p.synthetic = SyntheticSettings{}; }));
  EXPECT_THAT(refusal_of_pack([](auto& p) {
                p.source = Source::kSynthetic;
                p.synthetic = SyntheticSettings{.height = 31};
              }),
              StartsWith("key 'image_height' has the value 31 (it must be 32 to 1024)"));
}

TEST(StandIns, of_every_source_have_settings_that_their_layout_can_have) {
  for (std::size_t i = 0; i < kSources.size(); ++i) {
    SCOPED_TRACE(kSources[i].name);
    const auto source = static_cast<Source>(i);
    const SyntheticSettings settings = stand_in_of(source);
    EXPECT_EQ("", refusal([&] { check_stand_in(settings, source); }));
    EXPECT_EQ(!kSources[i].rendered, is_stand_in({.name = "set", .source = source, .synthetic = settings}));
    EXPECT_FALSE(is_stand_in({.name = "set", .source = source}));
    if (kSources[i].rendered) continue;
    // The ends of what its layout can have, and beyond them.
    const StandInFacts& can = kSources[i].stand_in;
    for (const auto& [member, range] : {std::pair(&SyntheticSettings::cameras, can.cameras),
                                        std::pair(&SyntheticSettings::images_per_camera, can.images),
                                        std::pair(&SyntheticSettings::identities, can.identities)})
      for (const auto& [value, refused] :
           {std::pair(range.low - 1, true), {range.low, false}, {range.high, false}, {range.high + 1, true}}) {
        SyntheticSettings changed = settings;
        changed.*member = value;
        EXPECT_EQ(refused, !refusal([&] { check_stand_in(changed, source); }).empty()) << value;
      }
  }
}

TEST(StandIns, are_other_packs_than_the_sets_that_they_stand_for) {
  PackSettings made_up = pack();
  made_up.synthetic = stand_in_of(made_up.source);
  EXPECT_NE(settings_in_pack(pack()), settings_in_pack(made_up));
  EXPECT_EQ(made_up, settings_of_pack(settings_in_pack(made_up), "pack.json"));
}

// A setting that came after the first packs stands in a pack only where it is not as every pack was before.
TEST(PackSettings, stand_in_packs_as_they_stood_there_before_they_could_be_chosen) {
  EXPECT_FALSE(settings_in_pack(pack()).contains("view_from"));
  PackSettings network = pack();
  network.view_from = ViewFrom::kNetwork;
  EXPECT_EQ("network", settings_in_pack(network).at("view_from"));
  EXPECT_FALSE(settings_in_pack(network).contains("single_images"));
  PackSettings single = pack();
  single.single_images = SingleImages::kDistractors;
  EXPECT_EQ("native", settings_in_pack(single).at("view_from"));  // schema 3 has it
  EXPECT_EQ("distractors", settings_in_pack(single).at("single_images"));
  PackSettings filled = pack();
  filled.truncated_images = TruncatedImages::kFilled;
  EXPECT_EQ("filled", settings_in_pack(filled).at("truncated_images"));
  EXPECT_FALSE(settings_in_pack(filled).contains("single_images"));
  PackSettings worn = pack();
  worn.degradation.jpeg = {30, 90};
  EXPECT_EQ(R"({"jpeg":[30,90]})", settings_in_pack(worn).at("degradation").dump());
  for (const PackSettings& settings : {pack(), network, single, filled, worn})
    EXPECT_EQ(settings, settings_of_pack(settings_in_pack(settings), "pack.json"));
  core::Json wrong = settings_in_pack(pack());
  wrong["width"] = 4097;
  EXPECT_THROW(settings_of_pack(wrong, "pack.json"), core::RuntimeError);
}

TEST(SplitSettings, that_nothing_would_look_at_are_refused) {
  const auto refused = [](auto change) {
    SplitSettings split;
    change(split);
    return refusal([&] { check(split, "split."); });
  };
  EXPECT_THAT(refused([](auto& s) { s.lr_side = LrSide::kQuery; }),
              HasSubstr("only the partition 'official' takes the source's queries"));
  EXPECT_EQ("", refused([](auto& s) {
              s.lr_side = LrSide::kQuery;
              s.partition = Partition::kOfficial;
              s.lr_camera = 3;
            }));
  EXPECT_THAT(refused([](auto& s) {
                s.lr_side = LrSide::kQuery;
                s.partition = Partition::kOfficial;
                s.lr_camera = 0;
              }),
              StartsWith("key 'split.lr_camera' has the value 0 ("));
  EXPECT_THAT(refused([](auto& s) {
                s.lr_cameras = {1, 3};
                s.lr_camera = 3;
              }),
              StartsWith("key 'split.lr_cameras' has the value [1, 3] ("));
  EXPECT_THAT(refused([](auto& s) { s.lr_cameras = {3, 1}; }), HasSubstr("they must ascend"));
  EXPECT_THAT(refused([](auto& s) {
                s.partition = Partition::kOfficial;
                s.distractors = Distractors::kAlways;
              }),
              StartsWith("key 'split.distractors' has the value 'always' ("));
}

TEST(SplitSettings, are_refused_in_the_words_of_whoever_gave_them) {
  SplitSettings split;
  EXPECT_EQ("", refusal([&] { check(split); }));
  split.lr_side = LrSide::kPair;
  split.lr_camera = 1;
  EXPECT_EQ(
      "key 'split.lr_camera' has the value 1 (with 'split.lr_side' \"pair\" nothing looks at it); leave it out or set "
      "split.lr_side = \"camera\"",
      refusal([&] { check(split, "split."); }));
  try {
    check(split);
    ADD_FAILURE() << "taken";
  } catch (const MemberError& error) {
    EXPECT_THAT(error.about("option --lr-camera").what(),
                StartsWith("option --lr-camera has the value 1 (with 'lr_side' \"pair\" nothing looks at it)"));
  }
  const auto refused = [](auto change) {
    return refusal([&] {
      SplitSettings changed;
      change(changed);
      check(changed, "split.");
    });
  };
  EXPECT_THAT(refused([](auto& s) { s.lr_camera = -1; }), StartsWith("key 'split.lr_camera' has the value -1"));
  EXPECT_THAT(refused([](auto& s) { s.query_rates = {2, 2}; }), StartsWith("key 'split.query_rates'"));
  EXPECT_THAT(refused([](auto& s) { s.train_identities = 1; }), HasSubstr("need at least 2"));
  EXPECT_THAT(refused([](auto& s) { s.lr_camera = 0, s.train_pool = TrainPool::kHrViewOnly; }),
              StartsWith("key 'split.train_pool' has the value 'hr-view-only'"));
  EXPECT_THAT(refused([](auto& s) { s.test_identities = 9, s.partition = Partition::kOfficial; }),
              HasSubstr("with the partition 'official' the source says who is tested"));
  EXPECT_THAT(refused([](auto& s) { s.tested = {3}, s.partition = Partition::kPublished; }),
              StartsWith("key 'split.tested' has the value 1 identities (with the partition 'published'"));
  EXPECT_THAT(refused([](auto& s) { s.tested = {3}, s.test_identities = 1; }),
              HasSubstr("('split.tested' names who is tested); set it to 0"));
}

TEST(SplitSettings, take_those_who_are_tested_from_a_list) {
  using testing::ElementsAre;
  EXPECT_THAT(tested_of("7\n3\n", "x.txt"), ElementsAre(3, 7));
  EXPECT_THAT(tested_of("\xef\xbb\xbf# DIL's\r\n 0020 \r\n\r\n20\r\n5", "x.txt"), ElementsAre(5, 20));
  const auto by_name = [](std::string_view path) { return std::int64_t{path == "query/a b.jpg" ? 12 : 0}; };
  EXPECT_THAT(tested_of("query/a b.jpg\n4\n", "x.txt", by_name), ElementsAre(4, 12));
  const auto refused = [&](std::string_view text, const auto& identity_of) {
    try {
      tested_of(text, "x.txt", identity_of);
    } catch (const core::RuntimeError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(
      "'x.txt', line 2: 'a\\u0001.jpg' is no identity (each line is a number, 1 to 1000000); `resolute data split PACK "
      "--tested-file FILE` makes numbers of images' paths",
      refused("1\na\x01.jpg", nullptr));
  EXPECT_EQ("'x.txt', line 1: 'b.jpg' is no identity (each line is an image of the pack or a number, 1 to 1000000)",
            refused("b.jpg", by_name));
  for (const char* text : {"0", "-1", "1.5", "1 2", "1000001", "99999999999999999999", "3,4", "0x3"})
    EXPECT_THAT(refused(text, nullptr), StartsWith("'x.txt', line 1: '")) << text;
  EXPECT_EQ("'x.txt' names no identity (each line is one)", refused("# none\n\n", nullptr));
  // Published lists of other programs.
  EXPECT_EQ(
      "'x.txt' is an array of NumPy's (a list is a text, an identity per line); make one of it: python3 -c 'import "
      "numpy; "
      "print(*numpy.unique(numpy.load(\"FILE\")), sep=\"\\n\")' > LIST.txt",
      refused("\x93NUMPY\x01\n", nullptr));
  for (const auto& [text, reads] : {std::pair("MATLAB 5.0 MAT-file, Platform: GLNXA64", "scipy.io.loadmat"),
                                    {"\x89HDF\r\n\x1a\n", "h5py.File"},
                                    {"PK\x03\x04", "numpy.load"},
                                    {"{\"test\": [1]}", "json.load"},
                                    {"[{\"train\": []}]", "json.load"}})
    EXPECT_THAT(refused(text, by_name), AllOf(HasSubstr("a list is a text"), HasSubstr(reads))) << text;
}

}  // namespace
}  // namespace resolute::settings::data_test
