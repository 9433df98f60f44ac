#include "datasets/sources/market1501.h"

#include <array>
#include <utility>

#include "datasets/sources/listing.h"

namespace resolute::datasets::sources {
namespace {

constexpr std::string_view kPattern = "IDENTITY_cCAMERAsSEQUENCE_FRAME_BOX.jpg";
constexpr std::string_view kExample = "0002_c1s1_000451_03.jpg";
constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kSubsets{
    {{"bounding_box_test", "gallery"}, {"bounding_box_train", "train"}, {"query", "query"}}};

}  // namespace

std::vector<Sample> list_market1501(core::FileSystem& files, const std::filesystem::path& root) {
  for (const auto& [folder, subset] : kSubsets)
    require_folder(files, root, folder, "bounding_box_train, bounding_box_test, query");
  std::vector<Sample> samples;
  for (const auto& [folder, subset] : kSubsets)
    for (const std::string& name : image_names(files, root, folder)) {
      Sample sample{fmt::format("{}/{}", folder, name), 0, 0, std::string(subset)};
      NameReader reader(stem_of(name));
      const bool junk = name.front() == '-';
      if (junk) {
        reader.literal("-1");
      } else {
        sample.identity = reader.number();
      }
      reader.literal("_c");
      sample.camera = reader.number();
      for (std::string_view separator : {"s", "_", "_"}) {
        reader.literal(separator);
        reader.number();
      }
      if (!reader.finished() || sample.camera < 1) throw wrong_name(sample.path, "Market-1501", kPattern, kExample);
      if (junk) continue;
      if (sample.identity == 0 && subset != "gallery")
        throw core::input_error(fmt::format("'{}' has identity 0", sample.path),
                                "that marks a distractor, which belongs in bounding_box_test alone", "move it there");
      samples.push_back(std::move(sample));
    }
  return samples;
}

std::string market1501_name(std::int64_t identity, std::int64_t camera, std::int64_t frame) {
  return fmt::format("{:04}_c{}s1_{:06}_00.jpg", identity, camera, frame);
}

}  // namespace resolute::datasets::sources
