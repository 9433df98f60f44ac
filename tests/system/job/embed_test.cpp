// `resolute embed`: features of anybody's images, held against those that an evaluation kept of the same ones.

#include "core/files/json.h"
#include "datasets/hdf5/array_file.h"
#include "datasets/image/image.h"
#include "datasets/image/low_resolution.h"
#include "datasets/sources/csv.h"
#include "tests/system/program.h"

namespace resolute::system_test::embed_test {
namespace {

using datasets::ArrayFileReader;
using datasets::Sample;

core::Bytes bytes_of(const fs::path& path) { return core::real_file_system().read(path); }

// RAIN of the tiny suite, trained and evaluated once, and what its evaluation embedded as files: the LR views of its
// queries as a camera would have stored them, the gallery's raw images.
class EmbedTest : public SharedFolder {
 protected:
  static void SetUpTestSuite() {
    SharedFolder::SetUpTestSuite();
    const Words asked{kTinySuite, "--store", store(), "--set", "trials=1"};
    succeeded(resolute(joined(joined({"suite", "run"}, asked), {"--only", "rain"})));
    const core::Json plan = json_of(resolute(joined(joined({"suite", "plan"}, asked), {"--json"})));
    for (const core::Json& job : plan.at("jobs")) {
      const core::Json& specification = job.at("specification");
      if (job.at("kind") == "training" && specification.at("method") == "rain") training_ = job.at("id");
      if (job.at("kind") == "evaluation" && specification.at("training") == training_) evaluation_ = job.at("id");
    }
    write_files();
  }
  static void write_files() {
    succeeded(run_program(
        {kBin / "resolute-worker", "split", "--store", store(), "--job", evaluation_, "--out", scratch_->path()}));
    const core::Json split = json_of(*scratch_ / "split-0.json").at("split");
    const fs::path raw = fs::directory_iterator(store() / "raw")->path();
    for (const char* side : {"query", "gallery"})
      for (const core::Json& item : split.at(side)) {
        const std::string path = item.at("path");
        const int rate = item.value("rate", 1);
        const auto image = datasets::decode_image(bytes_of(raw / path), path);
        const auto view = datasets::low_resolution_view(image, rate, datasets::Kernel::kTriangle);
        samples_.push_back(
            {fmt::format("{}/{:03}.png", side, samples_.size()), item.at("identity"), item.at("camera"), side, rate});
        core::write_atomic(core::real_file_system(), folder() / samples_.back().path, datasets::encode_png(view));
      }
    write(list(), datasets::sources::image_list_text(samples_));
  }
  static fs::path folder() { return *scratch_ / "files"; }
  static fs::path list() { return folder() / "list.csv"; }
  static fs::path out(const std::string& name) { return *scratch_ / name; }
  static fs::path features() { return store() / "jobs" / evaluation_.substr(0, 2) / evaluation_ / "features.h5"; }
  static CommandOutput embed(const fs::path& images, const std::string& name, const Words& more = {}) {
    return resolute(joined({"embed", training_.substr(0, 12), images, "--store", store(), "--out", out(name)}, more));
  }
  static std::vector<std::string> paths_in(const ArrayFileReader& file, const std::string& side) {
    const auto rows = file.read_int64(side + "/paths", 2);
    std::vector<std::string> paths;
    for (std::size_t at = 0; at < rows.values.size(); at += rows.shape[1]) {
      paths.emplace_back();
      for (std::size_t i = at; i < at + rows.shape[1] && rows.values[i] != 0; ++i)
        paths.back().push_back(static_cast<char>(rows.values[i]));
    }
    return paths;
  }

  static inline std::string training_, evaluation_;
  static inline std::vector<Sample> samples_;
};

TEST_F(EmbedTest, gives_the_bits_of_an_evaluation_on_any_number_of_ranks) {
  const core::Json answer = json_of(embed(list(), "one.h5", {"--json"}));
  const ArrayFileReader kept(features()), made(out("one.h5"));
  std::vector<std::string> paths;
  for (const std::string side : {"query", "gallery"}) {
    const auto expected = kept.read_float32(side + "/features", 2);
    EXPECT_EQ(answer.at(side == "query" ? "queries" : "gallery"), expected.shape[0]);
    EXPECT_EQ(answer.at("dimension"), expected.shape[1]);
    EXPECT_GT(expected.shape[0], 5U);
    EXPECT_EQ(expected.values, made.read_float32(side + "/features", 2).values) << side;
    for (const char* labels : {"/identities", "/cameras"})
      EXPECT_EQ(kept.read_int64(side + labels, 1).values, made.read_int64(side + labels, 1).values) << side;
    for (const std::string& path : paths_in(made, side)) paths.push_back(path);
  }
  std::vector<std::string> listed;
  for (const Sample& sample : samples_) listed.push_back(sample.path);
  EXPECT_EQ(listed, paths);
  for (const char* ranks : {"2", "3"}) {
    succeeded(embed(list(), "several.h5", {"--ranks", ranks}));
    EXPECT_EQ(bytes_of(out("one.h5")), bytes_of(out("several.h5"))) << ranks;
  }
  // Nothing stays behind in the store.
  for (const auto& entry : fs::directory_iterator(store()))
    EXPECT_THAT(entry.path().filename().string(), Not(StartsWith("scratch-")));
}

TEST_F(EmbedTest, rank_says_of_it_what_the_evaluation_says) {
  succeeded(embed(list(), "ranked.h5"));
  const auto figures = [](const fs::path& file) { return json_of(resolute({"rank", file, "--json"})); };
  EXPECT_EQ(figures(features()), figures(out("ranked.h5")));
  EXPECT_EQ(figures(features()).at("map"), json_of(features().parent_path() / "result.json").at("metrics").at("mAP"));
}

TEST_F(EmbedTest, of_a_folder_every_image_is_one_of_nobody_in_the_order_of_paths) {
  write(folder() / "gallery/notes.txt", "no image");
  const auto output = succeeded(embed(folder(), "folder.h5"));
  EXPECT_THAT(output.out, HasSubstr(fmt::format("of 0 queries and {} gallery images", samples_.size())));
  const ArrayFileReader made(out("folder.h5")), kept(features());
  const auto identities = made.read_int64("gallery/identities", 1);
  EXPECT_EQ(std::vector<std::int64_t>(samples_.size(), 0), identities.values);
  EXPECT_FALSE(made.has("gallery/cameras"));
  EXPECT_EQ(0U, made.shape_of_floats("query/features")[0]);
  const std::vector<std::string> paths = paths_in(made, "gallery");
  EXPECT_TRUE(std::is_sorted(paths.begin(), paths.end()));
  // "gallery" stands before "query"; of each the files are numbered as the evaluation has them. RAIN has one network.
  auto expected = kept.read_float32("gallery/features", 2).values;
  const auto queries = kept.read_float32("query/features", 2).values;
  expected.insert(expected.end(), queries.begin(), queries.end());
  EXPECT_EQ(expected, made.read_float32("gallery/features", 2).values);
  expect_refusal(resolute({"rank", out("folder.h5")}), 2, "no image in it is a query");
}

TEST_F(EmbedTest, broken_images_are_all_named_and_nothing_is_written) {
  ScratchFolder broken;
  fs::create_directories(broken / "in");
  const std::string whole = text_of(folder() / samples_[0].path);
  write(broken / "in/whole.png", whole);
  write(broken / "in/cut.png", whole.substr(0, whole.size() / 2));
  write(broken / "in/text.jpg", "no image");
  const std::string before = "\x89HDF that stood there";
  write(out("before.h5"), before);
  const auto output = embed(broken / "in", "before.h5");
  EXPECT_EQ(code_of(output), 2);
  EXPECT_EQ(output.out, "");
  EXPECT_THAT(output.err, HasSubstr("cut.png"));
  EXPECT_THAT(output.err, HasSubstr("text.jpg"));
  EXPECT_THAT(lines_of(output.err).back(), HasSubstr("1 more file is refused"));
  EXPECT_EQ(text_of(out("before.h5")), before);
  const auto answer = embed(broken / "in", "before.h5", {"--json"});
  EXPECT_EQ(core::parse_json(answer.out, "refused").at("count"), 2);
  write(broken / "in/list.csv", "path,identity,camera\nwhole.png,1,1\ngone.png,1,2\n");
  expect_refusal(embed(broken / "in/list.csv", "before.h5"), 2, "'list.csv', line 3: image '");
  EXPECT_EQ(text_of(out("before.h5")), before);
}

TEST_F(EmbedTest, links_are_refused_of_a_folder_as_of_a_list_and_followed_on_request) {
  ScratchFolder linked;
  fs::create_directories(linked / "in");
  fs::create_symlink(folder() / samples_[0].path, linked / "in/1.png");
  write(linked / "in/list.csv", "path,identity,camera\n1.png,1,1\n");
  for (const fs::path& images : {linked / "in", linked / "in/list.csv"}) {
    expect_refusal(embed(images, "linked.h5"), 2, "image '1.png' lies behind a symbolic link (");
    succeeded(embed(images, "linked.h5", {"--follow-links"}));
    EXPECT_EQ(paths_in(ArrayFileReader(out("linked.h5")), "gallery"), std::vector<std::string>{"1.png"});
  }
}

TEST_F(EmbedTest, jpegs_that_end_early_are_refused_or_on_request_filled_and_counted) {
  ScratchFolder cut;
  fs::create_directories(cut / "in");
  const core::Bytes whole = datasets::encode_jpeg(datasets::make_image(64, 32), 90);
  write(cut / "in/1.jpg", std::string(core::as_text(whole).substr(0, whole.size() - 7)));
  expect_refusal(embed(cut / "in", "cut.h5"), 2, "embed --truncated-images filled");
  EXPECT_THAT(succeeded(embed(cut / "in", "cut.h5", {"--truncated-images", "filled"})).err,
              HasSubstr("1 of 1 images end early and are filled, as '1.jpg'"));
  EXPECT_EQ(paths_in(ArrayFileReader(out("cut.h5")), "gallery"), std::vector<std::string>{"1.jpg"});
}

TEST_F(EmbedTest, what_cannot_be_embedded_is_refused_in_one_line) {
  expect_refusal(resolute({"embed", evaluation_, list(), "--store", store(), "--out", out("x.h5")}), 2,
                 "is of kind evaluation");
  expect_refusal(resolute({"embed", "00000000", list(), "--store", store(), "--out", out("x.h5")}), 2,
                 "no job '00000000'");
  expect_refusal(embed(*scratch_ / "nowhere", "x.h5"), 2, "nowhere' is missing");
  for (const char* name : {"one.jpg", "TWO.PNG", "three.bmp"}) {
    write(*scratch_ / name, "\xff\xd8\xff");
    expect_refusal(embed(*scratch_ / name, "x.h5"), 2, std::string(name) + "' is an image; name a folder of images");
  }
  expect_refusal(embed(list(), "no/x.h5"), 2, "of --out is missing");
  expect_refusal(embed(list(), "files"), 2, "is a folder");
  expect_refusal(embed(list(), "files/list.csv"), 2, "list.csv' is not replaced (it is a file of another format)");
  expect_refusal(embed(list(), "x.h5", {"--ranks", "0"}), 2, "--ranks 0");
  write(folder() / "train.csv", "path,identity,camera,subset\n" + samples_[0].path + ",1,1,train\n");
  expect_refusal(embed(folder() / "train.csv", "x.h5"), 2, "is of the subset train");
  EXPECT_FALSE(fs::exists(out("x.h5")));
}

TEST_F(EmbedTest, flipped_features_are_others) {
  succeeded(embed(list(), "plain.h5"));
  succeeded(embed(list(), "flipped.h5", {"--flip"}));
  EXPECT_NE(ArrayFileReader(out("plain.h5")).read_float32("query/features", 2).values,
            ArrayFileReader(out("flipped.h5")).read_float32("query/features", 2).values);
}

}  // namespace
}  // namespace resolute::system_test::embed_test
