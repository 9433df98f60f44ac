#include "datasets/stand_ins/synthetic.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <set>

#include "core/files/json.h"
#include "datasets/image/low_resolution.h"
#include "tests/datasets/sources/scratch.h"
#include "tests/support/watched_file_system.h"

namespace resolute::datasets::synthetic_test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr SyntheticSettings kSmall{
    .identities = 4, .cameras = 2, .images_per_camera = 2, .height = 32, .width = 16, .seed = 3, .fine_contrast = 1.0};

std::string hash_of(const Image& image) { return core::sha256_hex(std::as_bytes(std::span(image.pixels))); }

// Mean absolute difference of two images' bytes.
double difference(const Image& a, const Image& b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) sum += std::abs(a.pixels[i] - b.pixels[i]);
  return sum / static_cast<double>(a.pixels.size());
}

// Lets the n-th operation that changes something fail as a full disk would.
class FailingOnce final : public tests::WatchedFileSystem {
 public:
  explicit FailingOnce(int fail_at) : left_(fail_at) {}
  bool failed() const { return left_ < 0; }

 private:
  void before(Call call, const fs::path&) override {
    if (call == kRead || call == kExists || call == kList || call == kRemove || call == kClose) return;
    if (left_ >= 0 && left_.fetch_sub(1) == 0) throw core::system_error("cannot write", ENOSPC);
  }

  std::atomic<int> left_;  // fsyncs come from several threads
};

SyntheticSettings vehicles() { return {.subject = Subject::kVehicle, .height = 64, .width = 32}; }

struct Painter {
  const char* name;
  Image (*render)(const SyntheticSettings&, int identity, int camera, int number);
  SyntheticSettings large, small;
  int identities;        // enough of them for a mean
  const char* revision;  // in synthetic.cpp: raise it where the hash of an image changes, every set does then
  const char* sha256;
};

class Render : public testing::TestWithParam<Painter> {};

TEST_P(Render, the_same_settings_give_the_same_bytes) {
  const auto& [name, render, large, small, identities, revision, sha256] = GetParam();
  EXPECT_EQ(hash_of(render(large, 5, 1, 2)), sha256) << "raise " << revision;
  EXPECT_EQ(render(small, 3, 1, 1), render(small, 3, 1, 1));
}

TEST_P(Render, an_image_does_not_depend_on_how_many_there_are) {
  SyntheticSettings more = GetParam().small;
  more.identities = 400;
  more.cameras = 9;
  more.images_per_camera = 30;
  EXPECT_EQ(GetParam().render(more, 2, 1, 1), GetParam().render(GetParam().small, 2, 1, 1));
}

TEST_P(Render, every_key_changes_the_image) {
  const Painter& by = GetParam();
  SyntheticSettings other_seed = by.small;
  other_seed.seed = 4;
  // Images of vehicles differ in size.
  const auto shown = [&](const Image& image) {
    return by.small.subject == Subject::kVehicle ? enlarge(image, 64, 64) : image;
  };
  const Image image = shown(by.render(by.small, 2, 1, 1));
  for (const Image& other : {by.render(by.small, 3, 1, 1), by.render(by.small, 2, 0, 1), by.render(by.small, 2, 1, 0),
                             by.render(other_seed, 2, 1, 1)})
    EXPECT_GT(difference(image, shown(other)), 5.0);
}

TEST_P(Render, the_fine_cue_is_there_at_full_resolution_and_gone_at_rate_3) {
  const Painter& by = GetParam();
  SyntheticSettings without = by.large;
  without.fine_contrast = 0.0;
  double at_full = 0.0;
  double at_3 = 0.0;
  for (int identity = 0; identity < by.identities; ++identity) {
    const Image a = by.render(by.large, identity, 0, 0);
    const Image b = by.render(without, identity, 0, 0);
    at_full += difference(a, b) / by.identities;
    at_3 += difference(low_resolution_view(a, 3, Kernel::kTriangle), low_resolution_view(b, 3, Kernel::kTriangle)) /
            by.identities;
  }
  EXPECT_GT(at_full, 5.0);
  EXPECT_LT(at_3, 0.15 * at_full);
}

INSTANTIATE_TEST_SUITE_P(Of, Render,
                         testing::Values(Painter{"people",
                                                 render_person,
                                                 {.height = 64, .width = 32},
                                                 kSmall,
                                                 10,
                                                 "kRevision",
                                                 "0c53af749f59a39b8c4832d5ae19360989b135ef665d54ed52931ac8ccb21564"},
                                         Painter{"vehicles", render_vehicle, vehicles(), vehicles(), 20,
                                                 "kVehicleRevision",
                                                 "bb8fea2474f1ee75992a1ace76ea132c2f6d3b0be74dc748926fa5d0d22d22cd"}),
                         [](const auto& painter) { return std::string(painter.param.name); });

// Turned by any angle and cut to what they cover: high, wide and square images, none larger than the settings allow.
TEST(RenderVehicle, native_sizes_and_aspects_vary) {
  std::set<std::pair<int, int>> sizes;
  int high = 0;
  int wide = 0;
  for (int identity = 0; identity < 20; ++identity)
    for (int number = 0; number < 5; ++number) {
      const Image image = render_vehicle(vehicles(), identity, 0, number);
      sizes.insert({image.height, image.width});
      high += image.height > image.width * 5 / 4;
      wide += image.width > image.height * 5 / 4;
      EXPECT_LE(std::max(image.height, image.width), 1.2 * std::hypot(64.0, 32.0) + 1);
      EXPECT_GE(std::min(image.height, image.width), 16);
    }
  EXPECT_GT(sizes.size(), 80U);
  EXPECT_GT(high, 20);
  EXPECT_GT(wide, 20);
}

// The mean colour of an image's middle, shrunk 4 times, in another camera: the right vehicle is among the nearest
// quarter far more often than by chance, and is the nearest one only now and then.
TEST(RenderVehicle, the_coarse_cue_survives_rate_4) {
  constexpr int kIdentities = 32;
  using Mean = std::array<double, 3>;
  const auto colours = [](int identity, int camera, int image) {
    const Image small = low_resolution_view(render_vehicle(vehicles(), identity, camera, image), 4, Kernel::kTriangle);
    Mean mean{};
    int count = 0;
    for (int y = small.height / 3; y < small.height - small.height / 3; ++y)
      for (int x = small.width / 3; x < small.width - small.width / 3; ++x, ++count)
        for (std::size_t c = 0; c < 3; ++c)
          mean[c] += small.pixels[(static_cast<std::size_t>(y * small.width + x)) * 3 + c];
    for (double& channel : mean) channel /= count;
    return mean;
  };
  const auto distance = [](const Mean& a, const Mean& b) { return std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]); };
  std::vector<Mean> gallery;
  for (int identity = 0; identity < kIdentities; ++identity) gallery.push_back(colours(identity, 0, 0));
  int nearest = 0;
  int near = 0;
  for (std::size_t identity = 0; identity < kIdentities; ++identity)
    for (int image = 0; image < 3; ++image) {
      const Mean query = colours(static_cast<int>(identity), 1, image);
      const auto closer = std::ranges::count_if(
          gallery, [&](const Mean& other) { return distance(query, other) < distance(query, gallery[identity]); });
      nearest += closer == 0;
      near += closer < kIdentities / 4;
    }
  EXPECT_GE(near, 55);  // of 96; chance: 24
  EXPECT_LE(nearest, 48);
}

class WriteSynthetic : public Scratch {};

// Sets of people that were written before there were vehicles are left as they are.
TEST_F(WriteSynthetic, people_are_told_as_ever_and_vehicles_by_their_subject) {
  EXPECT_EQ(
      core::canonical_json(synthetic_json(kSmall)),
      R"({"cameras":2,"fine_contrast":1.0,"height":32,"identities":4,"images_per_camera":2,"revision":1,"seed":3,)"
      R"("source":"synthetic","width":16})");
  SyntheticSettings options = kSmall;
  options.subject = Subject::kVehicle;
  write_stand_in(files_, root_ / "set", {options});
  EXPECT_THAT(core::read_text(files_, root_ / "set/synthetic.json"), HasSubstr(R"("subject":"vehicle")"));
  const auto samples = list_samples(files_, Source::kSynthetic, root_ / "set");
  ASSERT_EQ(samples.size(), 16u);
  const Image written = decode_image(files_.read(root_ / "set" / samples.back().path), samples.back().path);
  const Image rendered = render_vehicle(options, 3, 1, 0);
  EXPECT_EQ(samples.back().path, "query/0004_c2s1_000001_00.jpg");
  EXPECT_EQ(written.height, rendered.height);
  EXPECT_EQ(written.width, rendered.width);
  EXPECT_LT(difference(written, rendered), 6.0);
  EXPECT_THROW(write_stand_in(files_, root_ / "set", {kSmall}), core::RuntimeError);
}

TEST_F(WriteSynthetic, is_read_as_a_data_set_with_both_halves) {
  write_stand_in(files_, root_ / "set", {kSmall});
  const auto samples = list_samples(files_, Source::kSynthetic, root_ / "set");
  ASSERT_EQ(samples.size(), 16u);
  int train = 0;
  int query = 0;
  for (const Sample& sample : samples) {
    train += sample.subset == "train" ? 1 : 0;
    query += sample.subset == "query" ? 1 : 0;
    EXPECT_EQ(sample.subset == "train", sample.identity <= 2) << sample.path;
    EXPECT_EQ(decode_image(files_.read(root_ / "set" / sample.path), sample.path).height, 32);
  }
  EXPECT_EQ(train, 8);
  EXPECT_EQ(query, 4);
}

TEST_F(WriteSynthetic, the_same_settings_are_left_as_they_are) {
  write_stand_in(files_, root_ / "set", {kSmall});
  const auto before = fs::last_write_time(root_ / "set/synthetic.json");
  FailingOnce nothing_may_be_written(0);
  write_stand_in(nothing_may_be_written, root_ / "set/", {kSmall});
  EXPECT_EQ(fs::last_write_time(root_ / "set/synthetic.json"), before);
}

TEST_F(WriteSynthetic, other_contents_are_refused_and_an_empty_folder_is_used) {
  write_stand_in(files_, root_ / "set", {kSmall});
  SyntheticSettings other = kSmall;
  other.seed = 99;
  fs::create_directories(root_ / "empty");
  touch("mine/letter.txt");
  for (const char* folder : {"set", "mine"})
    EXPECT_THAT([&] { write_stand_in(files_, root_ / folder, {other}); },
                tests::fails(core::ErrorKind::kInput, HasSubstr("holds something else")))
        << "written over " << folder;
  EXPECT_TRUE(files_.exists(root_ / "mine/letter.txt"));
  fs::create_directory_symlink("empty", root_ / "link");
  fs::create_directory_symlink("nowhere", root_ / "dangling");
  const auto refused = [&](const char* path) {
    FailingOnce nothing_may_be_written(0);
    return tests::refusal([&] { write_stand_in(nothing_may_be_written, root_ / path, {other}); });
  };
  EXPECT_THAT(refused("mine/letter.txt"), HasSubstr("is no folder"));
  EXPECT_THAT(refused("link"), HasSubstr("is a symbolic link"));
  EXPECT_THAT(refused("dangling"), HasSubstr("is a symbolic link"));
  write_stand_in(files_, root_ / "empty", {other});
  EXPECT_EQ(list_samples(files_, Source::kSynthetic, root_ / "empty").size(), 16u);
}

TEST_F(WriteSynthetic, any_failing_operation_leaves_nothing_behind) {
  const auto expected = [&] {
    write_stand_in(files_, root_ / "whole", {kSmall});
    return hashes(root_ / "whole");
  }();
  int failures = 0;
  for (int fail_at = 0;; ++fail_at) {
    FailingOnce files(fail_at);
    const auto out = root_ / "tries" / "set";
    fs::create_directories(root_ / "tries");
    tests::refusal([&] { write_stand_in(files, out, {kSmall}); }, core::ErrorKind::kEnvironment);
    // A failed fsync of the parent folder comes after the rename: what stands there is whole.
    const bool stands = files_.exists(out);
    if (stands) {
      EXPECT_EQ(hashes(out), expected);
    }
    fs::remove_all(out);
    EXPECT_THAT(files_.list(root_ / "tries"), IsEmpty());
    if (!files.failed()) break;
    ++failures;
  }
  EXPECT_GT(failures, 50);
}

}  // namespace
}  // namespace resolute::datasets::synthetic_test
