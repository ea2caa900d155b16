#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace reeve::resource {

/// How members of a list are told apart (x-kubernetes-list-type).
enum class ListType {
  Atomic,  ///< not at all: the list is one value
  Set,     ///< by their value
  Map,     ///< by some of their members
};

struct ListRule {
  ListType type = ListType::Atomic;
  std::vector<std::string> keys = {};  ///< of Map
  /// No list but an object that is one value (x-kubernetes-map-type: atomic).
  bool map_atomic = false;
};

/// What kind of list, or object, is at a path of the schema: names of members; "*" stands for any
/// member of a list: {"status", "conditions"}, {"spec", "tasks", "*", "env"}.
using ListTypes = std::function<ListRule(const std::vector<std::string>& path)>;

/// The rules of metadata (finalizers is a set, ownerReferences are keyed by uid); asks `declared`,
/// which may be empty, for everything else.
ListRule list_rule(const ListTypes& declared, const std::vector<std::string>& path);

/// What is nested deeper is one value: the set must fit into the object it describes.
inline constexpr std::size_t kFieldSetDepthMax = 64;
inline constexpr std::size_t kFieldSetPathsMax = 50'000;

/// A set of paths into an object, as a tree. Elements are encoded as in FieldsV1: `f:name`,
/// `k:{"type":"A"}` for a member of a keyed list, `v:"x"` for a member of a set, `i:3`.
/// (sigs.k8s.io/structured-merge-diff, "fieldpath".)
struct FieldSet {
  bool owned = false;  ///< the path that leads here is in the set
  std::map<std::string, FieldSet, std::less<>> children;

  bool empty() const;
  std::size_t paths() const;

  const FieldSet* find(std::string_view element) const;
  void unite(const FieldSet& other);
  void subtract(const FieldSet& other);
  /// What is in both.
  FieldSet intersection(const FieldSet& other) const;

  /// Each path as text, in order: `.spec.tool`, `.status.conditions[type="A"].status`.
  std::vector<std::string> texts() const;

  friend bool operator==(const FieldSet&, const FieldSet&) = default;
};

/// FieldsV1.
Json to_json(const FieldSet& set);
/// Invalid: no FieldsV1; LimitExceeded: too deep or too many paths.
Result<FieldSet> parse_field_set(const Json& json);

/// Encoded elements of paths.
std::string field_element(std::string_view name);
/// Of a member of a keyed list. Invalid: no object, a key is missing or is no plain value.
Result<std::string> key_element(const ListRule& rule, const Json& item);
std::string value_element(const Json& item);

/// The positions of a list's members by element. Invalid: two of them are the same, or one has no
/// key; such a list is treated as one value wherever it is not refused.
Result<std::map<std::string, std::size_t>> list_elements(const ListRule& rule, const Json& list);

/// Paths of everything that has no parts: what server-side apply owns. Members of keyed lists are
/// owned themselves too.
FieldSet leaf_fields(const Json& object, const ListTypes& types);

/// How an object differs from an earlier one. Objects and lists that came or went count themselves,
/// with all that is in them.
struct FieldChanges {
  FieldSet added;
  FieldSet changed;
  FieldSet removed;
};

FieldChanges compare_fields(const Json& before, const Json& after, const ListTypes& types);

/// The first list of `object` that is not what it is declared to be. Invalid: its path is the
/// subject.
Result<void> check_lists(const Json& object, const ListTypes& types);

}  // namespace reeve::resource
