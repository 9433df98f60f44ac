#pragma once
//! \file
//! The members of a plain struct without a list of them: its declaration is the list, and its order is that of the
//! bytes in journals, snapshots and messages (orchestrator/messages/binary.h). A Row gives the members of one struct
//! their names and ranges; a member without a place in its struct's row does not compile.

#include <fmt/format.h>

#include <array>
#include <concepts>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace resolute::core {

namespace members {

struct Anything {
  template <class T>
  operator T() const;
};

// Tries braces with one more value each time.
template <class T, class... Taken>
consteval std::size_t count() {
  if constexpr (requires { T{Taken{}..., Anything{}}; })
    return count<T, Taken..., Anything>();
  else
    return sizeof...(Taken);
}

}  // namespace members

//! How many members a struct declares.
template <class T>
inline constexpr std::size_t kMembers = members::count<std::remove_const_t<T>>();

#define RESOLUTE_VISIT_MEMBERS(COUNT, ...)          \
  if constexpr (kMembers<T> == COUNT) {             \
    auto& [__VA_ARGS__] = value;                    \
    return std::forward<Visit>(visit)(__VA_ARGS__); \
  } else

//! Calls `visit` with all members of `value`, in the order of their declaration. A struct of a size that is missing
//! here does not compile.
template <class T, class Visit>
decltype(auto) visit_members(T& value, Visit&& visit) {
  if constexpr (kMembers<T> == 0) {
    return std::forward<Visit>(visit)();
  } else
    // clang-format off
  RESOLUTE_VISIT_MEMBERS(1, a)
  RESOLUTE_VISIT_MEMBERS(2, a, b)
  RESOLUTE_VISIT_MEMBERS(3, a, b, c)
  RESOLUTE_VISIT_MEMBERS(4, a, b, c, d)
  RESOLUTE_VISIT_MEMBERS(5, a, b, c, d, e)
  RESOLUTE_VISIT_MEMBERS(6, a, b, c, d, e, f)
  RESOLUTE_VISIT_MEMBERS(7, a, b, c, d, e, f, g)
  RESOLUTE_VISIT_MEMBERS(8, a, b, c, d, e, f, g, h)
  RESOLUTE_VISIT_MEMBERS(9, a, b, c, d, e, f, g, h, i)
  RESOLUTE_VISIT_MEMBERS(10, a, b, c, d, e, f, g, h, i, j)
  RESOLUTE_VISIT_MEMBERS(11, a, b, c, d, e, f, g, h, i, j, k)
  RESOLUTE_VISIT_MEMBERS(12, a, b, c, d, e, f, g, h, i, j, k, l)
  RESOLUTE_VISIT_MEMBERS(13, a, b, c, d, e, f, g, h, i, j, k, l, m)
  RESOLUTE_VISIT_MEMBERS(14, a, b, c, d, e, f, g, h, i, j, k, l, m, n)
  RESOLUTE_VISIT_MEMBERS(15, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o)
  RESOLUTE_VISIT_MEMBERS(16, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p)
  RESOLUTE_VISIT_MEMBERS(17, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q)
  RESOLUTE_VISIT_MEMBERS(18, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r)
  RESOLUTE_VISIT_MEMBERS(19, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s)
  RESOLUTE_VISIT_MEMBERS(22, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v)
  RESOLUTE_VISIT_MEMBERS(24, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x)
  RESOLUTE_VISIT_MEMBERS(25, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y)
  RESOLUTE_VISIT_MEMBERS(26, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z)
  RESOLUTE_VISIT_MEMBERS(27, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, a2)
  RESOLUTE_VISIT_MEMBERS(28, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, a2, b2)
  // clang-format on
  static_assert(kMembers<T> == 0, "a line for structs with this many members is missing above");
}

#undef RESOLUTE_VISIT_MEMBERS

//! A member's name, and the numbers that it may be: for a list each element, for a time its milliseconds.
struct Member {
  // Implicit: a row is a list of names, some with a range behind them.
  constexpr Member(const char* called, std::int64_t from = std::numeric_limits<std::int64_t>::min(),
                   std::int64_t to = std::numeric_limits<std::int64_t>::max())
      : name(called), least(from), most(to) {}
  constexpr bool has_range() const {
    return least != std::numeric_limits<std::int64_t>::min() || most != std::numeric_limits<std::int64_t>::max();
  }
  std::string_view name;
  std::int64_t least;
  std::int64_t most;
};

//! Numbers, times and lists of them, which out_of_range() holds against a range: one of any other member would never be
//! asked.
template <class T>
concept Ranged = std::integral<T> || requires(const T& value) {
  value.time_since_epoch();
} || requires(const T& value) {
  value.count();
  T::zero();
} ||(!std::same_as<T, std::string> && requires(const T& value) {
  value.begin();
  requires std::integral<typename T::value_type>;
});

//! True if each range stands at a member that is compared with it. \param members as in a row of T
template <class T>
consteval bool ranges_are_asked(const Member (&members)[kMembers<T>]) {
  using Types = decltype(visit_members(std::declval<T&>(), [](auto&... member) {
    return std::tuple<std::type_identity<std::remove_cvref_t<decltype(member)>>...>();
  }));
  return [&]<class... Of>(std::tuple<std::type_identity<Of>...>) {
    std::size_t i = 0;
    return ((!members[i++].has_range() || Ranged<Of>)&&...);
  }(Types());
}

//! A struct's name and all its members, in the order of their declaration.
template <class T>
struct Row {
  std::string_view name;
  std::array<Member, kMembers<T>> members;
};
template <class T>
consteval Row<T> row(std::string_view name) requires(kMembers<T> == 0) {
  return {name, {}};
}
template <class T, std::size_t N>
consteval Row<T> row(std::string_view name, const Member (&members)[N]) {
  static_assert(N == kMembers<T>, "each member has one place in its struct's row");
  if (!ranges_are_asked<T>(members)) throw "a range stands at a member that has none";
  return {name, std::to_array(members)};
}

//! Calls `visit(Member, value)` for each member that a row names.
template <class T, class Visit>
void for_each_member(const Row<std::remove_const_t<T>>& row, T& value, Visit&& visit) {
  visit_members(value, [&](auto&... member) {
    [[maybe_unused]] std::size_t i = 0;
    (visit(row.members[i++], member), ...);
  });
}

template <class T, class Rows>
struct HasRow;
template <class T, class... Of>
struct HasRow<T, std::tuple<Row<Of>...>> : std::disjunction<std::is_same<T, Of>...> {};

template <class Rows, class T>
std::string out_of_range(const Rows& rows, const T& value);

//! The same for one member. Only numbers, times, lists and structs with a row of their own have ranges.
template <class Rows, class T>
std::string out_of_range(const Rows& rows, const Member& member, const T& value) {
  if constexpr (std::integral<T>) {
    if (value < member.least || value > member.most) return fmt::format("{} is {}", member.name, value);
  } else if constexpr (requires { value.time_since_epoch(); }) {
    return out_of_range(rows, member, value.time_since_epoch().count());
  } else if constexpr (requires { value.count(); }) {
    return out_of_range(rows, member, value.count());
  } else if constexpr (HasRow<T, Rows>::value) {
    return out_of_range(rows, value);
  } else if constexpr (!std::same_as<T, std::string> && requires { value.begin(); }) {
    for (const auto& element : value)
      if (std::string wrong = out_of_range(rows, member, element); !wrong.empty()) return wrong;
  }
  return {};
}

//! The first member of `value` that is out of its range, as "slots is -1"; empty: none. \param rows a tuple of Row
template <class Rows, class T>
std::string out_of_range(const Rows& rows, const T& value) {
  std::string wrong;
  for_each_member(std::get<Row<T>>(rows), value, [&](const Member& member, const auto& field) {
    if (wrong.empty()) wrong = out_of_range(rows, member, field);
  });
  return wrong;
}

}  // namespace resolute::core
