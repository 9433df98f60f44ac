#include <algorithm>
#include <iterator>
#include <set>
#include <string_view>

#include "core/error.h"
#include "datasets/samples/listing.h"
#include "datasets/split/split_sides.h"

namespace resolute::datasets {
namespace {

class Checks {
 public:
  Checks(const Split& split, const std::string& where)
      : split_(split), where_(where), low_cameras_(split.options.low_cameras()) {
    for (const TrainItem& item : split.train) training_.insert(item.identity);
    for (const GalleryItem& item : split.gallery)
      if (item.identity != 0) answered_.insert(item.identity);
    low_came_ = !split.query.empty() && split.query.front().came_low;
  }

  void run() {
    check_counts();
    for (std::size_t i = 0; i < split_.train.size(); ++i) check_train(split_.train[i], item("train", i));
    for (std::size_t i = 0; i < split_.query.size(); ++i) check_query(split_.query[i], item("query", i));
    for (std::size_t i = 0; i < split_.gallery.size(); ++i) check_gallery(split_.gallery[i], item("gallery", i));
    if (any_camera(split_.options)) check_one_gallery_image_each();
  }

 private:
  [[noreturn]] void refuse(const std::string& problem, std::string_view why) const {
    throw core::input_error(fmt::format("{}: {}", where_, problem), why);
  }
  static std::string item(std::string_view list, std::size_t index) { return fmt::format("{}[{}]", list, index); }

  void check_counts() const {
    if (split_.train_identities < 2)
      refuse(fmt::format("train_identities is {}", split_.train_identities), "a training needs at least 2 identities");
    if (static_cast<std::size_t>(split_.train_identities) != training_.size())
      refuse(fmt::format("train_identities is {}", split_.train_identities),
             fmt::format("its training images show {}", training_.size()));
    if (split_.left_out < 0) refuse(fmt::format("left_out is {}", split_.left_out), "it is a number of identities");
    if (split_.query.empty()) refuse("it has no query", "a trial needs at least one query");
    const int held_out = split_.options.validation_identities;
    const int tested = held_out > 0 ? held_out : split_.options.test_identities;
    if (tested > 0 && static_cast<std::size_t>(tested) != answered_.size())
      refuse(fmt::format("its gallery shows {} identities", answered_.size()),
             fmt::format("its options have {} tested", tested));
  }

  template <class Item>
  void check_image(const Item& image, const std::string& name) {
    if (image.camera < 1) refuse(fmt::format("{}: camera {}", name, image.camera), "cameras count from 1");
    if (!rows_.insert(image.row).second)
      refuse(fmt::format("{}: row {} stands twice", name, image.row), "an image may stand in one list only, and once");
    if (!paths_.insert(image.path).second)
      refuse(fmt::format("{}: path '{}' stands twice", name, sources::printable(image.path)),
             "an image may stand in one list only, and once");
  }

  void check_train(const TrainItem& image, const std::string& name) {
    check_image(image, name);
    if (image.identity < 1)
      refuse(fmt::format("{}: identity {}", name, image.identity), "training identities are numbered from 1");
    check_list(image.identity, false, name);
    const auto rank = std::distance(training_.begin(), training_.find(image.identity));
    if (image.label != rank)
      refuse(fmt::format("{}: label {}", name, image.label),
             fmt::format("identity {} is training identity number {}, counted from 0", image.identity, rank));
    if (!image.has_hr && !settings::shows_low(split_.options.train_pool))
      refuse(fmt::format("{}: has_hr false", name),
             fmt::format("with train_pool '{}' every training image is shown in high resolution",
                         settings::word(split_.options.train_pool)));
    if (image.came_low != (low_came_ && !image.has_hr))
      refuse(fmt::format("{}: came_low {}", name, image.came_low),
             low_came_ ? "the LR images of this split came in low resolution" : "no query came in low resolution");
    if (has_lr_camera() || split_.options.lr_side == LrSide::kQuery) check_training_camera(image, name);
    if (!image.has_hr) check_rate(image.stored_rate, image.came_low, name);
  }

  void check_training_camera(const TrainItem& image, const std::string& name) const {
    const SplitSettings& options = split_.options;
    const bool low = is_lr_camera(image.camera);
    if (low && options.train_pool == TrainPool::kHrViewOnly)
      refuse(fmt::format("{}: camera {}", name, image.camera), "hr-view-only leaves out the images of lr_camera");
    if (!image.has_hr && !low)
      refuse(fmt::format("{}: has_hr false from camera {}", name, image.camera),
             settings::low_cameras_text(options, " is "));
    if (image.has_hr && low && settings::shows_low(options.train_pool)) check_rate(1, false, name);
  }

  void check_query(const QueryItem& image, const std::string& name) {
    check_image(image, name);
    check_tested(image.identity, name);
    if (!answered_.contains(image.identity))
      refuse(fmt::format("{}: identity {}", name, image.identity), "it has no gallery image");
    if (image.came_low != low_came_)
      refuse(fmt::format("{}: came_low {}", name, image.came_low), "either all queries came in low resolution or none");
    check_rate(image.rate, image.came_low, name);
    if (has_lr_camera() && !is_lr_camera(image.camera))
      refuse(fmt::format("{}: camera {}", name, image.camera),
             "queries are of " + settings::low_cameras_text(split_.options, ", "));
  }

  void check_gallery(const GalleryItem& image, const std::string& name) {
    check_image(image, name);
    if (image.identity == 0 && split_.options.partition != Partition::kOfficial &&
        split_.options.distractors != Distractors::kAlways)
      refuse(fmt::format("{}: identity 0", name), "distractors stand in the gallery of partition official alone");
    if (image.identity != 0) check_tested(image.identity, name);
    if (has_lr_camera() && is_lr_camera(image.camera))
      refuse(fmt::format("{}: camera {}", name, image.camera), "no image of lr_camera is in high resolution");
  }

  // With a list of those who are tested nobody on it trains, and nobody else is tested. Validation people are asked for
  // in their place.
  void check_list(std::int64_t identity, bool tests, const std::string& name) const {
    const std::vector<int>& list = split_.options.tested;
    const bool listed = tests && split_.options.validation_identities == 0;
    if (!list.empty() && std::ranges::binary_search(list, identity) != listed)
      refuse(fmt::format("{}: identity {}", name, identity),
             tests ? "its options do not have it tested" : "its options have it tested");
  }

  void check_tested(std::int64_t identity, const std::string& name) const {
    check_list(identity, true, name);
    if (identity < 1) refuse(fmt::format("{}: identity {}", name, identity), "tested identities are numbered from 1");
    if (training_.contains(identity))
      refuse(fmt::format("{}: identity {} trains", name, identity), "an identity either trains or is tested");
  }

  // An image that came low may have its own rate, whatever is asked for.
  void check_rate(int rate, bool came_low, const std::string& name) const {
    const std::vector<int>& rates = split_.options.query_rates;
    if (!came_low && std::ranges::find(rates, rate) == rates.end())
      refuse(fmt::format("{}: rate {}", name, rate), fmt::format("query_rates are {}", fmt::join(rates, ", ")));
  }

  void check_one_gallery_image_each() const {
    std::set<std::int64_t> seen;
    for (std::size_t i = 0; i < split_.gallery.size(); ++i)
      if (const std::int64_t identity = split_.gallery[i].identity; identity != 0 && !seen.insert(identity).second)
        refuse(fmt::format("{}: identity {} again", item("gallery", i), identity),
               "with lr_camera 0 the gallery has one image per identity");
  }

  bool is_lr_camera(std::int64_t camera) const { return std::ranges::find(low_cameras_, camera) != low_cameras_.end(); }
  // Nothing else is the LR side.
  bool has_lr_camera() const {
    return split_.options.lr_side == LrSide::kCamera && split_.options.lr_camera != 0 && !low_came_;
  }

  const Split& split_;
  const std::string& where_;
  std::vector<int> low_cameras_;
  std::set<std::int64_t> training_;
  std::set<std::int64_t> answered_;  // with an image in the gallery
  std::set<std::size_t> rows_;
  std::set<std::string_view> paths_;
  bool low_came_ = false;
};

}  // namespace

void check_split(const Split& split, const std::string& where) { Checks(split, where).run(); }

}  // namespace resolute::datasets
