#pragma once
//! \file
//! The options of a training's method, as a variant over all methods. Each method's options stand in its folder.
//! Nothing here needs libtorch.

#include <tuple>
#include <type_traits>
#include <variant>

#include "methods/baseline/options.h"
#include "methods/cadnet/options.h"
#include "methods/ftwa/options.h"
#include "methods/msifla/options.h"
#include "methods/rain/options.h"
#include "methods/resolution_adaptive/options.h"
#include "methods/vpfa/options.h"

namespace resolute::methods {

using MethodOptions = std::variant<BaselineOptions, RainOptions, FtwaOptions, MsiflaOptions, ResolutionAdaptiveOptions,
                                   CadnetOptions, VpfaOptions>;

namespace options_detail {

template <class Options>
struct SectionOf {
  using Type = Options;
};
template <class Options>
requires requires { typename Options::Section; }
struct SectionOf<Options> {
  using Type = typename Options::Section;
};

template <class Options>
struct SectionsOf;
template <class... Options>
struct SectionsOf<std::variant<Options...>> {
  using Type = std::tuple<typename SectionOf<Options>::Type...>;
};

}  // namespace options_detail

//! A method's options in the form that suites and specifications use: one flat struct that describes its members
//! (settings/member.h). For most methods it is the options struct itself.
template <class Options>
using Section = typename options_detail::SectionOf<Options>::Type;

//! The section of each method, in the order of MethodOptions.
using Sections = typename options_detail::SectionsOf<MethodOptions>::Type;

template <class Options>
Section<Options> section_of(const Options& options) {
  if constexpr (std::is_same_v<Section<Options>, Options>)
    return options;
  else
    return options.section();
}

//! The inverse. Options that nothing reads are dropped. \throws MemberError for options that cannot be together
template <class Options>
Options options_of(const Section<Options>& section) {
  if constexpr (std::is_same_v<Section<Options>, Options>)
    return section;
  else
    return Options::of(section);
}

//! Calls `visit.template operator()<Options>()` for each method, in the order of MethodOptions.
template <std::size_t at = 0>
void for_each_method(auto&& visit) {
  if constexpr (at < std::variant_size_v<MethodOptions>) {
    visit.template operator()<std::variant_alternative_t<at, MethodOptions>>();
    for_each_method<at + 1>(visit);
  }
}

}  // namespace resolute::methods
