// Trials for other programs: the images are what a training of ours would see, the lists say what the split does, and
// what came out as CSV goes in again.

#include "datasets/lists/lists.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <map>
#include <set>
#include <sstream>

#include "datasets/image/image.h"
#include "datasets/image/low_resolution.h"
#include "datasets/sources/csv.h"
#include "datasets/sources/source.h"
#include "tests/datasets/pack/raw_images.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/forwarding_file_system.h"

namespace resolute::datasets::lists_test {
namespace {

using namespace tests;

class Lists : public testing::Test {
 protected:
  Split split(int lr_camera = 2) const {
    SplitSettings options{.lr_camera = lr_camera, .query_rates = {2, 3}};
    return make_split(pack_, options);
  }
  fs::path out() const { return raw_.folder() / "out"; }
  void export_as(ListFormat format, const Split& split) const {
    export_trial(core::real_file_system(), pack_, split, 3, format, out());
  }
  std::string text(const std::string& name) const { return core::read_text(core::real_file_system(), out() / name); }
  Image image(const std::string& path) const { return decode_image(tests::file_bytes(out() / path), path); }
  // Names in the folder that holds `out`.
  std::vector<std::string> beside() const { return core::real_file_system().list(raw_.folder().path()); }

  RawImages raw_{8, 3};
  PackReader pack_ = open_small_pack(raw_, small_options(2));
};

TEST_F(Lists, for_torchreid_name_every_image_of_the_split_and_its_pixels) {
  const Split trial = split();
  export_as(ListFormat::kTorchreid, trial);
  const core::Json splits = core::parse_json(text("splits.json"), "splits.json");
  ASSERT_EQ(1U, splits.size());
  const core::Json& lists = splits[0];
  EXPECT_EQ(6U, lists.size());
  for (const char* key : {"num_train_pids", "num_query_pids", "num_gallery_pids"}) EXPECT_EQ(4, lists.at(key)) << key;
  ASSERT_EQ(trial.train.size(), lists.at("train").size());
  ASSERT_EQ(trial.query.size(), lists.at("query").size());
  ASSERT_EQ(trial.gallery.size(), lists.at("gallery").size());
  const auto expect_item = [&](const core::Json& item, const auto& expected, std::int64_t pid, int rate) {
    EXPECT_EQ(pid, item.at(1));
    EXPECT_EQ(expected.camera - 1, item.at(2));
    Image view;
    pack_.read_view(expected.row, rate, view);
    EXPECT_EQ(view, image(item.at(0))) << item.dump();
  };
  for (std::size_t i = 0; i < trial.train.size(); ++i)
    expect_item(lists.at("train")[i], trial.train[i], trial.train[i].label, trial.train[i].stored_rate);
  for (std::size_t i = 0; i < trial.query.size(); ++i)
    expect_item(lists.at("query")[i], trial.query[i], trial.query[i].identity, trial.query[i].rate);
  for (std::size_t i = 0; i < trial.gallery.size(); ++i)
    expect_item(lists.at("gallery")[i], trial.gallery[i], trial.gallery[i].identity, 1);
  EXPECT_EQ(trial, import_split(core::real_file_system(), out() / "split-0.json"));
}

TEST_F(Lists, for_fast_reid_are_lines_of_path_pid_and_camid) {
  const Split trial = split();
  export_as(ListFormat::kFastReid, trial);
  const auto read = [&](const std::string& part) {
    std::vector<std::tuple<std::string, std::int64_t, std::int64_t>> lines;
    std::istringstream stream(text(part + ".txt"));
    std::string path;
    for (std::int64_t pid = 0, camid = 0; stream >> path >> pid >> camid;) {
      lines.emplace_back(path, pid, camid);
      EXPECT_TRUE(path.starts_with(part + "/")) << path;
      EXPECT_TRUE(fs::exists(out() / path)) << path;
    }
    return lines;
  };
  const auto expect_list = [&](const std::string& part, const auto& items) {
    const auto lines = read(part);
    ASSERT_EQ(items.size(), lines.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
      EXPECT_EQ(items[i].identity, std::get<1>(lines[i]));
      EXPECT_EQ(items[i].camera - 1, std::get<2>(lines[i]));
    }
  };
  expect_list("train", trial.train);
  expect_list("query", trial.query);
  expect_list("gallery", trial.gallery);
}

// Evaluators leave out gallery images of the query's identity from the query's camera: here they are all of camera 1
// or 2.
TEST_F(Lists, without_an_lr_camera_tell_queries_and_gallery_apart_by_camera) {
  export_as(ListFormat::kTorchreid, split(0));
  const core::Json splits = core::parse_json(text("splits.json"), "splits.json");
  for (const core::Json& item : splits[0].at("query")) EXPECT_EQ(0, item.at(2));
  for (const core::Json& item : splits[0].at("gallery")) EXPECT_EQ(1, item.at(2));
}

// Which row of the first pack a file was made from: 0003_c1_000017_x2.png.
std::size_t row_of(const std::string& path) {
  return std::stoul(path.substr(path.find("_c") + std::string_view("_c1_").size(), 6));
}

// A split told by rows of the first pack, so that two packs can be compared.
struct Membership {
  std::map<std::size_t, std::tuple<std::int64_t, int, std::int64_t, bool, int>> train;
  std::map<std::size_t, std::tuple<std::int64_t, std::int64_t, int>> query;
  std::map<std::size_t, std::pair<std::int64_t, std::int64_t>> gallery;
  bool operator==(const Membership&) const = default;
};

template <class Row>
Membership membership(const Split& split, Row row) {
  Membership members;
  for (const TrainItem& item : split.train)
    members.train[row(item)] = {item.identity, item.label, item.camera, item.has_hr, item.stored_rate};
  for (const QueryItem& item : split.query) members.query[row(item)] = {item.identity, item.camera, item.rate};
  for (const GalleryItem& item : split.gallery) members.gallery[row(item)] = {item.identity, item.camera};
  return members;
}

PackReader ingest_csv(const fs::path& root, const fs::path& pack_folder) {
  auto& files = core::real_file_system();
  const PackSettings options = small_options();
  const auto raw = open_raw(files, settings::Source::kCsv, root);
  write_shard(files, *raw, list_samples(files, settings::Source::kCsv, root), options, 0, pack_folder);
  seal_pack(files, pack_folder, options);
  return PackReader::open(pack_folder);
}

TEST_F(Lists, as_csv_are_ingested_again_to_the_same_trial_of_the_same_pixels) {
  for (const TrainPool pool : {TrainPool::kMlr, TrainPool::kHrBothViews, TrainPool::kHrViewOnly}) {
    SplitSettings options{.query_rates = {2, 3}, .train_pool = pool, .lr_side = LrSide::kIdentity};
    const Split before = make_split(pack_, options);
    const fs::path folder = raw_.folder() / settings::word(pool);
    export_trial(core::real_file_system(), pack_, before, 0, ListFormat::kCsv, folder);
    const PackReader again = ingest_csv(folder, raw_.folder() / fmt::format("{}-pack", settings::word(pool)));
    EXPECT_EQ(before.train.size() + before.query.size() + before.gallery.size(), again.size());
    SplitSettings official{.partition = Partition::kOfficial, .query_rates = {2, 3}};
    const Split after = make_split(again, official);
    EXPECT_EQ(membership(before, [](const auto& item) { return item.row; }),
              membership(after, [](const auto& item) { return row_of(item.path); }));
    Image stored, shown;
    for (const QueryItem& item : after.query) {
      again.read_view(item.row, item.rate, shown);
      pack_.read_view(row_of(item.path), item.rate, stored);
      EXPECT_EQ(enlarge(stored, 12, 6), shown) << item.path;
    }
    for (const TrainItem& item : after.train) {
      again.read_lr(item.row, 1, shown);
      pack_.read_view(row_of(item.path), item.stored_rate, stored);
      EXPECT_EQ(enlarge(stored, 12, 6), shown) << item.path;
    }
  }
}

// The second time around the images came in low resolution, and the pack holds them enlarged.
TEST_F(Lists, of_images_that_came_in_low_resolution_go_around_once_more) {
  auto& files = core::real_file_system();
  export_trial(files, pack_, split(), 0, ListFormat::kCsv, raw_.folder() / "once");
  const PackReader once = ingest_csv(raw_.folder() / "once", raw_.folder() / "once-pack");
  SplitSettings official{.partition = Partition::kOfficial, .query_rates = {2, 3}};
  const Split second = make_split(once, official);
  export_trial(files, once, second, 0, ListFormat::kCsv, raw_.folder() / "twice");
  const PackReader twice = ingest_csv(raw_.folder() / "twice", raw_.folder() / "twice-pack");
  EXPECT_EQ(membership(second, [](const auto& item) { return item.row; }),
            membership(make_split(twice, official), [](const auto& item) { return row_of(item.path); }));
}

TEST_F(Lists, of_what_the_pack_contradicts_are_refused) {
  const Split good = split();
  const auto refused = [&](auto change, const std::vector<std::string>& parts) {
    Split other = good;
    change(other);
    expect_error(core::ErrorKind::kInput, parts, [&] { export_as(ListFormat::kTorchreid, other); });
    EXPECT_FALSE(fs::exists(out()));
  };
  refused([](Split& s) { s.manifest_sha256 = std::string(64, 'e'); }, {"of another pack", "eeee"});
  refused([](Split& s) { s.train[0].path = "../x.png"; }, {"contradicts pack 'noise' at row", "'../x.png' there"});
  refused([](Split& s) { s.query[0].identity = 77; }, {"another identity or camera"});
  refused([](Split& s) { s.gallery.back().row = 1000; }, {"at row 1000", "the pack has 48 rows"});
  refused([](Split& s) { s.query[0].rate = 4; }, {"the split has rate 4", "rates 2, 3"});
  refused([](Split& s) { s.query[0].came_low = true; }, {"whether it came in low resolution"});
  SplitSettings at_one{.query_rates = {1}};
  expect_error(core::ErrorKind::kInput, {"is at rate 1", "torchreid or fastreid"},
               [&] { export_as(ListFormat::kCsv, make_split(pack_, at_one)); });
  expect_error(core::ErrorKind::kInput,
               {"option --format has the value 'yaml'", "it must be one of torchreid, fastreid, csv"},
               [] { settings::parse_word<ListFormat>("yaml", "option --format"); });
}

// A row (path, identity, camera, subset, rate) of the table by its path.
std::map<std::string, int> rates_in(const std::string& table) {
  std::map<std::string, int> rates;
  for (const sources::ListedImage& image : sources::parse_image_list(table, "images.csv"))
    rates[image.sample.path] = image.sample.rate;
  return rates;
}

// A split's judgement of an unknown rate is no knowledge, and neither is a rate that the pack lacks.
TEST_F(Lists, as_csv_say_of_images_that_came_low_what_is_known_of_them) {
  auto& files = core::real_file_system();
  std::vector<Sample> samples = raw_.samples();
  for (Sample& sample : samples)
    if (sample.camera == 2) sample.rate = std::array{0, 2, 5}[static_cast<std::size_t>(sample.identity % 3)];
  const fs::path folder = raw_.folder() / "low-pack";
  write_shard(files, raw_.reader(), samples, small_options(), 0, folder);
  seal_pack(files, folder, small_options());
  const PackReader pack = PackReader::open(folder);
  SplitSettings options{.query_rates = {2, 3}};
  const TrialLists lists = list_trial(pack, make_split(pack, options));
  const std::map<std::string, int> rates = rates_in(csv_text(lists));
  std::set<int> known;
  for (const auto* part : {&lists.train, &lists.query, &lists.gallery})
    for (const TrialImage& image : *part) {
      EXPECT_EQ(pack.row(image.row).sample.rate, rates.at(image.path)) << image.path;
      known.insert(rates.at(image.path));
    }
  EXPECT_EQ((std::set<int>{0, 1, 2, 5}), known);
}

TEST_F(Lists, of_people_with_one_image_are_no_csv) {
  // Camera 1 took one image of each.
  const RawImages raw(8, 1);
  const PackReader pack = open_small_pack(raw);
  SplitSettings options{.query_rates = {2, 3}};
  EXPECT_NO_THROW(csv_text(list_trial(pack, make_split(pack, options))));
  options.train_pool = TrainPool::kHrViewOnly;
  const Split split = make_split(pack, options);
  expect_error(core::ErrorKind::kInput, {"has one image in this trial, 'train/", "ingested again", "hr-view-only"},
               [&] { export_trial(core::real_file_system(), pack, split, 0, ListFormat::kCsv, out()); });
  EXPECT_FALSE(fs::exists(out()));
  export_trial(core::real_file_system(), pack, split, 0, ListFormat::kTorchreid, out());
}

TEST_F(Lists, with_a_gallery_image_of_a_querys_camera_are_no_csv) {
  TrialLists lists = list_trial(pack_, split());
  EXPECT_NO_THROW(csv_text(lists));
  lists.gallery.front().identity = lists.query.front().identity;
  lists.gallery.front().camera = lists.query.front().camera;
  expect_error(core::ErrorKind::kInput, {"is of a camera that asks for its identity", "torchreid or fastreid"},
               [&] { csv_text(lists); });
}

TEST_F(Lists, go_nowhere_but_into_a_folder_of_that_name) {
  const std::string file = raw_.folder() / "file", link = raw_.folder() / "link", dangling = raw_.folder() / "gone";
  core::write_atomic(core::real_file_system(), file, "text");
  fs::create_directory(raw_.folder() / "folder");
  fs::create_directory_symlink(raw_.folder() / "folder", link);
  fs::create_directory_symlink(raw_.folder() / "nothing", dangling);
  const std::vector<std::string> before = beside();
  const auto refused = [&](const std::string& target, const std::string& part) {
    std::size_t written = 0;
    expect_error(core::ErrorKind::kInput, {part, "name another folder"}, [&] {
      export_trial(core::real_file_system(), pack_, split(), 0, ListFormat::kCsv, target,
                   [&](std::size_t images) { written = images; });
    });
    EXPECT_EQ(0U, written);
    EXPECT_EQ(before, beside());
  };
  refused(file, "file' is no folder");
  refused(link, "link' is a symbolic link");
  refused(link + "/", "link' is a symbolic link");
  refused(dangling, "gone' is a symbolic link");
}

TEST_F(Lists, go_into_a_new_or_empty_folder_only) {
  fs::create_directory(out());
  export_as(ListFormat::kCsv, split());
  const std::string before = text("images.csv");
  expect_error(core::ErrorKind::kInput, {"holds something"}, [&] { export_as(ListFormat::kFastReid, split()); });
  EXPECT_EQ(before, text("images.csv"));
  EXPECT_FALSE(fs::exists(out() / "train.txt"));
}

TEST_F(Lists, are_written_whole_or_not_at_all) {
  const Split trial = split();
  const std::vector<std::string> before = beside();
  for (const auto operation : {FaultyFileSystem::kOpen, FaultyFileSystem::kWrite, FaultyFileSystem::kClose,
                               FaultyFileSystem::kMkdir, FaultyFileSystem::kRename})
    for (int nth = 0;; nth = nth * 2 + 1) {
      FaultyFileSystem files;
      files.fail(operation, nth);
      try {
        export_trial(files, pack_, trial, 1, ListFormat::kFastReid, out());
        EXPECT_FALSE(files.fired());
        EXPECT_GT(nth, 0) << "of call " << operation << " there was none";
        EXPECT_TRUE(fs::exists(out() / "train.txt"));
        fs::remove_all(out());
        break;
      } catch (const core::RuntimeError&) {
        EXPECT_TRUE(files.fired());
        EXPECT_EQ(before, beside()) << operation << " " << nth;
      }
    }
}

// The fsyncs before the rename; they are made side by side.
class OneFailedSync final : public tests::ForwardingFileSystem {
 public:
  explicit OneFailedSync(int nth) : left_(nth) {}
  void sync_path(const fs::path& path) override {
    if (left_-- == 0) throw core::system_error("cannot sync", EIO);
    core::real_file_system().sync_path(path);
  }

 private:
  std::atomic<int> left_;
};

TEST_F(Lists, that_do_not_reach_the_disk_are_not_there) {
  const Split trial = split();
  const std::vector<std::string> before = beside();
  for (const int nth : {0, 1, 20, 50}) {
    OneFailedSync files(nth);
    EXPECT_THROW(export_trial(files, pack_, trial, 1, ListFormat::kCsv, out()), core::RuntimeError);
    EXPECT_EQ(before, beside()) << nth;
  }
}

}  // namespace
}  // namespace resolute::datasets::lists_test
