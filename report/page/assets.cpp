#include "report/page/assets.h"

#include <fmt/format.h>

// Made by resolute_embed() (cmake/ResoluteTargets.cmake).
#define RESOLUTE_EMBEDDED(name) extern "C" const char resolute_embedded_##name[], resolute_embedded_##name##_end[];
RESOLUTE_EMBEDDED(page_html)
RESOLUTE_EMBEDDED(report_css)
RESOLUTE_EMBEDDED(elements_js)
RESOLUTE_EMBEDDED(tables_js)
RESOLUTE_EMBEDDED(figures_js)
RESOLUTE_EMBEDDED(report_js)
RESOLUTE_EMBEDDED(plotly_min_js)
#undef RESOLUTE_EMBEDDED

namespace resolute::report {
namespace {

std::string_view text_between(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace

std::string_view page_shell() { return text_between(resolute_embedded_page_html, resolute_embedded_page_html_end); }

std::string_view page_style() { return text_between(resolute_embedded_report_css, resolute_embedded_report_css_end); }

std::string page_script() {
  // Each uses what those before it define.
  return fmt::format("{}{}{}{}", text_between(resolute_embedded_elements_js, resolute_embedded_elements_js_end),
                     text_between(resolute_embedded_tables_js, resolute_embedded_tables_js_end),
                     text_between(resolute_embedded_figures_js, resolute_embedded_figures_js_end),
                     text_between(resolute_embedded_report_js, resolute_embedded_report_js_end));
}

std::string_view plotly_script() {
  return text_between(resolute_embedded_plotly_min_js, resolute_embedded_plotly_min_js_end);
}

}  // namespace resolute::report
