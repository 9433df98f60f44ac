#include "cli/data/samples_page.h"

#include <algorithm>

#include "datasets/image/low_resolution.h"
#include "datasets/pack/show.h"
#include "report/page/html.h"

namespace resolute::cli {
namespace {

using datasets::Image;

// Small images are shown in whole multiples of their pixels.
constexpr const char* kSamplesHead = R"(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{0}</title><style>
body {{ font: 14px sans-serif; margin: 1em }}
th, td {{ padding: 0 12px 12px 0; text-align: left; vertical-align: top }}
img {{ image-rendering: pixelated; margin-right: 6px; vertical-align: top }}
.low {{ color: #be141e }}
.low img {{ outline: 3px solid #be141e }}
</style></head><body>
<h1>{0}</h1>
<p>{1}</p>
<table>
)";

std::string extent_text(const Image& image) { return fmt::format("{}x{}", image.height, image.width); }

std::string picture(const Image& image, int times, const std::string& words) {
  return fmt::format(R"(<img src="{}" width="{}" height="{}" alt="{}">)",
                     report::png_address(datasets::encode_png(image)), image.width * times, image.height * times,
                     report::escaped(words));
}

// The column of an image that came in low resolution: that of its rate if there is one, else the first of LR views.
std::size_t column_of_low(int rate, const std::vector<int>& rates) {
  if (rates.empty()) return 0;
  const auto found = std::ranges::find(rates, rate);
  return found == rates.end() ? 1 : 1 + static_cast<std::size_t>(found - rates.begin());
}

std::string table_row(const datasets::PackReader& pack, std::size_t number, const std::vector<int>& rates, int times) {
  const datasets::PackRow& row = pack.row(number);
  const datasets::PackSettings& options = pack.options();
  const std::string person =
      row.sample.identity == 0 ? std::string("distractor") : fmt::format("id {}", row.sample.identity);
  const bool low = row.sample.rate != 1;
  Image image = datasets::make_image(options.height, options.width);
  pack.read_hr(number, image.pixels);
  std::vector<std::string> cells(rates.size() + 1, "<td>none");
  if (low) {
    cells[column_of_low(row.sample.rate, rates)] = fmt::format(
        R"(<td class="low">{}<div>as it came, rate {}</div>)", picture(image, times, person + " in low resolution"),
        row.sample.rate == 0 ? "unknown" : std::to_string(row.sample.rate));
  } else {
    cells[0] = fmt::format("<td>{}<div>{}</div>", picture(image, times, person), extent_text(image));
    for (std::size_t i = 0; i < rates.size(); ++i) {
      pack.read_view(number, rates[i], image);
      const std::string words = fmt::format("{}, view at rate {}", person, rates[i]);
      cells[i + 1] = fmt::format("<td>{}{}<div>{}</div>",
                                 picture(datasets::enlarge(image, options.height, options.width), times, words),
                                 picture(image, 1, words + " at its true size"), extent_text(image));
    }
  }
  return fmt::format("<tr><th scope=\"row\">{}<br>camera {}<br>{}<br>{}x{}\n{}\n", person, row.sample.camera,
                     row.sample.subset, row.native_height, row.native_width, fmt::join(cells, "\n"));
}

}  // namespace

std::string samples_page(const datasets::PackReader& pack, int samples) {
  const datasets::PackSettings& options = pack.options();
  const datasets::PackStatistics all = datasets::pack_statistics(pack);
  const std::vector<int> rates = datasets::stored_rates(options);
  // Packs of tests are stamps: they are enlarged to some 160 pixels.
  const int times = std::clamp(std::min(160 / options.height, 320 / options.width), 1, 8);
  const std::string title = fmt::format("{} from {}: {} images, {} identities", report::escaped(options.name),
                                        settings::word(options.source), all.rows, all.identities);
  std::string notes = fmt::format(
      "Network size {}x{} (height x width), {} kernel. LR views from {} size, enlarged to network size and at their "
      "true size.",
      options.height, options.width, settings::word(options.kernel), settings::word(options.view_from));
  if (times > 1) notes += fmt::format(" Pixels of images at network size are shown {} times as large.", times);
  std::string page = fmt::format(fmt::runtime(kSamplesHead), title, notes);
  page += "<tr><th><th scope=\"col\">HR";
  for (const int rate : rates) page += fmt::format("<th scope=\"col\">/{} view", rate);
  page += "\n";
  for (const std::size_t row : datasets::choose_samples(pack, samples)) page += table_row(pack, row, rates, times);
  return page + "</table></body></html>\n";
}

}  // namespace resolute::cli
