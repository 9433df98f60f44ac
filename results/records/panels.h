#pragma once
//! \file
//! panels/panels.json: what the pictures beside it show, query by query (docs/inside/formats/panels.md). Written by
//! workers, read by `resolute suite report`.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/files/json.h"
#include "results/scores/image_quality.h"
#include "settings/evaluation.h"

namespace resolute::results {

//! Gallery images that a panel shows at most.
inline constexpr std::size_t kPanelImages = 7;

//! "panels/gallery-000.png": the query and what stands first in its gallery. \param query index into Panels::queries
std::string gallery_panel_file(std::size_t query);
//! "panels/reconstruction-000.png": LR input, what each decoder makes of it, HR original; only for a method with a
//! decoder.
std::string reconstruction_panel_file(std::size_t query);

struct RankedImage {
  std::string path;  //!< as the pack names it
  std::int64_t identity = 0;
  std::int64_t camera = 0;
  bool right = false;  //!< the query's identity
};

//! One decoder's image of the query.
struct RecoveredPicture {
  int scale = 1;           //!< the rate whose look the decoder aims at; 1: the HR original
  PictureQuality quality;  //!< against the HR original, whatever the scale
};

//! How far the decoders came.
struct PanelReconstruction {
  PictureQuality input;                     //!< the LR input, enlarged, against the HR original
  std::vector<RecoveredPicture> recovered;  //!< one for each decoder, at least one, scales descending
};

struct PanelQuery {
  std::string path;
  std::int64_t identity = 0;
  std::int64_t camera = 0;
  int rate = 1;                     //!< at which it was made low-resolution, at least 1
  std::size_t rank = 0;             //!< of the first right image in the gallery, from 1; 0: it has none
  std::vector<RankedImage> ranked;  //!< nearest first, at most kPanelImages; of equally far ones wrong before right
  std::optional<PanelReconstruction> reconstruction;
};

//! A query as the file has it.
core::Json to_json(const PanelQuery& query);

struct Panels {
  std::string pack;  //!< name
  std::uint64_t split_seed = 0;
  std::size_t gallery_images = 0;  //!< in the gallery that is shown
  std::vector<PanelQuery> queries;
  settings::ProtocolName protocol = settings::ProtocolName::kSingleShot;  //!< whose first gallery is shown
};

//! The file's text: canonical JSON and a line end. Schema 2 for single-shot, 3 for the others. parse_panels() reads it
//! back equal.
std::string panels_text(const Panels& panels);

//! Strict: unknown or missing keys, wrong types, another schema, values out of range, and a ranking that contradicts
//! itself are refused with a kInput RuntimeError that opens with `where`.
Panels parse_panels(std::string_view text, const std::string& where);

}  // namespace resolute::results
