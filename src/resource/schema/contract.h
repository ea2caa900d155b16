#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "resource/schema/schema.h"

namespace reeve::resource::schema {

/// What objects of a kind may be called.
enum class NameRule : std::uint8_t {
  Subdomain,  ///< DNS-1123 subdomain, at most 253: Kubernetes' rule for most kinds
  Label,      ///< DNS-1123 label, at most 63: namespaces
  Free,       ///< `[A-Za-z0-9][A-Za-z0-9._-]{0,99}` without "..": workflows, missions
  Segment,    ///< anything that can stand in a path: roles, and what the system names
};

std::string_view to_string(NameRule rule);  ///< "subdomain", "label", "free", "segment"

/// A column of the table that kubectl prints.
struct Column {
  std::string name;
  std::string type;    ///< "string", "integer", "number", "boolean", "date"
  std::string format;  ///< "" for most
  std::string description;
  std::string json_path;  ///< ".status.state"
  int priority = 0;       ///< above 0: with `-o wide` only
};

/// What stands behind `…/NAME/<name>`.
struct Subresource {
  std::string name;
  /// GroupVersionKind of what it answers; kind of the resource itself unless it says otherwise.
  std::string group;
  std::string version;
  std::string kind;
  std::vector<std::string> verbs;
  std::string description;
  /// Body of a POST; null: none, or any.
  std::unique_ptr<const Schema> body;
  Json body_json;

  bool has_verb(std::string_view verb) const;
};

/// One kind, as its contract says.
struct ResourceType {
  std::string group;  ///< "" for the core group
  std::string version;
  std::string kind;
  std::string list_kind;
  std::string plural;
  std::string singular;
  std::vector<std::string> short_names;
  std::vector<std::string> categories;
  bool namespaced = true;
  /// In alphabetical order.
  std::vector<std::string> verbs;
  std::vector<Subresource> subresources;
  std::vector<Column> columns;
  /// "status.state"; besides metadata.name and metadata.namespace.
  std::vector<std::string> selectable_fields;
  NameRule name_rule = NameRule::Subdomain;
  std::string description;
  /// Of the whole object, with apiVersion, kind and the metadata that every kind has.
  std::unique_ptr<const Schema> schema;
  /// The same as JSON, references resolved.
  Json schema_json;
  std::vector<Json> examples;

  /// "reeve.dev/v1", "v1".
  std::string api_version() const;
  bool has_verb(std::string_view verb) const;
  /// Null: there is none.
  const Subresource* subresource(std::string_view name) const;
};

/// Where a contract comes from, and its text.
struct ContractText {
  std::string_view path;  ///< "api/v1/mission.yaml"
  std::string_view text;
};

/// The contracts that this program was built with, in order of their paths.
std::span<const ContractText> embedded_contracts();

/// The kinds of the API. Any thread; immutable.
class Contracts {
 public:
  /// Reads and checks `texts`: one kind in each.
  ///
  /// Invalid, with the file and the place in it: not a contract; two kinds with one name.
  static Result<Contracts> load(std::span<const ContractText> texts);

  /// What this program was built with. Asserts that it is valid, which a test proves.
  static const Contracts& embedded();

  /// In order of group, version, plural; the core group is first.
  std::span<const ResourceType> types() const { return types_; }

  const ResourceType* find(
      std::string_view group, std::string_view version, std::string_view plural
  ) const;
  const ResourceType* find_kind(
      std::string_view group, std::string_view version, std::string_view kind
  ) const;

  /// Names of groups, without the core group, in order; our own comes first: of two groups that
  /// have a kind of one name, kubectl means the first.
  std::vector<std::string> groups() const;
  /// Versions of a group, the preferred one first; empty: there is no such group.
  std::vector<std::string> versions(std::string_view group) const;
  /// The types of one group version, in order of their plurals.
  std::span<const ResourceType> types(std::string_view group, std::string_view version) const;

 private:
  std::vector<ResourceType> types_;
};

}  // namespace reeve::resource::schema
