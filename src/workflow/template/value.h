#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"

namespace reeve::templates {

/// Deepest nesting of arrays and objects, in the data and in what functions make of it.
inline constexpr int kValueDepthMax = 200;

struct HoledText;

/// What an expression yields: a JSON value, nothing at all (a key that is not there), or a value
/// that is hidden: whoever asks for its JSON gets null.
///
/// Either borrowed from the data being rendered, which outlives the rendering, or shared with the
/// larger value that it is a part of.
class Value {
 public:
  /// Nothing.
  Value() = default;

  /// A value of its own.
  static Value own(Json json) { return Value(std::make_shared<const Json>(std::move(json))); }

  /// `json` must outlive every copy.
  static Value borrow(const Json& json) {
    return Value(std::shared_ptr<const Json>(std::shared_ptr<const void>(), &json));
  }

  /// `text` must outlive every copy.
  static Value hide(const HoledText& text) {
    Value value;
    value.hidden_ = &text;
    return value;
  }

  /// `part` lies within this value.
  Value within(const Json& part) const { return Value(std::shared_ptr<const Json>(json_, &part)); }

  bool is_missing() const { return json_ == nullptr && hidden_ == nullptr; }

  bool is_hidden() const { return hidden_ != nullptr; }

  /// Missing or null: what Go calls nil.
  bool is_nil() const { return is_missing() || (!is_hidden() && json_->is_null()); }

  /// Null if missing or hidden.
  const Json& json() const { return json_ == nullptr ? kNull : *json_; }

  /// Of a hidden value.
  const HoledText& hidden() const { return *hidden_; }

  /// Whether this is that very value, not one that is equal.
  bool is(const Json& json) const { return json_.get() == &json; }

 private:
  explicit Value(std::shared_ptr<const Json> json) : json_(std::move(json)) {}

  static const Json kNull;

  std::shared_ptr<const Json> json_;
  const HoledText* hidden_ = nullptr;
};

/// The Go type of a value as text: "int", "[]interface {}", "<nil>" …
std::string_view type_name(const Json& json);

/// Whether `if` takes the branch: not nil, false, 0 or empty.
bool is_true(const Json& json);

/// Whether arrays and objects are nested no deeper than `depth`.
bool is_shallow(const Json& json, int depth = kValueDepthMax);

/// The members of an object by ascending name: the order in which Go prints and ranges over maps.
std::vector<const Json::Member*> sorted_members(const Json& object);

/// What handling the whole value costs, in steps: one per part and one per 64 bytes of text.
std::size_t cost_of(const Json& json);

/// The cost of handling so many bytes of text.
constexpr std::size_t cost_of_bytes(std::size_t bytes) {
  return bytes / 64;
}

}  // namespace reeve::templates
