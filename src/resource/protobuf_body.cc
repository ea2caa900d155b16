#include "resource/protobuf_body.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "base/strings.h"

namespace reeve::resource {

namespace {

constexpr std::string_view kMagic("k8s\0", 4);

/// How one field of a message becomes a member.
enum class FieldKind {
  Text,
  Number,
  Flag,
  Message,
  Messages,  ///< repeated message
  Texts,     ///< repeated text
  TextMap,   ///< map of texts
  BytesMap,  ///< map of bytes, which JSON has as base64
  ListMap,   ///< map of lists of texts
};

struct MessageRule;

struct FieldRule {
  std::uint32_t number;
  const char* name;
  FieldKind kind;
  const MessageRule* message = nullptr;
};

/// The fields of a message that we read (generated.proto of k8s.io/api and k8s.io/apimachinery).
struct MessageRule {
  std::span<const FieldRule> fields;
};

constexpr FieldRule kObjectMetaFields[] = {
    {1, "name", FieldKind::Text},
    {2, "generateName", FieldKind::Text},
    {3, "namespace", FieldKind::Text},
    {5, "uid", FieldKind::Text},
    {6, "resourceVersion", FieldKind::Text},
    {11, "labels", FieldKind::TextMap},
    {12, "annotations", FieldKind::TextMap},
    {14, "finalizers", FieldKind::Texts}};
constexpr MessageRule kObjectMeta{kObjectMetaFields};

constexpr FieldRule kNamespaceSpecFields[] = {{1, "finalizers", FieldKind::Texts}};
constexpr MessageRule kNamespaceSpec{kNamespaceSpecFields};
constexpr FieldRule kNamespaceFields[] = {
    {1, "metadata", FieldKind::Message, &kObjectMeta},
    {2, "spec", FieldKind::Message, &kNamespaceSpec}};
constexpr MessageRule kNamespace{kNamespaceFields};

constexpr FieldRule kSecretFields[] = {
    {1, "metadata", FieldKind::Message, &kObjectMeta},
    {2, "data", FieldKind::BytesMap},
    {3, "type", FieldKind::Text},
    {4, "stringData", FieldKind::TextMap},
    {5, "immutable", FieldKind::Flag}};
constexpr MessageRule kSecret{kSecretFields};

constexpr FieldRule kResourceAttributesFields[] = {
    {1, "namespace", FieldKind::Text},
    {2, "verb", FieldKind::Text},
    {3, "group", FieldKind::Text},
    {4, "version", FieldKind::Text},
    {5, "resource", FieldKind::Text},
    {6, "subresource", FieldKind::Text},
    {7, "name", FieldKind::Text}};
constexpr MessageRule kResourceAttributes{kResourceAttributesFields};
constexpr FieldRule kPathAttributesFields[] = {
    {1, "path", FieldKind::Text}, {2, "verb", FieldKind::Text}};
constexpr MessageRule kPathAttributes{kPathAttributesFields};

// A SelfSubjectAccessReview has the first two only; the others do not come.
constexpr FieldRule kAccessSpecFields[] = {
    {1, "resourceAttributes", FieldKind::Message, &kResourceAttributes},
    {2, "nonResourceAttributes", FieldKind::Message, &kPathAttributes},
    {3, "user", FieldKind::Text},
    {4, "groups", FieldKind::Texts},
    {5, "extra", FieldKind::ListMap},
    {6, "uid", FieldKind::Text}};
constexpr MessageRule kSelfAccessSpec{std::span<const FieldRule>(kAccessSpecFields).first(2)};
constexpr MessageRule kAccessSpec{kAccessSpecFields};
constexpr FieldRule kSelfAccessReviewFields[] = {
    {1, "metadata", FieldKind::Message, &kObjectMeta},
    {2, "spec", FieldKind::Message, &kSelfAccessSpec}};
constexpr MessageRule kSelfAccessReview{kSelfAccessReviewFields};
constexpr FieldRule kAccessReviewFields[] = {
    {1, "metadata", FieldKind::Message, &kObjectMeta},
    {2, "spec", FieldKind::Message, &kAccessSpec}};
constexpr MessageRule kAccessReview{kAccessReviewFields};

constexpr FieldRule kRulesSpecFields[] = {{1, "namespace", FieldKind::Text}};
constexpr MessageRule kRulesSpec{kRulesSpecFields};
constexpr FieldRule kRulesReviewFields[] = {
    {1, "metadata", FieldKind::Message, &kObjectMeta},
    {2, "spec", FieldKind::Message, &kRulesSpec}};
constexpr MessageRule kRulesReview{kRulesReviewFields};

constexpr FieldRule kSelfReviewFields[] = {{1, "metadata", FieldKind::Message, &kObjectMeta}};
constexpr MessageRule kSelfReview{kSelfReviewFields};

constexpr FieldRule kPolicyRuleFields[] = {
    {1, "verbs", FieldKind::Texts},
    {2, "apiGroups", FieldKind::Texts},
    {3, "resources", FieldKind::Texts},
    {4, "resourceNames", FieldKind::Texts},
    {5, "nonResourceURLs", FieldKind::Texts}};
constexpr MessageRule kPolicyRule{kPolicyRuleFields};
// Of a ClusterRole as well, whose aggregationRule we do not have.
constexpr FieldRule kRoleFields[] = {
    {1, "metadata", FieldKind::Message, &kObjectMeta},
    {2, "rules", FieldKind::Messages, &kPolicyRule}};
constexpr MessageRule kRole{kRoleFields};
constexpr FieldRule kSubjectFields[] = {
    {1, "kind", FieldKind::Text},
    {2, "apiGroup", FieldKind::Text},
    {3, "name", FieldKind::Text},
    {4, "namespace", FieldKind::Text}};
constexpr MessageRule kSubject{kSubjectFields};
constexpr FieldRule kRoleRefFields[] = {
    {1, "apiGroup", FieldKind::Text}, {2, "kind", FieldKind::Text}, {3, "name", FieldKind::Text}};
constexpr MessageRule kRoleRef{kRoleRefFields};
constexpr FieldRule kBindingFields[] = {
    {1, "metadata", FieldKind::Message, &kObjectMeta},
    {2, "subjects", FieldKind::Messages, &kSubject},
    {3, "roleRef", FieldKind::Message, &kRoleRef}};
constexpr MessageRule kBinding{kBindingFields};

constexpr FieldRule kPreconditionsFields[] = {
    {1, "uid", FieldKind::Text}, {2, "resourceVersion", FieldKind::Text}};
constexpr MessageRule kPreconditions{kPreconditionsFields};
constexpr FieldRule kDeleteOptionsFields[] = {
    {1, "gracePeriodSeconds", FieldKind::Number},
    {2, "preconditions", FieldKind::Message, &kPreconditions},
    {3, "orphanDependents", FieldKind::Flag},
    {4, "propagationPolicy", FieldKind::Text},
    {5, "dryRun", FieldKind::Texts}};
constexpr MessageRule kDeleteOptions{kDeleteOptionsFields};

struct KindRule {
  std::string_view api_version;  ///< empty: any, options belong to the version they are sent to
  std::string_view kind;
  const MessageRule* message;
};

constexpr KindRule kKinds[] = {
    {"v1", "Namespace", &kNamespace},
    {"v1", "Secret", &kSecret},
    {"authorization.k8s.io/v1", "SelfSubjectAccessReview", &kSelfAccessReview},
    {"authorization.k8s.io/v1", "SubjectAccessReview", &kAccessReview},
    {"authorization.k8s.io/v1", "SelfSubjectRulesReview", &kRulesReview},
    {"authentication.k8s.io/v1", "SelfSubjectReview", &kSelfReview},
    {"rbac.authorization.k8s.io/v1", "Role", &kRole},
    {"rbac.authorization.k8s.io/v1", "ClusterRole", &kRole},
    {"rbac.authorization.k8s.io/v1", "RoleBinding", &kBinding},
    {"rbac.authorization.k8s.io/v1", "ClusterRoleBinding", &kBinding},
    {"", "DeleteOptions", &kDeleteOptions}};

/// RFC 4648, section 4.
std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t group = 0;
    for (std::size_t i = at; i < at + 3; ++i) {
      group = (group << 8U) | (i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      const std::size_t digit = (group >> (18U - 6U * i)) & 63U;
      text.push_back(at + i <= bytes.size() ? kDigits[digit] : '=');
    }
  }
  return text;
}

Error broken(std::string_view what) {
  return make_error(ErrorCode::Invalid, concat("the protobuf body is broken: ", what));
}

/// One field as it is on the wire.
struct WireField {
  std::uint32_t number = 0;
  bool is_bytes = false;
  bool is_varint = false;
  std::uint64_t varint = 0;
  std::string_view bytes;
};

/// Cuts a message into fields (protobuf.dev, "Encoding"). Counts fields over all messages of a
/// body.
class WireReader {
 public:
  WireReader(std::string_view bytes, std::size_t& budget) : rest_(bytes), budget_(budget) {}

  bool done() const { return rest_.empty(); }

  Result<WireField> next() {
    if (budget_ == 0) {
      return broken("it has too many fields");
    }
    --budget_;
    REEVE_TRY(const std::uint64_t tag, varint());
    WireField field;
    const std::uint64_t number = tag >> 3U;
    if (number == 0 || number > 0x1FFFFFFFU) {
      return broken("a field has no number");
    }
    field.number = static_cast<std::uint32_t>(number);
    switch (tag & 7U) {
      case 0: {
        REEVE_TRY(field.varint, varint());
        field.is_varint = true;
        return field;
      }
      case 1: {
        REEVE_TRY([[maybe_unused]] const std::string_view skipped, bytes(8));
        return field;
      }
      case 2: {
        REEVE_TRY(const std::uint64_t size, varint());
        REEVE_TRY(field.bytes, bytes(size));
        field.is_bytes = true;
        return field;
      }
      case 5: {
        REEVE_TRY([[maybe_unused]] const std::string_view skipped, bytes(4));
        return field;
      }
      default:
        return broken("a field has an unknown type");
    }
  }

 private:
  Result<std::uint64_t> varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) {
        return broken("it ends within a number");
      }
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if ((byte & 0x80U) == 0) {
        return value;
      }
    }
    return broken("a number is too long");
  }

  Result<std::string_view> bytes(std::uint64_t size) {
    if (size > rest_.size()) {
      return broken("it ends within a field");
    }
    const std::string_view out = rest_.substr(0, static_cast<std::size_t>(size));
    rest_.remove_prefix(static_cast<std::size_t>(size));
    return out;
  }

  std::string_view rest_;
  std::size_t& budget_;
};

class Decoder {
 public:
  /// Fills `into` with the members that `rule` knows; others are skipped.
  Result<void> message(std::string_view bytes, const MessageRule& rule, Json& into) {
    WireReader reader(bytes, budget_);
    while (!reader.done()) {
      REEVE_TRY(const WireField wire, reader.next());
      for (const FieldRule& field : rule.fields) {
        if (field.number == wire.number) {
          REEVE_CHECK(member(wire, field, into));
        }
      }
    }
    return {};
  }

 private:
  Result<std::string> text(const WireField& wire) const {
    if (!wire.is_bytes || !is_utf8(wire.bytes)) {
      return broken("a text is none");
    }
    return std::string(wire.bytes);
  }

  Result<void> member(const WireField& wire, const FieldRule& field, Json& into) {
    const bool number = field.kind == FieldKind::Number || field.kind == FieldKind::Flag;
    if (number ? !wire.is_varint : !wire.is_bytes) {
      return broken(concat("field ", field.name, " has another type"));
    }
    switch (field.kind) {
      case FieldKind::Text: {
        REEVE_TRY(std::string value, text(wire));
        // The encoder writes empty texts for absent ones.
        if (!value.empty()) {
          into.set(field.name, std::move(value));
        }
        return {};
      }
      case FieldKind::Number:
        into.set(field.name, static_cast<std::int64_t>(wire.varint));
        return {};
      case FieldKind::Flag:
        into.set(field.name, wire.varint != 0);
        return {};
      case FieldKind::Message:
        return message(wire.bytes, *field.message, slot(into, field.name, Json::object()));
      case FieldKind::Messages: {
        Json item = Json::object();
        REEVE_CHECK(message(wire.bytes, *field.message, item));
        slot(into, field.name, Json::array()).push(std::move(item));
        return {};
      }
      case FieldKind::Texts: {
        REEVE_TRY(std::string value, text(wire));
        slot(into, field.name, Json::array()).push(std::move(value));
        return {};
      }
      case FieldKind::TextMap:
      case FieldKind::BytesMap:
      case FieldKind::ListMap:
        return map_entry(wire.bytes, field, slot(into, field.name, Json::object()));
    }
    return {};
  }

  /// A map is a list of messages {key = 1, value = 2}; a later key replaces an earlier one.
  Result<void> map_entry(std::string_view bytes, const FieldRule& field, Json& into) {
    std::string key;
    Json value = field.kind == FieldKind::ListMap ? Json::array() : Json("");
    WireReader reader(bytes, budget_);
    while (!reader.done()) {
      REEVE_TRY(const WireField wire, reader.next());
      if (wire.number == 1) {
        REEVE_TRY(key, text(wire));
      } else if (wire.number == 2 && field.kind == FieldKind::TextMap) {
        REEVE_TRY(std::string one, text(wire));
        value = Json(std::move(one));
      } else if (wire.number == 2) {
        if (!wire.is_bytes) {
          return broken("a value of a map is none");
        }
        if (field.kind == FieldKind::BytesMap) {
          value = Json(base64(wire.bytes));
          continue;
        }
        static constexpr FieldRule kItems[] = {{1, "items", FieldKind::Texts}};
        Json list = Json::object();
        REEVE_CHECK(message(wire.bytes, MessageRule{kItems}, list));
        const Json* items = list.find("items");
        value = items == nullptr ? Json::array() : *items;
      }
    }
    into.set(std::move(key), std::move(value));
    return {};
  }

  static Json& slot(Json& into, const char* name, Json fresh) {
    if (into.find(name) == nullptr) {
      into.set(name, std::move(fresh));
    }
    return *into.find(name);
  }

  std::size_t budget_ = kProtobufFieldsMax;
};

constexpr FieldRule kTypeMetaFields[] = {
    {1, "apiVersion", FieldKind::Text}, {2, "kind", FieldKind::Text}};
constexpr MessageRule kTypeMeta{kTypeMetaFields};

/// runtime.Unknown.
struct Envelope {
  Json type = Json::object();
  std::string_view raw;
  bool encoded = false;  ///< compressed or so: nobody does that
};

Result<Envelope> open_envelope(std::string_view body, Decoder& decoder) {
  Envelope envelope;
  std::size_t budget = kProtobufFieldsMax;
  WireReader reader(body, budget);
  while (!reader.done()) {
    REEVE_TRY(const WireField wire, reader.next());
    if (wire.number > 4) {
      continue;
    }
    if (!wire.is_bytes) {
      return broken("its envelope is none");
    }
    if (wire.number == 1) {
      REEVE_CHECK(decoder.message(wire.bytes, kTypeMeta, envelope.type));
    } else if (wire.number == 2) {
      envelope.raw = wire.bytes;
    } else if (wire.number == 3) {
      envelope.encoded = !wire.bytes.empty();
    }
  }
  return envelope;
}

const KindRule* find_kind(std::string_view api_version, std::string_view kind) {
  for (const KindRule& rule : kKinds) {
    if (rule.kind == kind && (rule.api_version.empty() || rule.api_version == api_version)) {
      return &rule;
    }
  }
  return nullptr;
}

}  // namespace

Outcome<Json> decode_protobuf_body(std::string_view body) {
  if (body.size() > kProtobufBodyBytesMax) {
    return request_entity_too_large(kProtobufBodyBytesMax);
  }
  if (body.substr(0, kMagic.size()) != kMagic) {
    return bad_request("the protobuf body does not begin with k8s and a zero byte");
  }
  Decoder decoder;
  const Result<Envelope> envelope = open_envelope(body.substr(kMagic.size()), decoder);
  if (!envelope) {
    return bad_request(envelope.error().message);
  }
  const std::string api_version = envelope->type.get_string("apiVersion");
  const std::string kind = envelope->type.get_string("kind");
  const KindRule* rule = find_kind(api_version, kind);
  if (rule == nullptr || envelope->encoded) {
    return unsupported_media_type({"application/json", "application/yaml"});
  }
  Json object = Json::object();
  object.set("apiVersion", api_version);
  object.set("kind", kind);
  const Result<void> read = decoder.message(envelope->raw, *rule->message, object);
  if (!read) {
    return bad_request(read.error().message);
  }
  return object;
}

}  // namespace reeve::resource
