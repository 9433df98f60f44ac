#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "datasets/samples/listing.h"

namespace resolute::datasets::sources {
namespace {

constexpr std::string_view kTraining = "bounding_box_train";

// Two cameras: MSMT17 in Market-1501's folders has such names too, and fifteen.
bool is_cuhk03_np_name(std::string_view name) {
  NameReader reader(stem_of(name));
  Sample sample;
  reader.numbers("I_cC_#", sample);
  return reader.finished() && sample.camera <= 2;
}

bool is_cuhk03_np(core::FileSystem& files, const fs::path& root) {
  if (!files.exists(root / kTraining)) return false;
  std::vector<std::string> names = files.list(root / kTraining);
  std::erase_if(names, [](const std::string& name) { return !is_image_name(name); });
  return !names.empty() && std::ranges::all_of(names, is_cuhk03_np_name);
}

core::RuntimeError known_as(const fs::path& root, std::string_view layout, std::string_view why,
                            std::string_view advice) {
  return core::input_error(fmt::format("'{}' has the layout of {}", root.string(), layout), why, advice);
}

}  // namespace

void refuse_other_layout(core::FileSystem& files, const fs::path& root) {
  struct Known {
    const char* landmark;
    const char* layout;
    const char* why;
    const char* advice;
  };
  constexpr Known kKnown[] = {
      {"list_train.txt", "MSMT17", "its people count from 0, and anew in the test", "read it as source 'msmt17'"},
      {"image_train", "VeRi-776", "names tell vehicle and camera", "read it as source 'veri-776'"},
      {"train_test_split/test_list_800.txt", "VehicleID", "each of its tests is a source",
       "read it as source 'vehicleid-800', 'vehicleid-1600' or 'vehicleid-2400'"},
      {"query/lr", "a prepared set", "images in 'lr' came in low resolution", "read it as source 'mlr-folders'"}};
  for (const Known& known : kKnown)
    if (files.exists(root / known.landmark) && !files.exists(root / kTraining))
      throw known_as(root, known.layout, known.why, known.advice);
  constexpr std::string_view kNp = "read it as source 'cuhk03-np', or 'cuhk03-np-detected' for the detector's boxes";
  if (is_cuhk03_np(files, root)) throw known_as(root, "CUHK03-NP", "its people count anew in the test", kNp);
  for (const std::string_view boxes : {"labeled", "detected"})
    if (is_cuhk03_np(files, root / boxes))
      throw known_as(root, "CUHK03-NP", "the boxes drawn by hand and the detector's are a set each", kNp);
}

}  // namespace resolute::datasets::sources
