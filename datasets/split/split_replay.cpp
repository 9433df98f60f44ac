// A published split against what this program makes of the same pack.

#include "core/error.h"
#include "datasets/samples/listing.h"
#include "datasets/split/split.h"

namespace resolute::datasets {
namespace {

template <class Item>
std::string what_is_shown(const Item& item) {
  if constexpr (requires { item.stored_rate; })
    return fmt::format("with label {}, {}{}", item.label,
                       item.has_hr ? std::string("in high resolution") : fmt::format("at rate {}", item.stored_rate),
                       item.came_low ? " as it came" : "");
  else if constexpr (requires { item.rate; })
    return fmt::format("at rate {}{}", item.rate, item.came_low ? " as it came" : "");
  else
    return "as another";
}

template <class Item>
std::string named(const Item& item) {
  return fmt::format("row {}, '{}'", item.row, sources::printable(item.path));
}

template <class Item>
std::string difference_of(std::string_view list, const std::vector<Item>& published, const std::vector<Item>& made) {
  for (std::size_t i = 0; i < std::min(published.size(), made.size()); ++i) {
    const Item& a = published[i];
    const Item& b = made[i];
    if (a == b) continue;
    if (a.row != b.row || a.path != b.path)
      return fmt::format("{}[{}] is {} there and {} here", list, i, named(a), named(b));
    if (a.identity != b.identity || a.camera != b.camera)
      return fmt::format("{}[{}], {}, is of identity {} from camera {} there and of identity {} from camera {} here",
                         list, i, named(a), a.identity, a.camera, b.identity, b.camera);
    return fmt::format("{}[{}], {}, is {} there and {} here", list, i, named(a), what_is_shown(a), what_is_shown(b));
  }
  if (published.size() != made.size())
    return fmt::format("{} has {} images there and {} here", list, published.size(), made.size());
  return {};
}

}  // namespace

std::string first_difference(const Split& published, const Split& made) {
  if (published == made) return {};
  if (published.pack != made.pack)
    return fmt::format("it is of pack '{}', which keys what is drawn, and this one is '{}'",
                       sources::printable(published.pack), made.pack);
  if (published.manifest_sha256 != made.manifest_sha256)
    return fmt::format("it is of another pack: its manifest has SHA-256 {}, this one's {}",
                       sources::printable(published.manifest_sha256), made.manifest_sha256);
  if (published.options != made.options) return "it was made with other options";
  if (std::string train = difference_of("train", published.train, made.train); !train.empty()) return train;
  if (std::string query = difference_of("query", published.query, made.query); !query.empty()) return query;
  if (std::string gallery = difference_of("gallery", published.gallery, made.gallery); !gallery.empty()) return gallery;
  if (published.train_identities != made.train_identities)
    return fmt::format("train_identities is {} there and {} here", published.train_identities, made.train_identities);
  return fmt::format("left_out is {} there and {} here", published.left_out, made.left_out);
}

std::string replay_difference(const PackReader& pack, const SplitFile& file) {
  const Split& published = file.split;
  // Before making it: another pack may not even have what the options name.
  Split empty{pack.options().name, pack.manifest_sha256(), published.options, {}, 0, {}, {}, 0};
  if (published.pack != empty.pack || published.manifest_sha256 != empty.manifest_sha256)
    return first_difference(published, empty);
  const Split made = make_split(pack, published.options);
  if (std::string difference = first_difference(published, made); !difference.empty()) return difference;
  for (std::size_t draw = 0; draw < file.gallery_draws.size(); ++draw) {
    const std::vector<std::string>& drawn = file.gallery_draws[draw];
    const std::vector<std::string> paths = gallery_draw_paths(made, static_cast<int>(draw));
    for (std::size_t i = 0; i < std::min(drawn.size(), paths.size()); ++i)
      if (drawn[i] != paths[i])
        return fmt::format("gallery_draws[{}][{}] is '{}' there and '{}' here", draw, i, sources::printable(drawn[i]),
                           paths[i]);
    if (drawn.size() != paths.size())
      return fmt::format("gallery_draws[{}] has {} images there and {} here", draw, drawn.size(), paths.size());
  }
  return {};
}

}  // namespace resolute::datasets
