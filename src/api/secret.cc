#include "api/secret.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "resource/causes.h"
#include "resource/schema/validator.h"
#include "security/sealing/sealing.h"

namespace reeve::api {

namespace {

/// As the contract of Credential has it.
constexpr std::size_t kValueBytesMax = 32'768;
constexpr std::string_view kLastApplied = "kubectl.kubernetes.io/last-applied-configuration";

/// One value of a Secret, and where it was said.
struct Given {
  std::string key;
  std::string field;
  std::string_view text;
  bool encoded = false;
};

/// Of `data` and `stringData`; the latter wins.
std::vector<Given> given_values(const Json& object) {
  std::vector<Given> values;
  for (const std::string_view name : {"stringData", "data"}) {
    const Json* members = object.find(name);
    if (members == nullptr || !members->is_object()) {
      continue;
    }
    for (const auto& [key, value] : members->as_object()) {
      bool known = false;
      for (const Given& other : values) {
        known = known || other.key == key;
      }
      if (!known && value.is_string()) {
        values.push_back(
            {.key = key,
             .field = concat(name, "[", key, "]"),
             .text = value.as_string(),
             .encoded = name == "data"}
        );
      }
    }
  }
  return values;
}

resource::Status refused(
    const resource::ResourceName& secret, const Json& object, resource::Cause cause
) {
  const Json* metadata = object.find("metadata");
  std::vector<resource::Cause> causes;
  causes.push_back(std::move(cause));
  return resource::invalid(
      secret, metadata == nullptr ? std::string() : metadata->get_string("name"), std::move(causes)
  );
}

resource::Cause several_keys(const std::vector<Given>& values) {
  std::vector<std::string> keys;
  for (const Given& value : values) {
    keys.push_back(value.key);
  }
  return resource::forbidden_value(
      "data",
      concat(
          "a Secret is one Credential and has one key, not ",
          join(keys, ", "),
          "; make a Secret for each of them"
      )
  );
}

/// Without the value: nobody shall read it in a message.
resource::Cause bad_value(const Given& given, std::string_view why) {
  return {
      .reason = "FieldValueInvalid",
      .message = concat("Invalid value: ", why),
      .field = given.field};
}

}  // namespace

resource::Outcome<Json> credential_spec(const resource::ResourceName& secret, const Json& object) {
  const std::vector<Given> values = given_values(object);
  Json spec = Json::object();
  if (values.empty()) {
    return spec;
  }
  if (values.size() > 1) {
    return refused(secret, object, several_keys(values));
  }
  const Given& given = values.front();
  Secret value{std::string(given.text)};
  if (given.encoded) {
    Result<Secret> decoded = sealing::from_base64(given.text);
    if (!decoded) {
      return refused(secret, object, bad_value(given, "must be base64"));
    }
    value = std::move(*decoded);
  }
  if (value.view().empty()) {
    return refused(secret, object, bad_value(given, "a credential's value is not empty"));
  }
  if (value.view().size() > kValueBytesMax) {
    return refused(secret, object, resource::too_long(given.field, kValueBytesMax));
  }
  if (!is_utf8(value.view())) {
    return refused(
        secret,
        object,
        bad_value(given, "a credential's value is text in UTF-8; encode other bytes")
    );
  }
  spec.set("value", value.view());
  return spec;
}

void forget_applied_secrets(const resource::schema::Schema& schema, Json& object) {
  Json* metadata = object.find("metadata");
  Json* annotations = metadata == nullptr ? nullptr : metadata->find("annotations");
  const Json* kept = annotations == nullptr || !annotations->is_object()
                         ? nullptr
                         : annotations->find(kLastApplied);
  if (kept == nullptr || !kept->is_string()) {
    return;
  }
  Result<Json> applied = parse_json(kept->as_string());
  if (applied && applied->is_object()) {
    Json before = *applied;
    resource::schema::hide_write_only(schema, *applied);
    if (!(before == *applied)) {
      annotations->set(std::string(kLastApplied), concat(applied->dump(), "\n"));
    }
    return;
  }
  Json::Object rest;
  for (const auto& [name, value] : annotations->as_object()) {
    if (name != kLastApplied) {
      rest.emplace_back(name, value);
    }
  }
  *annotations = Json(std::move(rest));
}

}  // namespace reeve::api
