// Drives the fuzzers of what the data side reads: packs, their manifests and splits, images and lists of them.
#include <gtest/gtest.h>

#include <cstdlib>

#include "datasets/split/split.h"
#include "tests/datasets/pack/raw_images.h"
#include "tests/fuzz/drive.h"

namespace resolute::tests::data_test {
namespace {

namespace fs = std::filesystem;
using core::Bytes;

datasets::PackSettings tiny_options(const std::string& name) {
  datasets::PackSettings options = small_options();
  options.name = name;
  options.height = 4;
  options.width = 2;
  return options;
}

void write_good(const std::string& format, const std::string& name, std::string_view bytes) {
  core::write_atomic(core::real_file_system(), kCorpus / format / ("good-" + name), bytes);
}

// Writes the good examples of one pack of four images: its files and a split.
void write_pack(const datasets::PackSettings& options, bool tell_origin, const datasets::SplitSettings& trial) {
  const RawImages raw(4, 1, 5, 3);
  std::vector<datasets::Sample> samples = raw.samples();
  if (tell_origin)
    for (datasets::Sample& sample : samples) {
      sample.rate = sample.camera == 2 ? 2 * static_cast<int>(sample.identity % 2) : 1;
      sample.test_sets = static_cast<std::uint64_t>(sample.identity);
    }
  auto& files = core::real_file_system();
  const fs::path folder = raw.pack();
  datasets::write_shard(files, raw.reader(), samples, options, 0, folder);
  datasets::seal_pack(files, folder, options);
  write_good("shard", options.name, core::as_text(file_bytes(folder / "shard-00000.h5")));
  write_good("pack", options.name, core::as_text(file_bytes(folder / "pack.json")));
  write_good("manifest", options.name, core::as_text(file_bytes(folder / "manifest.json")));
  const auto pack = datasets::PackReader::open(folder);
  const fs::path split = datasets::export_split(files, raw.folder() / "splits", datasets::make_split(pack, trial), 2);
  write_good("split", options.name, core::as_text(file_bytes(split)));
}

// RESOLUTE_WRITE_GOLDEN writes the good examples anew, for a new version of a format; the images are Pillow's.
TEST(DataCorpus, has_a_good_example_of_each_format) {
  if (std::getenv("RESOLUTE_WRITE_GOLDEN") != nullptr) {
    datasets::SplitSettings trial{.query_rates = {2, 3}};
    write_pack(tiny_options("plain"), false, trial);
    datasets::PackSettings options = tiny_options("as-it-came");
    options.view_from = settings::ViewFrom::kNetwork;
    options.height = 7;
    trial.train_identities = 2;
    write_pack(options, true, trial);
    options = tiny_options("one-rate");
    options.rates = {1};
    options.width = 5;
    trial = {};
    trial.query_rates = {1};
    trial.lr_camera = 0;
    write_pack(options, false, trial);
  }
  for (const char* format : {"shard", "pack", "manifest", "split", "image", "image_list"})
    EXPECT_FALSE(core::real_file_system().list(kCorpus / format).empty()) << format;
}

RESOLUTE_DRIVE_FUZZERS(FuzzData, {"datasets"});

}  // namespace
}  // namespace resolute::tests::data_test
