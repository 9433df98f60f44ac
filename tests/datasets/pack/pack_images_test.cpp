// Raw images against the pack that is made of them: what their names, labels, sizes and bytes tell.

#include "datasets/pack/pack_images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/datasets/pack/raw_images.h"

namespace resolute::datasets::pack_images_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using tests::RawImages;

core::FileSystem& files() { return core::real_file_system(); }

class PackImages : public testing::Test {
 protected:
  SeenImages seen(std::vector<Sample> samples, const fs::path& root) const {
    return see_images(files(), options_, root, std::move(samples));
  }
  SeenImages seen() const { return seen(raw_.samples(), raw_.root()); }
  void pack() const {
    tests::make_pack(raw_, options_, raw_.pack());
    record_images(files(), raw_.pack(), seen());
  }
  void require(const SeenImages& seen, CompareImages compare = CompareImages::kSizes) const {
    require_images_of_pack(files(), raw_.pack(), seen, raw_.root(), compare);
  }
  void refuses(const SeenImages& seen, const std::vector<std::string>& parts,
               CompareImages compare = CompareImages::kSizes) const {
    tests::expect_error(core::ErrorKind::kInput, parts, [&] { require(seen, compare); });
  }
  fs::path image(std::size_t at) const { return raw_.root() / raw_.samples()[at].path; }

  RawImages raw_;
  PackSettings options_ = tests::small_options(3);
};

TEST_F(PackImages, the_same_images_pass_wherever_they_lie) {
  pack();
  require(seen());
  const fs::path copy = raw_.folder() / "copy", link = raw_.folder() / "link";
  fs::copy(raw_.root(), copy, fs::copy_options::recursive);
  fs::create_directory_symlink(copy, link);
  require(seen(raw_.samples(), copy));
  require(seen(raw_.samples(), link));
  for (const auto compare : {CompareImages::kLabels, CompareImages::kSizes, CompareImages::kBytes})
    require(seen(), compare);
}

TEST_F(PackImages, every_way_to_differ_is_counted_and_the_first_named) {
  pack();
  std::vector<Sample> samples = raw_.samples();
  fs::copy(image(0), raw_.root() / "0000_new.png");
  std::ofstream(image(5), std::ios::app) << "more";
  const std::string gone = samples[2].path;
  samples.erase(samples.begin() + 2);
  samples[2].identity = 7;
  samples.insert(samples.begin(), Sample{"0000_new.png", 1, 1, "train"});
  refuses(seen(samples, raw_.root()),
          {"does not hold the images that data set 'noise' is packed from (4 paths differ: 1 "
           "missing, 1 new, 1 of other labels, 1 of another size; the first: "
           "'0000_new.png' is new); name the folder"});
  samples.erase(samples.begin());
  refuses(seen(samples, raw_.root()), {"3 paths differ", "the first: '" + gone + "' is missing"});
}

TEST_F(PackImages, what_stands_in_a_label_counts_whichever_it_is) {
  pack();
  for (const auto& [change, words] : std::vector<std::pair<std::function<void(Sample&)>, std::string>>{
           {[](Sample& one) { one.camera = 9; }, "has camera 1 there and 9 here"},
           {[](Sample& one) { one.subset = "query"; }, "has subset train there and query here"},
           {[](Sample& one) { one.rate = 2; }, "has rate 1 there and 2 here"}}) {
    std::vector<Sample> samples = raw_.samples();
    change(samples.front());
    const std::string removed = "another --name; if nobody needs the old pack, remove the folder '";
    for (const auto& [compare, name] : {std::pair(CompareImages::kLabels, removed + raw_.pack().string() + "'"),
                                        {CompareImages::kSizes, std::string("another id")},
                                        {CompareImages::kBytes, std::string("another id")}})
      refuses(seen(samples, raw_.root()), {"1 path differs: 1 of other labels; the first: ", words, name}, compare);
  }
}

TEST_F(PackImages, sizes_alone_may_be_another_copy_and_bytes_decide) {
  pack();
  std::ofstream(image(1), std::ios::app) << "more";
  refuses(seen(), {"1 path differs: 1 of another size", "--same-images compares every byte"});
  require(seen(), CompareImages::kLabels);
  refuses(seen(), {"has SHA-256"}, CompareImages::kBytes);
}

TEST_F(PackImages, other_bytes_of_the_same_size_are_seen_by_bytes_alone) {
  pack();
  tests::flip_byte(image(3), 40, 1);
  require(seen());
  refuses(seen(), {raw_.samples()[3].path, "has SHA-256"}, CompareImages::kBytes);
}

TEST_F(PackImages, a_pack_without_sizes_is_known_by_its_labels_until_bytes_are_compared) {
  tests::make_pack(raw_, options_, raw_.pack());
  require(seen());
  EXPECT_FALSE(fs::exists(raw_.pack() / "images.json")) << "nobody knows which sizes it was made of";
  std::vector<Sample> samples = raw_.samples();
  samples.back().identity = 1;
  refuses(seen(samples, raw_.root()), {"1 of other labels"});
  // Sizes of a packing that another one replaced are not the pack's.
  record_images(files(), raw_.pack(), seen({raw_.samples().begin(), raw_.samples().end() - 1}, raw_.root()));
  require(seen());
  require(seen(), CompareImages::kBytes);
}

TEST_F(PackImages, a_damaged_file_of_sizes_is_named) {
  pack();
  tests::overwrite(raw_.pack() / "images.json", core::as_byte_span(std::string_view("{\"schema\":1}")));
  tests::expect_error(core::ErrorKind::kCorrupt, {"images.json", "remove the file"}, [&] { require(seen()); });
  require(seen(), CompareImages::kBytes);
}

TEST_F(PackImages, shards_are_told_whose_images_changed) {
  EXPECT_THAT(shards_of_other_images(files(), raw_.pack(), options_, seen()), ElementsAre(0, 1, 2))
      << "nothing is known";
  record_images(files(), raw_.pack(), seen());
  EXPECT_THAT(shards_of_other_images(files(), raw_.pack(), options_, seen()), ElementsAre());
  std::ofstream(image(5), std::ios::app) << "more";
  EXPECT_THAT(shards_of_other_images(files(), raw_.pack(), options_, seen()), ElementsAre(1));
  std::vector<Sample> samples = raw_.samples();
  samples.front().identity = 3;
  EXPECT_THAT(shards_of_other_images(files(), raw_.pack(), options_, seen(samples, raw_.root())), ElementsAre(0, 1, 2));
}

}  // namespace
}  // namespace resolute::datasets::pack_images_test
