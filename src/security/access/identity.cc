#include "security/access/identity.h"

#include <algorithm>

#include "base/json.h"
#include "base/strings.h"

namespace reeve::access {

namespace {

std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

bool is_control(char c) {
  constexpr unsigned char kFirstPrintable = 0x20;
  constexpr unsigned char kDelete = 0x7f;
  const auto byte = static_cast<unsigned char>(c);
  return byte < kFirstPrintable || byte == kDelete;
}

Result<void> check_text(std::string_view text, std::string_view subject) {
  if (text.size() > kPrincipalBytesMax) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat("is longer than ", kPrincipalBytesMax, " bytes"),
        std::string(subject)
    );
  }
  if (text.empty() || !is_utf8(text) || std::any_of(text.begin(), text.end(), is_control)) {
    return make_error(
        ErrorCode::Invalid,
        "must be text of at least one character, without control characters",
        std::string(subject)
    );
  }
  return {};
}

Error too_many(std::size_t limit, std::string_view subject) {
  return make_error(
      ErrorCode::LimitExceeded, concat("has more than ", limit, " entries"), std::string(subject)
  );
}

}  // namespace

bool Identity::in_group(std::string_view group) const {
  return std::find(groups.begin(), groups.end(), group) != groups.end();
}

Identity anonymous() {
  Identity identity;
  identity.user = kAnonymous;
  identity.groups = {std::string(kUnauthenticated)};
  return identity;
}

void add_group(Identity& identity, std::string_view group) {
  if (!identity.in_group(group)) {
    identity.groups.emplace_back(group);
  }
}

Result<void> check_identity(const Identity& identity) {
  REEVE_CHECK(check_text(identity.user, "user"));
  if (identity.groups.size() > kGroupsMax) {
    return too_many(kGroupsMax, "groups");
  }
  for (const std::string& group : identity.groups) {
    REEVE_CHECK(check_text(group, "groups"));
  }
  if (!identity.uid.empty()) {
    REEVE_CHECK(check_text(identity.uid, "uid"));
  }
  if (identity.extra.size() > kExtrasMax) {
    return too_many(kExtrasMax, "extra");
  }
  for (const auto& [key, values] : identity.extra) {
    REEVE_CHECK(check_text(key, "extra"));
    if (values.size() > kExtraValuesMax) {
      return too_many(kExtraValuesMax, concat("extra.", key));
    }
    for (const std::string& value : values) {
      if (!value.empty()) {
        REEVE_CHECK(check_text(value, concat("extra.", key)));
      }
    }
  }
  return {};
}

std::string Attributes::full_resource() const {
  return subresource.empty() ? resource : concat(resource, "/", subresource);
}

std::string forbidden_message(const Identity& identity, const Attributes& attributes) {
  const std::string who = concat("User ", quoted(identity.user), " cannot ", attributes.verb);
  if (!attributes.is_resource()) {
    return concat("forbidden: ", who, " path ", quoted(attributes.non_resource_path));
  }
  return concat(
      attributes.resource,
      attributes.group.empty() ? "" : ".",
      attributes.group,
      attributes.name.empty() ? "" : concat(" ", quoted(attributes.name)),
      " is forbidden: ",
      who,
      " resource ",
      quoted(attributes.full_resource()),
      " in API group ",
      quoted(attributes.group),
      attributes.ns.empty() ? " at the cluster scope"
                            : concat(" in the namespace ", quoted(attributes.ns))
  );
}

Error forbidden(const Identity& identity, const Attributes& attributes) {
  return make_error(
      ErrorCode::PermissionDenied,
      forbidden_message(identity, attributes),
      attributes.is_resource() ? attributes.full_resource() : attributes.non_resource_path
  );
}

}  // namespace reeve::access
