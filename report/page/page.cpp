#include "report/page/page.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "core/error.h"
#include "report/page/assets.h"
#include "report/page/html.h"

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
  const std::string data = embedded(document), script = page_script();
  const std::string live =
      feed ? fmt::format("data-events=\"{}\" data-document=\"{}\"", escaped(feed->events), escaped(feed->document))
           : std::string();
  const std::array<std::pair<std::string_view, std::string_view>, 6> parts{{{"@TITLE@", title},
                                                                            {"@STYLE@", page_style()},
                                                                            {"@LIVE@", live},
                                                                            {"@DOCUMENT@", data},
                                                                            {"@SCRIPT@", script},
                                                                            {"@PLOTLY@", plotly_script()}}};
  std::string page;
  page.reserve(data.size() + plotly_script().size() + (std::size_t{1} << 18));
  std::string_view rest = page_shell();
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
