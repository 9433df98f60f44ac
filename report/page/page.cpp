#include "report/page/page.h"

#include <fmt/format.h>

#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "report/page/html.h"

// The files of the page as they were when the program was built: resolute_embed() (cmake/ResoluteTargets.cmake) makes
// these.
#define RESOLUTE_EMBEDDED(name) extern "C" const char resolute_embedded_##name[], resolute_embedded_##name##_end[];
RESOLUTE_EMBEDDED(page_html)
RESOLUTE_EMBEDDED(report_css)
RESOLUTE_EMBEDDED(elements_js)
RESOLUTE_EMBEDDED(tables_js)
RESOLUTE_EMBEDDED(figures_js)
RESOLUTE_EMBEDDED(report_js)
RESOLUTE_EMBEDDED(plotly_min_js)
#undef RESOLUTE_EMBEDDED
#define RESOLUTE_EMBEDDED_TEXT(name) \
  std::string_view(resolute_embedded_##name, std::size_t(resolute_embedded_##name##_end - resolute_embedded_##name))

namespace resolute::report {
namespace {

//! The document as it may stand inside a script element: no text of it ends one.
std::string embedded(const core::Json& document) {
  const std::string text = core::canonical_json(document);
  std::string safe;
  safe.reserve(text.size());
  for (char c : text) {
    if (c == '<')
      safe += "\\u003c";
    else
      safe += c;
  }
  return safe;
}

}  // namespace

std::string report_page(const core::Json& document, const std::optional<ReportFeed>& feed) {
  const std::string title = escaped(document.at("title").get_ref<const std::string&>());
  const std::string data = embedded(document);
  // Each script uses what those before it define.
  const std::string script =
      fmt::format("{}{}{}{}", RESOLUTE_EMBEDDED_TEXT(elements_js), RESOLUTE_EMBEDDED_TEXT(tables_js),
                  RESOLUTE_EMBEDDED_TEXT(figures_js), RESOLUTE_EMBEDDED_TEXT(report_js));
  const std::string live =
      feed ? fmt::format("data-events=\"{}\" data-document=\"{}\"", escaped(feed->events), escaped(feed->document))
           : std::string();
  const std::array<std::pair<std::string_view, std::string_view>, 6> parts{
      {{"@TITLE@", title},
       {"@STYLE@", RESOLUTE_EMBEDDED_TEXT(report_css)},
       {"@LIVE@", live},
       {"@DOCUMENT@", data},
       {"@SCRIPT@", script},
       {"@PLOTLY@", RESOLUTE_EMBEDDED_TEXT(plotly_min_js)}}};
  std::string page;
  page.reserve(data.size() + parts.back().second.size() + (std::size_t{1} << 18));
  std::string_view rest = RESOLUTE_EMBEDDED_TEXT(page_html);
  while (true) {
    // The loop never looks through text that it put in: a title may hold a placeholder's name.
    const std::pair<std::string_view, std::string_view>* next = nullptr;
    std::size_t at = rest.npos;
    for (const auto& part : parts)
      if (const std::size_t found = rest.find(part.first); found < at) at = found, next = &part;
    page += rest.substr(0, at);
    if (next == nullptr) return page;
    page += next->second;
    rest.remove_prefix(at + next->first.size());
  }
}

}  // namespace resolute::report
