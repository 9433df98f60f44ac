#include "datasets/sources/market1501.h"

#include <algorithm>
#include <map>

#include "datasets/samples/other_layout.h"

namespace resolute::datasets::sources {
namespace {

constexpr std::string_view kMarket1501Pattern = "IDENTITY_cCAMERAsSEQUENCE_FRAME_BOX.jpg";
constexpr std::string_view kMarket1501Example = "0002_c1s1_000451_03.jpg";

}  // namespace

std::vector<Sample> list_market_folders(
    core::FileSystem& files, const fs::path& root, Remarks& remarks,
    const std::function<NameNumbers(std::string_view, NameReader&, Sample&)>& read) {
  for (const auto& [folder, subset] : kMarketFolders) require_folder(files, root, folder, kMarketLayout);
  std::vector<Sample> samples;
  for (const auto& [folder, subset] : kMarketFolders) {
    std::map<NameNumbers, std::size_t> seen;
    for (const std::string& name : image_names(files, root, folder, remarks)) {
      Sample sample{fmt::format("{}/{}", folder, name), 0, 0, std::string(subset)};
      NameReader reader(stem_of(name));
      NameNumbers numbers = read(name, reader, sample);
      if (numbers.empty()) continue;
      const auto [first, is_new] = seen.try_emplace(std::move(numbers), samples.size());
      if (is_new)
        samples.push_back(std::move(sample));
      else
        remarks.refuse(sample.path, twice(samples[first->second].path, sample.path));
    }
  }
  return samples;
}

bool read_person_and_camera(std::string_view name, NameReader& reader, Sample& sample) {
  const bool junk = name.front() == '-';
  if (junk)
    reader.literal("-1");
  else
    sample.identity = reader.number();
  reader.literal("_c");
  sample.camera = reader.number();
  return junk;
}

std::vector<Sample> list_market1501(core::FileSystem& files, const fs::path& root, Remarks& remarks) {
  refuse_other_layout(files, root);
  return list_market_folders(
      files, root, remarks, [&](std::string_view name, NameReader& reader, Sample& sample) -> NameNumbers {
        const bool junk = read_person_and_camera(name, reader, sample);
        NameNumbers numbers{sample.identity, sample.camera};
        for (const char* before : {"s", "_", "_"}) {
          reader.literal(before);
          numbers.push_back(reader.number());
        }
        reader.repeated(kMarketRepeated);
        if (!reader.finished() || sample.camera < 1)
          remarks.refuse(sample.path, wrong_name(sample.path, "Market-1501", kMarket1501Pattern, kMarket1501Example));
        else if (junk)
          remarks.leave_out(kJunk);
        else if (sample.identity == 0 && sample.subset != "gallery")
          remarks.refuse(
              sample.path,
              core::input_error(fmt::format("'{}' has identity 0", sample.path),
                                "that marks a distractor, which belongs in bounding_box_test alone", "move it there"));
        else
          return numbers;
        return {};
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
    const auto known = std::find_if(sources::kMarketFolders.begin(), sources::kMarketFolders.end(),
                                    [&](const auto& one) { return one.first == folder; });
    samples.push_back({fmt::format("{}/{}", folder, sources::market1501_name(identity + 1, camera + 1, image + 1)),
                       identity + 1, camera + 1, std::string(known->second)});
  });
  std::sort(samples.begin(), samples.end(), [](const Sample& a, const Sample& b) { return a.path < b.path; });
  return samples;
}

}  // namespace resolute::datasets
