#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "resource/schema/pattern.h"

namespace reeve::resource::schema {

enum class Type : std::uint8_t { Any, Object, Array, String, Integer, Number, Boolean };

std::string_view to_string(Type type);  ///< "object", …; "" for Any

/// How the items of an array belong together (`x-kubernetes-list-type`).
enum class ListType : std::uint8_t {
  Atomic,  ///< one value: replaced as a whole
  Set,     ///< scalars, each at most once
  Map,     ///< objects, identified by the values of their keys
};

std::string_view to_string(ListType type);  ///< "atomic", "set", "map"

/// What texts look like beyond their pattern.
enum class Format : std::uint8_t {
  None,
  DateTime,  ///< RFC 3339
  Duration,  ///< "1h30m", as base/time.h reads it
  Byte,      ///< base64
};

/// One node of an OpenAPI v3 structural schema, ready for use. Any thread; immutable once read.
struct Schema {
  Type type = Type::Any;
  Format format = Format::None;
  ListType list_type = ListType::Atomic;
  bool nullable = false;
  bool int_or_string = false;
  /// Members that are not declared are kept.
  bool preserves_unknown = false;
  /// A map that is one value for server-side apply (`x-kubernetes-map-type: atomic`).
  bool map_atomic = false;
  /// Accepted, and never shown (`writeOnly`).
  bool write_only = false;
  /// As it was when the object was made (`x-reeve-immutable`).
  bool immutable = false;
  /// No other member may stand beside it (`x-reeve-alone`).
  bool alone = false;
  /// A template may stand for a number or a switch, and a number for text: what YAML writers do.
  bool templated = false;
  bool exclusive_minimum = false;
  bool exclusive_maximum = false;
  std::optional<double> minimum;
  std::optional<double> maximum;
  /// Lengths count characters, as OpenAPI does.
  std::optional<std::uint64_t> min_length;
  std::optional<std::uint64_t> max_length;
  std::optional<std::uint64_t> min_items;
  std::optional<std::uint64_t> max_items;
  std::optional<std::uint64_t> min_properties;
  std::optional<std::uint64_t> max_properties;
  std::optional<Pattern> pattern;
  std::vector<std::string> list_map_keys;
  std::vector<std::string> required;
  /// Of these members exactly one must be there (`x-reeve-exactly-one-of`).
  std::vector<std::string> exactly_one_of;
  std::vector<Json> enumeration;
  std::string description;
  /// Put in where the member is absent; without a value nothing is.
  std::optional<Json> default_value;

  std::vector<std::pair<std::string, std::unique_ptr<const Schema>>> properties;
  std::unique_ptr<const Schema> items;
  /// Of members that `properties` does not name; absent: there are none.
  std::unique_ptr<const Schema> additional;
  /// Alternatives with distinct types (`oneOf`); the value's type says which one applies.
  std::vector<std::unique_ptr<const Schema>> one_of;

  /// The schema of the member `name` (declared or additional), or null.
  const Schema* member(std::string_view name) const;
};

/// Reads a schema. References (`$ref: '#/definitions/X'`) must be resolved already.
///
/// Beyond Kubernetes' keywords: `x-reeve-exactly-one-of`, `x-reeve-alone`, `x-reeve-immutable`,
/// and, for a node and everything below it, `x-reeve-templated` and `x-reeve-documented-defaults`
/// (defaults are told to people, and put in by somebody else).
///
/// Invalid, with the path as subject: an unknown keyword, a wrong type, a pattern that does not
/// compile, a list-type without what it needs, alternatives that overlap. LimitExceeded: too deep.
Result<std::unique_ptr<const Schema>> read_schema(const Json& json);

/// Nesting of a schema.
inline constexpr int kSchemaDepthMax = 64;

/// What server-side apply needs to know about the value at a path.
struct Merge {
  ListType list_type = ListType::Atomic;
  std::span<const std::string> keys;  ///< of a Map
  bool map_atomic = false;            ///< of an object
};

/// The schema at `path`: names of members; arrays on the way are entered without a step
/// ("status", "conditions", "type"). Null: nothing is declared there.
const Schema* schema_at(const Schema& root, std::span<const std::string> path);

/// How lists and maps at `path` are merged; atomic where nothing is declared.
Merge list_type(const Schema& root, std::span<const std::string> path);

}  // namespace reeve::resource::schema
