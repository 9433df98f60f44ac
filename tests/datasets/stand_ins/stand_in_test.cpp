// Facts of the stand-in of every layout, and of every ingester that reads one.
#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "datasets/pack/pack.h"
#include "datasets/split/split.h"
#include "datasets/split/training_images.h"
#include "tests/datasets/sources/scratch.h"
#include "tests/support/forwarding_file_system.h"

namespace resolute::datasets::stand_in_test {
namespace {

using testing::HasSubstr;

// Nothing here has to survive a power failure.
class Unsynced final : public tests::ForwardingFileSystem {
 public:
  void sync_path(const fs::path&) override {}
};

class StandIn : public Scratch, public testing::WithParamInterface<Source> {
 protected:
  static StandInSettings options(bool irregular) {
    StandInSettings options = stand_in_settings(GetParam());
    options.identities = 10;
    options.height = 32;
    options.width = 16;
    options.seed = 3;
    options.irregular = irregular;
    return options;
  }
  fs::path make(const std::string& name, bool irregular) {
    write_stand_in(unsynced_, root_ / name, options(irregular));
    return root_ / name;
  }
  static PackSettings pack_options() {
    return {.name = std::string(settings::word(GetParam())),
            .source = GetParam(),
            .rates = {2, 3},
            .height = 16,
            .width = 8,
            .shards = 2};
  }
  PackReader pack(const fs::path& raw, const std::string& name) {
    const auto reader = open_raw(files_, GetParam(), raw);
    const auto samples = list_samples(files_, GetParam(), raw);
    for (int shard = 0; shard < 2; ++shard) write_shard(files_, *reader, samples, pack_options(), shard, root_ / name);
    seal_pack(files_, root_ / name, pack_options());
    return PackReader::open(files_, root_ / name);
  }

  static SplitSettings protocol(const PackReader& reader) {
    SplitSettings split{.query_rates = {2, 3}};
    // VRU has one camera; CUHK03's are pairs, of which every identity knows one.
    if (std::ranges::all_of(reader.rows(), [](const PackRow& row) { return row.sample.camera == 1; }))
      split.lr_camera = 0;
    if (has_pairs()) split.lr_side = LrSide::kPair;
    return split;
  }
  static bool has_pairs() { return settings::word(GetParam()).starts_with("cuhk03"); }

  Unsynced unsynced_;
};

class IrregularStandIn : public StandIn {};

TEST_P(StandIn, is_of_the_same_bytes_whenever_it_is_made) {
  for (const bool irregular : {false, true}) {
    const auto first = hashes(make(irregular ? "irregular" : "regular", irregular));
    EXPECT_EQ(hashes(make(irregular ? "irregular-again" : "regular-again", irregular)), first);
  }
  EXPECT_NE(hashes(root_ / "regular"), hashes(root_ / "irregular"));
}

TEST_P(StandIn, is_left_as_it_is_by_the_same_settings_and_refused_to_others) {
  const fs::path raw = make("raw", false);
  const auto before = hashes(raw);
  make("raw", false);
  EXPECT_EQ(hashes(raw), before);
  EXPECT_THROW(make("raw", true), core::RuntimeError);
  EXPECT_EQ(hashes(raw), before);
}

TEST_P(StandIn, is_read_by_its_own_source) {
  for (const bool irregular : {false, true}) {
    const auto samples = list_samples(files_, GetParam(), make(irregular ? "irregular" : "regular", irregular));
    std::set<std::int64_t> identities;
    for (const Sample& sample : samples) {
      if (sample.identity > 0) identities.insert(sample.identity);
      EXPECT_GE(sample.identity, 0) << sample.path;
      EXPECT_GE(sample.camera, 1) << sample.path;
      EXPECT_TRUE(sample.subset == "train" || sample.subset == "query" || sample.subset == "gallery") << sample.path;
    }
    EXPECT_TRUE(std::ranges::is_sorted(samples, {}, &Sample::path));
    // CAVIAR4REID leaves out whom one camera saw.
    EXPECT_GE(identities.size(), irregular ? 9u : 10u);
  }
}

TEST_P(StandIn, can_be_packed_and_read) {
  const fs::path raw = make("raw", true);
  const auto samples = list_samples(files_, GetParam(), raw);
  const PackReader reader = pack(raw, "pack");
  ASSERT_EQ(reader.size(), samples.size());
  verify_pack(files_, root_ / "pack");
  const auto images = open_raw(files_, GetParam(), raw);
  std::set<std::pair<int, int>> sizes;
  Image view;
  for (std::size_t row = 0; row < reader.size(); ++row) {
    EXPECT_EQ(reader.row(row).sample, samples[row]);
    EXPECT_EQ(reader.row(row).source_sha256, core::sha256_hex(images->read(samples[row].path)));
    sizes.emplace(reader.row(row).native_height, reader.row(row).native_width);
    reader.read_view(row, 2, view);
    EXPECT_GT(*std::ranges::max_element(view.pixels), 0) << samples[row].path;
  }
  EXPECT_GT(sizes.size(), 5u) << "an irregular set has images of many sizes";
}

// By names, by the pack, and by nothing.
TEST_P(StandIn, trains_on_as_many_images_as_are_counted_before_it_is_packed) {
  for (const bool irregular : {false, true}) {
    const std::string name = irregular ? "irregular" : "regular";
    const fs::path raw = make(name, irregular);
    const PackReader reader = pack(raw, name + "-pack");
    SplitSettings split = protocol(reader);
    const bool came_low = std::ranges::any_of(reader.rows(), [](const PackRow& row) { return row.sample.rate != 1; });
    TrainingImages images(files_);
    for (const TrainPool pool : {TrainPool::kMlr, TrainPool::kHrBothViews, TrainPool::kHrViewOnly})
      for (const std::uint64_t seed : {0U, 1U}) {
        if (came_low && pool == TrainPool::kHrBothViews) continue;
        if (split.lr_camera == 0 && pool == TrainPool::kHrViewOnly) continue;
        split.train_pool = pool;
        split.seed = seed;
        const Split made = make_split(reader, split);
        const settings::TrainingCount expected{made.train.size(), made.train_identities};
        EXPECT_EQ(expected, images.count_split(pack_options(), root_ / (name + "-other"), raw, split).value().train);
        EXPECT_EQ(expected, images.count_split(pack_options(), root_ / (name + "-pack"), {}, split).value().train);
        EXPECT_FALSE(images.count_split(pack_options(), root_ / "nowhere", root_ / "nowhere", split));
      }
  }
}

// A suite's run, each shard's job and the planner draw from a pack's settings.
TEST_P(StandIn, of_a_packs_settings_is_that_of_its_layout_and_counted_before_it_is_there) {
  PackSettings pack = pack_options();
  pack.synthetic = static_cast<const SyntheticSettings&>(options(false));
  draw_raw_images(unsynced_, root_ / "drawn", pack);
  draw_raw_images(unsynced_, root_ / "drawn", pack);  // another job
  EXPECT_EQ(hashes(root_ / "drawn"), hashes(make("plain", stand_in_settings(GetParam()).irregular)));
  const std::vector<Sample> listed = list_samples(files_, GetParam(), root_ / "drawn");
  EXPECT_EQ(listed, list_drawn(files_, pack));
  SplitSettings split;
  if (settings::facts_of(GetParam()).one_camera) split.lr_camera = 0;
  if (has_pairs()) split.lr_side = LrSide::kPair;
  TrainingImages images(files_);
  const auto undrawn = images.count_split(pack, root_ / "a", root_ / "nowhere", split).value().train;
  EXPECT_EQ(undrawn, images.count_split(pack, root_ / "b", root_ / "drawn", split).value().train);
  EXPECT_GT(undrawn.images, 0U);
}

TEST_P(StandIn, is_divided_as_its_protocol_says) {
  for (const bool irregular : {false, true}) {
    const std::string name = irregular ? "irregular" : "regular";
    const PackReader reader = pack(make(name, irregular), name + "-pack");
    SplitSettings split = protocol(reader);
    const Split halves = make_split(reader, split);
    EXPECT_GE(halves.train_identities, 4);
    EXPECT_FALSE(halves.query.empty());
    EXPECT_FALSE(draw_gallery(halves, 0, 0).empty());
    // An image that came in low resolution is never shown as high resolution.
    for (const GalleryItem& item : halves.gallery) EXPECT_EQ(reader.row(item.row).sample.rate, 1) << item.path;
    for (const TrainItem& item : halves.train)
      EXPECT_TRUE(!item.has_hr || reader.row(item.row).sample.rate == 1) << item.path;
    const auto trains = [](const PackRow& row) { return row.sample.subset == "train"; };
    if (std::ranges::all_of(reader.rows(), trains) || std::ranges::none_of(reader.rows(), trains)) continue;
    split.partition = Partition::kOfficial;
    const Split official = make_split(reader, split);
    EXPECT_GE(official.train_identities, 4);
    EXPECT_FALSE(official.query.empty());
  }
}

// Oddities of an irregular set of these layouts; that of the others is tested with their sources.
TEST_P(IrregularStandIn, has_the_oddities_that_its_layout_can_have) {
  struct Oddities {
    bool stray_file, one_camera, distractor;
  };
  const std::map<Source, Oddities> expected{
      {Source::kCaviar, {true, false, false}},   {Source::kDukemtmc, {true, true, true}},
      {Source::kMarket1501, {true, true, true}}, {Source::kPkuReid, {true, true, false}},
      {Source::kSynthetic, {true, true, true}},  {Source::kViper, {true, false, false}},
      {Source::kVru, {true, true, false}}};
  const auto known = expected.find(GetParam());
  ASSERT_NE(known, expected.end());
  for (const bool irregular : {false, true}) {
    const fs::path raw = make(irregular ? "irregular" : "regular", irregular);
    std::map<std::int64_t, std::set<std::int64_t>> cameras;
    for (const Sample& sample : list_samples(files_, GetParam(), raw)) cameras[sample.identity].insert(sample.camera);
    const bool one_camera =
        std::ranges::any_of(cameras, [](const auto& seen) { return seen.first > 0 && seen.second.size() == 1; });
    const bool stray = std::ranges::any_of(hashes(raw), [](const auto& file) {
      const std::string name = fs::path(file.first).filename().string();
      return !sources::is_image_name(name) && !name.ends_with("_list.txt") && !name.starts_with("test_list_") &&
             name != "synthetic.json";
    });
    EXPECT_EQ(stray, irregular && known->second.stray_file);
    EXPECT_EQ(one_camera, GetParam() == Source::kVru || (irregular && known->second.one_camera));
    EXPECT_EQ(cameras.contains(0), irregular && known->second.distractor);
  }
}

// A folder, a link to nothing, an empty file, half a file: whether listing or packing finds it, it names the file.
TEST_P(StandIn, an_image_that_is_none_is_refused_by_name) {
  const fs::path raw = make("raw", false);
  const std::string path = list_samples(files_, GetParam(), raw)[1].path;
  const fs::path file = open_raw(files_, GetParam(), raw)->place(path);
  ASSERT_TRUE(fs::is_regular_file(file));
  const core::Bytes whole = files_.read(file);
  const auto refused = [&] {
    EXPECT_THAT(tests::refusal([&] { pack(raw, "pack"); }), HasSubstr(fs::relative(file, raw).string()));
    EXPECT_FALSE(files_.exists(root_ / "pack/pack.json")) << path << " was taken";
  };
  fs::remove(file);
  fs::create_directory(file);
  refused();
  fs::remove(file);
  fs::create_symlink("nowhere", file);
  refused();
  fs::remove(file);
  touch(fs::relative(file, root_).string());
  refused();
  core::write_atomic(files_, file, std::span(whole).first(whole.size() / 2));
  refused();
}

class StandInSettingsTest : public Scratch {};

TEST_F(StandInSettingsTest, that_a_layout_cannot_have_are_refused_before_anything_is_written) {
  struct Row {
    Source layout;
    SyntheticSettings settings;
    const char* message;  // with "…" where it says "a stand-in for 'LAYOUT' has"
  };
  for (const auto& [layout, settings, message] :
       {Row{Source::kCaviar, {.cameras = 1, .images_per_camera = 10}, "'cameras' has the value 1 (… 2); set it to 2"},
        Row{Source::kCaviar, {.images_per_camera = 4}, "'images_per_camera' has the value 4 (… 10); set it to 10"},
        Row{Source::kDukemtmc, {.cameras = 9}, "'cameras' has the value 9 (… 1 to 8)"},
        Row{Source::kMlrFolders, {.cameras = 1}, "'cameras' has the value 1 (… 2 to 99)"},
        Row{Source::kMlrFoldersByIdentity, {.cameras = 1}, "'cameras' has the value 1 (… 2 to 99)"},
        Row{Source::kPkuReid, {.cameras = 6}, "'cameras' has the value 6 (… 2); set it to 2"},
        Row{Source::kPkuReid, {.images_per_camera = 9}, "'images_per_camera' has the value 9 (… 2 to 8)"},
        Row{Source::kSysu, {.cameras = 3}, "'cameras' has the value 3 (… 2); set it to 2"},
        Row{Source::kViper, {.cameras = 3, .images_per_camera = 1}, "'cameras' has the value 3 (… 2); set it to 2"},
        Row{Source::kViper, {.images_per_camera = 2}, "'images_per_camera' has the value 2 (… 1); set it to 1"},
        Row{Source::kVru, {}, "'cameras' has the value 2 (… 1); set it to 1"}}) {
    std::string expected = fmt::format("key {}", message);
    expected.replace(expected.find("…"), std::string("…").size(),
                     fmt::format("a stand-in for '{}' has", settings::word(layout)));
    const auto write = [this, &wanted = settings, source = layout] {
      write_stand_in(files_, root_ / "made", {wanted, source});
    };
    EXPECT_THAT(write, tests::fails(expected)) << expected;
    EXPECT_FALSE(files_.exists(root_ / "made")) << expected;
  }
}

TEST_F(StandInSettingsTest, of_published_sets_the_folder_that_they_unpack_to_or_its_parent_may_be_named) {
  for (const auto& [layout, name] :
       {std::pair(Source::kCaviar, "CAVIARa"), std::pair(Source::kDukemtmc, "DukeMTMC-reID"),
        std::pair(Source::kMarket1501, "Market-1501-v15.09.15"), std::pair(Source::kViper, "VIPeR"),
        std::pair(Source::kVru, "VRU")}) {
    const fs::path parent = root_ / settings::word(layout);
    write_stand_in(files_, root_ / "made", stand_in_settings(layout));
    const auto expected = list_samples(files_, layout, root_ / "made");
    fs::create_directory(parent);
    fs::rename(root_ / "made", parent / name);
    for (const fs::path& named : {parent, parent / name}) {
      EXPECT_EQ(list_samples(files_, layout, named), expected) << named;
      EXPECT_EQ(source_root(files_, layout, named), parent / name);
    }
  }
}

std::string test_name(const testing::TestParamInfo<Source>& layout) {
  std::string name(settings::word(layout.param));
  std::ranges::replace_if(
      name, [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

std::vector<Source> all_layouts() {
  std::vector<Source> layouts;
  for (std::size_t i = 0; i < settings::kSources.size(); ++i) layouts.push_back(static_cast<Source>(i));
  return layouts;
}

INSTANTIATE_TEST_SUITE_P(Layouts, StandIn, testing::ValuesIn(all_layouts()), test_name);
INSTANTIATE_TEST_SUITE_P(Layouts, IrregularStandIn,
                         testing::Values(Source::kCaviar, Source::kDukemtmc, Source::kMarket1501, Source::kPkuReid,
                                         Source::kSynthetic, Source::kViper, Source::kVru),
                         test_name);

}  // namespace
}  // namespace resolute::datasets::stand_in_test
