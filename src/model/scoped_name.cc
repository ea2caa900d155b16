#include "model/scoped_name.h"

#include <algorithm>

#include "base/strings.h"
#include "model/mission.h"

namespace reeve::model {

std::string scoped(const Namespace& ns, std::string_view name) {
  // A name with the sign in it is no good name, and must not pass for one of another namespace.
  if (ns.view() == kDefaultNamespace && name.find(kScopeSign) == std::string_view::npos) {
    return std::string(name);
  }
  return concat(ns.view(), std::string_view(&kScopeSign, 1), name);
}

MissionName qualify(const Namespace& ns, std::string_view name) {
  return name.empty() ? MissionName() : MissionName(scoped(ns, name));
}

namespace {

/// The sign behind a namespace; npos: the name is one of `default`. A run of it may have a sign in
/// the name of its task, which stands behind a point, as none does in a namespace.
std::size_t sign_of(std::string_view name) {
  const std::size_t at = name.find_first_of("~.");
  return at != std::string_view::npos && name[at] == kScopeSign ? at : std::string_view::npos;
}

}  // namespace

ScopedName split(std::string_view name) {
  return {.ns = namespace_of(name), .name = std::string(plain(name))};
}

std::string_view plain(std::string_view name) {
  const std::size_t sign = sign_of(name);
  return sign == std::string_view::npos ? name : name.substr(sign + 1);
}

std::string_view plain(const MissionName& name) {
  return plain(name.view());
}

Namespace namespace_of(std::string_view name) {
  const std::size_t sign = sign_of(name);
  return Namespace(
      std::string(sign == std::string_view::npos ? kDefaultNamespace : name.substr(0, sign))
  );
}

std::size_t name_room(const Namespace& ns) {
  const std::size_t added = ns.view() == kDefaultNamespace ? 0 : ns.view().size() + 1;
  return kScopedNameBytesMax - std::min(added, kScopedNameBytesMax);
}

Result<void> check_namespace(std::string_view ns) {
  const auto alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  };
  const bool good =
      !ns.empty() && ns.size() <= kNamespaceBytesMax && alphanumeric(ns.front()) &&
      alphanumeric(ns.back()) &&
      std::all_of(ns.begin(), ns.end(), [&](char c) { return alphanumeric(c) || c == '-'; });
  if (good) {
    return {};
  }
  Error error = make_error(
      ErrorCode::Invalid,
      concat("\"", ns.substr(0, 2 * kNamespaceBytesMax), "\" is no name for a namespace"),
      "namespace"
  );
  error.hint = concat(
      "use lower-case letters, digits and '-', at most ",
      kNamespaceBytesMax,
      ", a letter or digit at both ends"
  );
  return error;
}

Result<void> check_mission_name(const Namespace& ns, std::string_view name) {
  REEVE_CHECK(check_namespace(ns.view()));
  REEVE_CHECK(check_name(name, "mission name"));
  if (name.size() <= name_room(ns)) {
    return {};
  }
  return make_error(
      ErrorCode::Invalid,
      concat(
          "a mission of namespace ",
          ns.view(),
          " has a name of at most ",
          name_room(ns),
          " characters, not ",
          name.size()
      ),
      "name"
  );
}

}  // namespace reeve::model
