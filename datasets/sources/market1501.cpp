#include "datasets/sources/market1501.h"

#include <algorithm>

namespace resolute::datasets::sources {
namespace {

constexpr Naming kMarketNaming{"Market-1501", "IDENTITY_cCAMERAsSEQUENCE_FRAME_BOX.jpg", "0002_c1s1_000451_03.jpg"};

}  // namespace

std::vector<Sample> list_market1501(core::FileSystem& files, const fs::path& root, Remarks& remarks) {
  refuse_other_layout(files, root);
  return list_folders(files, root, kMarketLayout, remarks, [&](NameReader& reader, Sample& sample) -> NameNumbers {
    const bool junk = reader.optional(kJunkIdentity);
    NameNumbers numbers = reader.numbers(junk ? "_cCs#_#_#" : "I_cCs#_#_#", sample);
    reader.repeated(kMarketRepeated);
    if (!reader.finished() || sample.camera < 1) throw wrong_name(sample.path, kMarketNaming);
    if (junk) {
      remarks.leave_out(kJunk);
      return {};
    }
    if (sample.identity == 0 && sample.subset != "gallery")
      throw core::input_error(fmt::format("'{}' has identity 0", sample.path),
                              "that marks a distractor, which belongs in bounding_box_test alone", "move it there");
    return numbers;
  });
}

std::string market1501_name(std::int64_t identity, std::int64_t camera, std::int64_t frame) {
  return fmt::format("{:04}_c{}s1_{:06}_00.jpg", identity, camera, frame);
}

std::string market1501_name(const StandInSettings& options, int identity, int camera, int image) {
  // Identity 0 of the naming is a distractor; cameras and frames count from 1 as well.
  std::string name = market1501_name(identity + 1, camera + 1, image + 1);
  if (options.irregular && identity == options.identities / 2) name += kMarketRepeated;
  return name;
}

std::string_view market1501_folder(const SyntheticSettings& options, int identity, int image) {
  return identity < options.identities / 2 ? "bounding_box_train" : image == 0 ? "query" : "bounding_box_test";
}

void write_market1501(NewFolder& folder, const StandInSettings& options) {
  auto write = [&](const std::string& name, int identity, int camera, int image) {
    folder.write(name, encode_jpeg(stand_in_image(options, identity, camera, image), kStandInQuality));
  };
  for_each_image(options, [&](int identity, int camera, int image) {
    const std::string_view folder = market1501_folder(options, identity, image);
    write(fmt::format("{}/{}", folder, market1501_name(options, identity, camera, image)), identity, camera, image);
  });
  if (!options.irregular) return;
  for (int camera = 0; camera < options.cameras; ++camera) {
    const std::string_view more = camera == 0 ? kMarketRepeated : "";
    write(fmt::format("bounding_box_test/{}{}", market1501_name(0, camera + 1, 1), more), options.identities, camera,
          0);
    write(fmt::format("bounding_box_test/-1_c{}s1_000001_00.jpg{}", camera + 1, more), options.identities + 1, camera,
          0);
  }
  folder.write("bounding_box_test/Thumbs.db", "no image\n");
  folder.write("readme.txt", "A stand-in in the layout of Market-1501.\n");
}

const SourceReader kMarket1501Reader{.own_folder = "Market-1501-v15.09.15",
                                     .landmark = "bounding_box_train",
                                     .list = list_market1501,
                                     .write_stand_in = write_market1501,
                                     .regular = true};
const SourceReader kSyntheticReader{.list = list_market1501, .write_stand_in = write_market1501, .regular = true};

}  // namespace resolute::datasets::sources

namespace resolute::datasets {

std::vector<Sample> list_synthetic(const SyntheticSettings& settings) {
  std::vector<Sample> samples;
  sources::for_each_image({settings}, [&](int identity, int camera, int image) {
    const std::string_view folder = sources::market1501_folder(settings, identity, image);
    const std::string subset(std::ranges::find(sources::kMarketFolders, folder, &sources::Folder::name)->subset);
    samples.push_back({fmt::format("{}/{}", folder, sources::market1501_name(identity + 1, camera + 1, image + 1)),
                       identity + 1, camera + 1, subset});
  });
  std::ranges::sort(samples, {}, &Sample::path);
  return samples;
}

}  // namespace resolute::datasets
