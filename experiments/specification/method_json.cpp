#include "experiments/specification/method_json.h"

#include "experiments/specification/validation.h"

namespace resolute::experiments {
namespace {

using core::CanonicalText;
using core::Json;
using core::ObjectReader;
using methods::Section;

//! The first option that nothing reads and that yet is not at its default.
template <class Described>
void check_nothing_idle(const Described& read, const Described& kept, const std::string& method) {
  Described::members([&](const auto& one) {
    if (read.*one.at != kept.*one.at)
      throw MemberError(fmt::format("{}.{}", method, one.key), settings::canonical(read.*one.at).text(),
                        "with what else is set nothing reads it",
                        "set it to " + settings::canonical(kept.*one.at).text());
  });
}

template <class Options>
Options read_options(int revision, const Json& json, const std::string& where) {
  if (revision != Options::kRevision)
    throw core::input_error(fmt::format("{}: revision {} of method '{}'", where, revision, Options::kMethod),
                            fmt::format("this program has revision {}", Options::kRevision),
                            "use the program that wrote it, or plan the suite again");
  const auto section = settings::from_json<Section<Options>>(json, where + ": in 'options'");
  try {
    auto options = methods::options_of<Options>(section);
    check_nothing_idle(section, methods::section_of(options), Options::kMethod);
    return options;
  } catch (const MemberError& error) {
    throw error.at(where);
  }
}

}  // namespace

std::vector<CanonicalText::Member> method_members(const MethodOptions& method) {
  return std::visit(
      [](const auto& options) {
        using Options = std::decay_t<decltype(options)>;
        return std::vector<CanonicalText::Member>{{"method", Options::kMethod},
                                                  {"method_revision", Options::kRevision},
                                                  {"options", settings::canonical(methods::section_of(options))}};
      },
      method);
}

MethodOptions read_method(ObjectReader& object) {
  const auto name = object.required<std::string>("method");
  const int revision = object.required<int>("method_revision");
  const Json json = object.required<Json>("options");
  std::optional<MethodOptions> method;
  methods::for_each_method([&]<class Options>() {
    if (name == Options::kMethod) method = read_options<Options>(revision, json, object.where());
  });
  if (!method)
    throw core::input_error(fmt::format("{}: key 'method' has the value '{}'", object.where(), name),
                            fmt::format("methods are {}", methods::method_list()));
  return *method;
}

}  // namespace resolute::experiments
