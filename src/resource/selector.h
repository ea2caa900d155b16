#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "resource/status.h"

namespace reeve::resource {

inline constexpr std::size_t kSelectorBytesMax = std::size_t{16} << 10U;
inline constexpr std::size_t kSelectorRequirementsMax = 256;
inline constexpr std::size_t kSelectorValuesMax = 1024;

/// What a label must be. Equality is membership in a set of one.
struct LabelRequirement {
  enum class Operator { In, NotIn, Exists, DoesNotExist };

  std::string key;
  Operator op = Operator::Exists;
  std::vector<std::string> values;  ///< sorted, each once; empty for Exists and DoesNotExist

  friend bool operator==(const LabelRequirement&, const LabelRequirement&) = default;
};

/// `app=web,tier in (a,b),!old`: all must hold. Values; any thread.
class LabelSelector {
 public:
  /// Selects everything.
  LabelSelector() = default;

  /// Reads `k=v`, `k==v`, `k!=v`, `k in (a,b)`, `k notin (a,b)`, `k`, `!k`, joined by commas.
  /// BadRequest, in Kubernetes' words: anything else, and what exceeds the limits above.
  static Outcome<LabelSelector> parse(std::string_view text);

  /// `labels` is `metadata.labels`; null means there are none. `!=` and `notin` match absent keys.
  bool matches(const Json* labels) const;
  /// The labels of a whole object.
  bool matches_object(const Json& object) const;

  bool empty() const { return requirements_.empty(); }

  /// In order of key.
  const std::vector<LabelRequirement>& requirements() const { return requirements_; }

  /// The canonical text: equal selectors have equal texts; parsing it gives the selector again.
  std::string text() const;

  friend bool operator==(const LabelSelector&, const LabelSelector&) = default;

 private:
  std::vector<LabelRequirement> requirements_;
};

/// One demand on a field: equal to the value, or not.
struct FieldRequirement {
  std::string path;  ///< "metadata.name"
  bool equal = true;
  std::string value;

  friend bool operator==(const FieldRequirement&, const FieldRequirement&) = default;
};

/// `metadata.name=a,status.phase!=Done`: all must hold. Values; any thread.
class FieldSelector {
 public:
  /// Selects everything.
  FieldSelector() = default;

  /// Reads `f=v`, `f==v`, `f!=v`, joined by commas; `\,`, `\=` and `\\` stand for themselves in
  /// values. Always allowed: `metadata.name`, `metadata.namespace`; the kind declares the others.
  /// BadRequest: other fields (`field label not supported: spec.x`), bad syntax, excess.
  static Outcome<FieldSelector> parse(
      std::string_view text, const std::vector<std::string>& declared
  );

  /// Compares with the text of the member at the path; absent is "", numbers and booleans are as
  /// JSON writes them.
  bool matches(const Json& object) const;

  bool empty() const { return requirements_.empty(); }

  const std::vector<FieldRequirement>& requirements() const { return requirements_; }

  /// The value that `path` must equal, or null: lets a list of one name become a get.
  const std::string* required_value(std::string_view path) const;

  /// The canonical text: in order of path; parsing it gives the selector again.
  std::string text() const;

  friend bool operator==(const FieldSelector&, const FieldSelector&) = default;

 private:
  std::vector<FieldRequirement> requirements_;
};

}  // namespace reeve::resource
