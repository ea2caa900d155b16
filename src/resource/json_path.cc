#include "resource/json_path.h"

#include <optional>
#include <utility>

#include "base/strings.h"

namespace reeve::resource {

namespace {

constexpr std::size_t kIndexDigitsMax = 6;

bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '$';
}

}  // namespace

/// One left-to-right pass over the text.
class JsonPathParser {
 public:
  explicit JsonPathParser(std::string_view text) : whole_(text), rest_(text) {}

  Result<JsonPath> run() {
    if (whole_.size() > kJsonPathBytesMax) {
      return fail("is too long");
    }
    JsonPath path;
    if (rest_.empty() || (rest_.front() != '.' && rest_.front() != '[')) {
      return fail("must begin with '.' or '['");
    }
    while (!rest_.empty()) {
      if (path.steps_.size() == kJsonPathStepsMax) {
        return fail("has too many steps");
      }
      if (!path.steps_.empty() && path.steps_.back().kind == Kind::Length) {
        return fail("goes on after length()");
      }
      REEVE_TRY(JsonPath::Step step, next());
      path.steps_.push_back(std::move(step));
    }
    return path;
  }

 private:
  using Kind = JsonPath::Step::Kind;

  Error fail(std::string_view problem) const {
    return make_error(
        ErrorCode::Invalid,
        concat("JSONPath \"", whole_.substr(0, kJsonPathBytesMax), "\" ", problem)
    );
  }

  bool take(std::string_view text) {
    if (rest_.substr(0, text.size()) != text) {
      return false;
    }
    rest_.remove_prefix(text.size());
    return true;
  }

  std::string name() {
    std::string out;
    while (!rest_.empty() && (is_name(rest_.front()) || take_escape())) {
      out.push_back(rest_.front());
      rest_.remove_prefix(1);
    }
    return out;
  }

  /// `\.` in a name is a dot.
  bool take_escape() { return rest_.substr(0, 2) == "\\." && take("\\"); }

  Result<JsonPath::Step> next() {
    JsonPath::Step step;
    if (take(".")) {
      step.name = name();
      if (step.name.empty()) {
        return fail("has a step without name");
      }
      if (step.name == "length" && take("()")) {
        step.kind = Kind::Length;
      }
      return step;
    }
    if (!take("[")) {
      return fail("is not understood");
    }
    return bracket();
  }

  Result<JsonPath::Step> bracket() {
    JsonPath::Step step;
    if (take("?(@")) {
      return filter();
    }
    if (rest_.substr(0, 1) == "'" || rest_.substr(0, 1) == "\"") {
      const std::optional<std::string> text = literal();
      if (!text || !take("]")) {
        return fail("has an open bracket or string");
      }
      step.name = *text;
      return step;
    }
    std::size_t digits = 0;
    while (digits < rest_.size() && rest_[digits] >= '0' && rest_[digits] <= '9') {
      step.index = digits < kIndexDigitsMax
                       ? step.index * 10 + static_cast<std::size_t>(rest_[digits] - '0')
                       : step.index;
      ++digits;
    }
    if (digits == 0 || digits > kIndexDigitsMax) {
      return fail("has brackets with no name, number or filter in them");
    }
    rest_.remove_prefix(digits);
    if (!take("]")) {
      return fail("has an open bracket");
    }
    step.kind = Kind::Index;
    return step;
  }

  /// What follows `[?(@`: `.type=="Ready")]`.
  Result<JsonPath::Step> filter() {
    JsonPath::Step step;
    step.kind = Kind::Filter;
    while (take(".")) {
      step.path.push_back(name());
      if (step.path.back().empty()) {
        return fail("has a filter without name");
      }
    }
    rest_ = trim(rest_);
    if (step.path.size() > kJsonPathStepsMax || !take("==")) {
      return fail("has a filter that is no comparison with ==");
    }
    rest_ = trim(rest_);
    REEVE_TRY(step.value, filter_value());
    rest_ = trim(rest_);
    if (!take(")]")) {
      return fail("has an open filter");
    }
    return step;
  }

  Result<Json> filter_value() {
    if (rest_.substr(0, 1) == "'" || rest_.substr(0, 1) == "\"") {
      const std::optional<std::string> text = literal();
      return text ? Result<Json>(Json(*text)) : Result<Json>(fail("has an open string"));
    }
    const std::size_t end = rest_.find(')');
    const std::string_view text =
        trim(end == std::string_view::npos ? rest_ : rest_.substr(0, end));
    Result<Json> value = parse_json(text);
    if (!value || value->is_object() || value->is_array()) {
      return fail("compares with something that is no plain value");
    }
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end);
    return value;
  }

  /// A text in quotes; a backslash protects the character after it.
  std::optional<std::string> literal() {
    const char quote = rest_.front();
    std::string out;
    for (std::size_t i = 1; i < rest_.size(); ++i) {
      if (rest_[i] == quote) {
        rest_.remove_prefix(i + 1);
        return out;
      }
      if (rest_[i] == '\\' && i + 1 < rest_.size()) {
        ++i;
      }
      out.push_back(rest_[i]);
    }
    return std::nullopt;
  }

  std::string_view whole_;
  std::string_view rest_;
};

Result<JsonPath> JsonPath::parse(std::string_view text) {
  text = trim(text);
  if (text.size() > 1 && text.front() == '{' && text.back() == '}') {
    text = text.substr(1, text.size() - 2);
  }
  return JsonPathParser(text).run();
}

Json JsonPath::evaluate(const Json& object) const {
  const Json* at = &object;
  for (const Step& step : steps_) {
    const Json* next = nullptr;
    switch (step.kind) {
      case Step::Kind::Member:
        next = at->find(step.name);
        break;
      case Step::Kind::Index:
        if (at->is_array() && step.index < at->as_array().size()) {
          next = &at->as_array()[step.index];
        }
        break;
      case Step::Kind::Filter:
        next = first_match(*at, step);
        break;
      case Step::Kind::Length:
        if (at->is_array()) {
          return static_cast<std::int64_t>(at->as_array().size());
        }
        return at->is_object() ? Json(static_cast<std::int64_t>(at->as_object().size())) : Json();
    }
    if (next == nullptr) {
      return {};
    }
    at = next;
  }
  return *at;
}

const Json* JsonPath::first_match(const Json& list, const Step& step) {
  if (!list.is_array()) {
    return nullptr;
  }
  for (const Json& item : list.as_array()) {
    const Json* at = &item;
    for (const std::string& name : step.path) {
      at = at->find(name);
      if (at == nullptr) {
        break;
      }
    }
    if (at != nullptr && *at == step.value) {
      return &item;
    }
  }
  return nullptr;
}

}  // namespace reeve::resource
