#include "cli/page/panel_page.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "cli/page/figures.h"
#include "cli/page/html.h"

namespace resolute::cli {
namespace {

// Colours of text, page and lines in both schemes; pictures are white themselves.
constexpr std::string_view kPageStyle = R"(
:root { color-scheme: light dark; --text: #1b1f24; --page: #ffffff; --quiet: #59636e; --line: #d1d9e0; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6edf3; --page: #0d1117; --quiet: #9198a1; --line: #3d444d; }
}
body { color: var(--text); background: var(--page); font: 16px/1.5 system-ui, sans-serif; max-width: 72rem;
  margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
h1, h2, h3 { line-height: 1.25; margin: 2rem 0 0.5rem; }
h3 { font-size: 1rem; border-top: 1px solid var(--line); padding-top: 1rem; }
figure { margin: 0.75rem 0; }
figcaption { font-size: 0.9rem; }
img { display: block; max-width: 100%; height: auto; background: #ffffff; }
.quiet, .missing { color: var(--quiet); }
.quality { font-size: 0.85rem; color: var(--quiet); margin: 0.25rem 0 0; padding-left: 1.5rem; }
.reconstructions { display: flex; flex-wrap: wrap; gap: 0 1.5rem; }
)";
constexpr double kCellRem = 6.5;  // width of one image of a strip

// RFC 4648.
std::string base64(const core::Bytes& bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // it ends the text with a zero
  ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), reinterpret_cast<const unsigned char*>(bytes.data()),
                    static_cast<int>(bytes.size()));
  text.pop_back();
  return text;
}

std::string image(const core::Bytes& png, std::size_t cells, const std::string& description) {
  return fmt::format("<img style=\"width:{}rem\" alt=\"{}\" src=\"data:image/png;base64,{}\">\n",
                     kCellRem * static_cast<double>(cells), escaped(description), base64(png));
}

std::string rank_in_words(const results::PanelQuery& query, std::size_t gallery_images) {
  if (query.rank == 0) return fmt::format("no right image among the {} drawn", gallery_images);
  return fmt::format("right image at rank {} of {}", query.rank, gallery_images);
}

std::string gallery_figure(const PanelRow& row, std::size_t index) {
  const results::PanelQuery& query = row.panels->queries[index];
  const std::string words = rank_in_words(query, row.panels->gallery_images);
  return fmt::format("<figure>\n<figcaption>{} <span class=\"quiet\">({})</span></figcaption>\n{}</figure>\n",
                     escaped(row.label), words,
                     image(row.pictures[index].gallery, query.ranked.size() + 1,
                           fmt::format("The query and the nearest images by {}: {}", row.label, words)));
}

std::string quality_in_words(const results::PictureQuality& quality) {
  return fmt::format("{:.2f} dB, SSIM {:.3f}, off by {:.1f} levels", quality.psnr, quality.ssim, quality.error);
}

std::string reconstruction_figure(const PanelRow& row, std::size_t index) {
  const results::PanelReconstruction& made = *row.panels->queries[index].reconstruction;
  std::string shown = "LR input", figures = "<ol class=\"quality\">\n<li>LR input: " + quality_in_words(made.input);
  for (const results::RecoveredPicture& picture : made.recovered) {
    const std::string name = fmt::format("recovered at scale {}", scale_in_words(picture.scale));
    shown += ", " + name;
    figures += fmt::format("</li>\n<li>{}: {}", name, quality_in_words(picture.quality));
  }
  figures += "</li>\n<li>HR original</li>\n</ol>\n";
  return fmt::format("<figure>\n<figcaption>{}</figcaption>\n{}{}</figure>\n", escaped(row.label),
                     image(row.pictures[index].reconstruction, made.recovered.size() + 2,
                           fmt::format("{}, HR original, by {}", shown, row.label)),
                     figures);
}

//! A heading, words and a figure for each row that has something to show; nothing where none has.
std::string figures_block(const PanelSection& section, const Figure& figure) {
  std::string all;
  for (const PanelRow& row : section.rows)
    if (const auto found = row.figures.find(figure.output); found != row.figures.end()) all += found->second;
  if (all.empty()) return {};
  return fmt::format("<h3>{}</h3>\n<p class=\"quiet\">{}</p>\n<div class=\"plots\">\n{}</div>\n", figure.heading,
                     figure.words, all);
}

std::string query_block(const PanelSection& section, const ShownQuery& shown) {
  const auto [first_row, first_query] = shown.places.front();
  const results::PanelQuery& query = section.rows[first_row].panels->queries[first_query];
  std::string html = fmt::format("<h3>{} <span class=\"quiet\">identity {}, camera {}, rate {}</span></h3>\n",
                                 escaped(query.path), query.identity, query.camera, query.rate);
  std::string reconstructions;
  for (const auto& [row, index] : shown.places) {
    html += gallery_figure(section.rows[row], index);
    if (section.rows[row].panels->queries[index].reconstruction)
      reconstructions += reconstruction_figure(section.rows[row], index);
  }
  if (!reconstructions.empty())
    html +=
        "<p>LR input, what each decoder makes of it, HR original; PSNR, SSIM and mean difference are against the "
        "original:</p>\n<div class=\"reconstructions\">\n" +
        reconstructions + "</div>\n";
  return html;
}

std::string section_html(const PanelSection& section) {
  std::string html =
      fmt::format("<h2>{} <span class=\"quiet\">on {}</span></h2>\n", escaped(section.title), escaped(section.dataset));
  std::string jobs;
  for (const PanelRow& row : section.rows) {
    if (row.missing.empty())
      jobs += fmt::format("{}{} {}", jobs.empty() ? "" : ", ", escaped(row.label), row.job.substr(0, 12));
    else
      html += fmt::format("<p class=\"missing\">{}: {}.</p>\n", escaped(row.label), escaped(row.missing));
  }
  if (!jobs.empty()) html += fmt::format("<p class=\"quiet\">Evaluations: {}.</p>\n", jobs);
  for (const Figure& figure : figures()) html += figures_block(section, figure);
  for (const ShownQuery& query : shown_queries(section)) html += query_block(section, query);
  return html;
}

}  // namespace

std::vector<ShownQuery> shown_queries(const PanelSection& section) {
  std::vector<ShownQuery> shown;
  std::map<std::pair<std::string, int>, std::size_t> known;
  for (std::size_t row = 0; row < section.rows.size(); ++row) {
    if (!section.rows[row].panels) continue;
    const auto& queries = section.rows[row].panels->queries;
    for (std::size_t index = 0; index < queries.size(); ++index) {
      const auto [found, is_new] = known.try_emplace({queries[index].path, queries[index].rate}, shown.size());
      if (is_new) shown.emplace_back();
      shown[found->second].places.push_back({row, index});
    }
  }
  return shown;
}

std::string panel_page_html(const PanelPage& page) {
  std::string html = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{}: panels</title>\n"
      "<style>{}{}</style>\n</head>\n<body>\n<h1>{}</h1>\n",
      escaped(page.suite), kPageStyle, box_plot_style(), escaped(page.title));
  html += "<p>Trial 0 of every row.";
  const auto has_queries = [](const PanelSection& section) { return !shown_queries(section).empty(); };
  if (std::any_of(page.sections.begin(), page.sections.end(), has_queries))
    html += fmt::format(
        " Gallery draw 0. Each strip shows the LR query, enlarged as the network sees it, then the first images of the "
        "gallery (at most {}), the nearest first: framed green where they show the query's identity, red where they do "
        "not.",
        results::kPanelImages);
  html += "</p>\n";
  for (const std::string& note : page.notes) html += fmt::format("<p class=\"quiet\">{}</p>\n", escaped(note));
  for (const PanelSection& section : page.sections) html += section_html(section);
  return html + "</body>\n</html>\n";
}

}  // namespace resolute::cli
