#include "resource/selector.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "base/strings.h"
#include "resource/causes.h"
#include "resource/names.h"

namespace reeve::resource {

namespace {

using Operator = LabelRequirement::Operator;

enum class TokenKind { End, Word, Comma, Open, Close, Equal, NotEqual, Not, Unknown };

struct Token {
  TokenKind kind = TokenKind::End;
  std::string_view text;
};

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool is_symbol(char c) {
  return std::string_view("=!(),<>").find(c) != std::string_view::npos;
}

/// Cuts a label selector into words and symbols.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : rest_(text) { advance(); }

  const Token& peek() const { return next_; }

  Token take() {
    const Token token = next_;
    advance();
    return token;
  }

 private:
  void advance() {
    while (!rest_.empty() && is_space(rest_.front())) {
      rest_.remove_prefix(1);
    }
    if (rest_.empty()) {
      next_ = {TokenKind::End, rest_};
      return;
    }
    if (is_symbol(rest_.front())) {
      symbol();
      return;
    }
    std::size_t length = 0;
    while (length < rest_.size() && !is_space(rest_[length]) && !is_symbol(rest_[length])) {
      ++length;
    }
    cut(TokenKind::Word, length);
  }

  void symbol() {
    const bool doubled = rest_.size() > 1 && rest_[1] == '=';
    switch (rest_.front()) {
      case ',':
        return cut(TokenKind::Comma, 1);
      case '(':
        return cut(TokenKind::Open, 1);
      case ')':
        return cut(TokenKind::Close, 1);
      case '=':
        return cut(TokenKind::Equal, doubled ? 2 : 1);
      case '!':
        return doubled ? cut(TokenKind::NotEqual, 2) : cut(TokenKind::Not, 1);
      default:
        return cut(TokenKind::Unknown, 1);
    }
  }

  void cut(TokenKind kind, std::size_t length) {
    next_ = {kind, rest_.substr(0, length)};
    rest_.remove_prefix(length);
  }

  std::string_view rest_;
  Token next_;
};

Error found(const Token& token, std::string_view expected) {
  return make_error(ErrorCode::Invalid, concat("found '", token.text, "', expected: ", expected));
}

void sort_values(std::vector<std::string>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

/// The grammar of k8s.io/apimachinery, "labels"; its errors too.
class LabelParser {
 public:
  explicit LabelParser(std::string_view text) : lexer_(text) {}

  Result<std::vector<LabelRequirement>> run() {
    std::vector<LabelRequirement> requirements;
    while (lexer_.peek().kind != TokenKind::End) {
      const TokenKind first = lexer_.peek().kind;
      if (first != TokenKind::Word && first != TokenKind::Not) {
        return found(lexer_.peek(), "!, identifier, or 'end of string'");
      }
      Result<LabelRequirement> one = requirement();
      if (!one) {
        Error error = std::move(one).error();
        error.message = concat("unable to parse requirement: ", error.message);
        return error;
      }
      requirements.push_back(std::move(one).value());
      if (requirements.size() > kSelectorRequirementsMax) {
        return make_error(
            ErrorCode::LimitExceeded,
            concat("a selector has at most ", kSelectorRequirementsMax, " requirements")
        );
      }
      REEVE_CHECK(separator());
    }
    return requirements;
  }

 private:
  Result<void> separator() {
    const Token token = lexer_.take();
    if (token.kind == TokenKind::End) {
      return {};
    }
    if (token.kind != TokenKind::Comma) {
      return found(token, "',' or 'end of string'");
    }
    const TokenKind next = lexer_.peek().kind;
    if (next != TokenKind::Word && next != TokenKind::Not) {
      return found(lexer_.peek(), "identifier after ','");
    }
    return {};
  }

  Result<LabelRequirement> requirement() {
    LabelRequirement result;
    const bool negated = lexer_.peek().kind == TokenKind::Not;
    if (negated) {
      lexer_.take();
    }
    const Token key = lexer_.take();
    if (key.kind != TokenKind::Word) {
      return found(key, "identifier");
    }
    const Problems problems = qualified_name_problems(key.text);
    if (!problems.empty()) {
      return make_error(
          ErrorCode::Invalid, concat("key: Invalid value: ", quoted(key.text), ": ", problems[0])
      );
    }
    result.key = key.text;
    const TokenKind next = lexer_.peek().kind;
    if (negated || next == TokenKind::End || next == TokenKind::Comma) {
      result.op = negated ? Operator::DoesNotExist : Operator::Exists;
      return result;
    }
    REEVE_CHECK(comparison(result));
    REEVE_CHECK(check_values(result));
    return result;
  }

  Result<void> comparison(LabelRequirement& result) {
    const Token token = lexer_.take();
    const bool in = token.kind == TokenKind::Word && token.text == "in";
    const bool not_in = token.kind == TokenKind::Word && token.text == "notin";
    if (in || not_in) {
      result.op = in ? Operator::In : Operator::NotIn;
      return value_list(result.values);
    }
    if (token.kind != TokenKind::Equal && token.kind != TokenKind::NotEqual) {
      return found(token, "'=', '!=', '==', 'in', notin'");
    }
    result.op = token.kind == TokenKind::Equal ? Operator::In : Operator::NotIn;
    const TokenKind next = lexer_.peek().kind;
    if (next == TokenKind::End || next == TokenKind::Comma) {
      result.values.emplace_back();
      return {};
    }
    const Token value = lexer_.take();
    if (value.kind != TokenKind::Word) {
      return found(value, "identifier");
    }
    result.values.emplace_back(value.text);
    return {};
  }

  /// `(a,b)`; an empty place is the empty value.
  Result<void> value_list(std::vector<std::string>& values) {
    const Token open = lexer_.take();
    if (open.kind != TokenKind::Open) {
      return found(open, "'('");
    }
    while (true) {
      const bool word = lexer_.peek().kind == TokenKind::Word;
      values.emplace_back(word ? lexer_.take().text : std::string_view());
      if (values.size() > kSelectorValuesMax) {
        return make_error(
            ErrorCode::LimitExceeded,
            concat("a requirement has at most ", kSelectorValuesMax, " values")
        );
      }
      const Token token = lexer_.take();
      if (token.kind == TokenKind::Close) {
        sort_values(values);
        return {};
      }
      if (token.kind != TokenKind::Comma) {
        return found(token, word ? "',' or ')'" : "',', ')' or identifier");
      }
    }
  }

  static Result<void> check_values(const LabelRequirement& result) {
    for (std::size_t i = 0; i < result.values.size(); ++i) {
      const Problems problems = label_value_problems(result.values[i]);
      if (!problems.empty()) {
        return make_error(
            ErrorCode::Invalid,
            concat(
                "values[",
                i,
                "][",
                result.key,
                "]: Invalid value: ",
                quoted(result.values[i]),
                ": ",
                problems[0]
            )
        );
      }
    }
    return {};
  }

  Lexer lexer_;
};

Status too_long_selector() {
  return bad_request(concat("a selector has at most ", kSelectorBytesMax, " bytes"));
}

std::string requirement_text(const LabelRequirement& requirement) {
  const bool in = requirement.op == Operator::In;
  switch (requirement.op) {
    case Operator::Exists:
      return requirement.key;
    case Operator::DoesNotExist:
      return concat('!', requirement.key);
    case Operator::In:
    case Operator::NotIn:
      break;
  }
  if (requirement.values.size() == 1) {
    return concat(requirement.key, in ? "=" : "!=", requirement.values.front());
  }
  return concat(requirement.key, in ? " in (" : " notin (", join(requirement.values, ","), ")");
}

bool holds(const LabelRequirement& requirement, const Json* value) {
  const bool listed =
      value != nullptr && value->is_string() &&
      std::binary_search(requirement.values.begin(), requirement.values.end(), value->as_string());
  switch (requirement.op) {
    case Operator::In:
      return listed;
    case Operator::NotIn:
      return !listed;
    case Operator::Exists:
      return value != nullptr;
    case Operator::DoesNotExist:
      return value == nullptr;
  }
  return false;
}

/// Pieces between commas that no backslash protects.
std::vector<std::string_view> split_terms(std::string_view text) {
  std::vector<std::string_view> terms;
  std::size_t start = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == ',') {
      terms.push_back(text.substr(start, i - start));
      start = i + 1;
    }
  }
  terms.push_back(text.substr(start));
  return terms;
}

Result<std::string> unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      const char next = i + 1 < text.size() ? text[i + 1] : '\0';
      if (next != '\\' && next != ',' && next != '=') {
        return make_error(
            ErrorCode::Invalid,
            concat("invalid field selector: invalid escape sequence: ", text.substr(i, 2))
        );
      }
      out.push_back(next);
      ++i;
    } else if (text[i] == '=') {
      return make_error(
          ErrorCode::Invalid,
          concat("invalid field selector: unescaped character in value: ", text[i])
      );
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

std::string escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == ',' || c == '=') {
      out.push_back('\\');
    }
    out.push_back(c);
  }
  return out;
}

/// The path, the operator and the value of `a.b!=c`; nullopt if there is no operator.
std::optional<std::pair<FieldRequirement, std::string_view>> split_term(std::string_view term) {
  const std::size_t at = term.find_first_of("=!");
  if (at == std::string_view::npos) {
    return std::nullopt;
  }
  FieldRequirement requirement;
  requirement.path = term.substr(0, at);
  std::string_view rest = term.substr(at);
  if (rest.substr(0, 2) == "!=") {
    requirement.equal = false;
    rest.remove_prefix(2);
  } else if (rest.front() == '=') {
    rest.remove_prefix(rest.substr(0, 2) == "==" ? 2 : 1);
  } else {
    return std::nullopt;
  }
  return std::pair(std::move(requirement), rest);
}

std::string field_text(const Json& object, std::string_view path) {
  const Json* at = &object;
  for (const std::string_view name : split(path, '.')) {
    at = at->find(name);
    if (at == nullptr) {
      return {};
    }
  }
  if (at->is_string()) {
    return at->as_string();
  }
  return at->is_bool() || at->is_number() ? at->dump() : std::string();
}

}  // namespace

Outcome<LabelSelector> LabelSelector::parse(std::string_view text) {
  if (text.size() > kSelectorBytesMax) {
    return too_long_selector();
  }
  Result<std::vector<LabelRequirement>> requirements = LabelParser(text).run();
  if (!requirements) {
    return bad_request(std::move(requirements).error().message);
  }
  LabelSelector selector;
  selector.requirements_ = std::move(requirements).value();
  std::sort(
      selector.requirements_.begin(),
      selector.requirements_.end(),
      [](const LabelRequirement& left, const LabelRequirement& right) {
        return std::tie(left.key, left.op, left.values) <
               std::tie(right.key, right.op, right.values);
      }
  );
  return selector;
}

bool LabelSelector::matches(const Json* labels) const {
  return std::all_of(
      requirements_.begin(),
      requirements_.end(),
      [&](const LabelRequirement& requirement) {
        return holds(requirement, labels == nullptr ? nullptr : labels->find(requirement.key));
      }
  );
}

bool LabelSelector::matches_object(const Json& object) const {
  const Json* metadata = object.find("metadata");
  return matches(metadata == nullptr ? nullptr : metadata->find("labels"));
}

std::string LabelSelector::text() const {
  std::vector<std::string> texts;
  texts.reserve(requirements_.size());
  for (const LabelRequirement& requirement : requirements_) {
    texts.push_back(requirement_text(requirement));
  }
  return join(texts, ",");
}

Outcome<FieldSelector> FieldSelector::parse(
    std::string_view text, const std::vector<std::string>& declared
) {
  if (text.size() > kSelectorBytesMax) {
    return too_long_selector();
  }
  FieldSelector selector;
  for (const std::string_view term : split_terms(text)) {
    if (trim(term).empty()) {
      continue;
    }
    auto parts = split_term(term);
    if (!parts) {
      return bad_request(concat("invalid selector: '", text, "'; can't understand '", term, "'"));
    }
    FieldRequirement& requirement = parts->first;
    requirement.path = trim(requirement.path);
    Result<std::string> value = unescape(parts->second);
    if (!value) {
      return bad_request(std::move(value).error().message);
    }
    requirement.value = std::move(value).value();
    const bool known =
        requirement.path == "metadata.name" || requirement.path == "metadata.namespace" ||
        std::find(declared.begin(), declared.end(), requirement.path) != declared.end();
    if (!known) {
      return bad_request(concat("field label not supported: ", requirement.path));
    }
    selector.requirements_.push_back(std::move(requirement));
    if (selector.requirements_.size() > kSelectorRequirementsMax) {
      return bad_request(
          concat("a selector has at most ", kSelectorRequirementsMax, " requirements")
      );
    }
  }
  std::sort(
      selector.requirements_.begin(),
      selector.requirements_.end(),
      [](const FieldRequirement& left, const FieldRequirement& right) {
        return std::tie(left.path, left.equal, left.value) <
               std::tie(right.path, right.equal, right.value);
      }
  );
  return selector;
}

bool FieldSelector::matches(const Json& object) const {
  return std::all_of(
      requirements_.begin(),
      requirements_.end(),
      [&](const FieldRequirement& requirement) {
        return (field_text(object, requirement.path) == requirement.value) == requirement.equal;
      }
  );
}

const std::string* FieldSelector::required_value(std::string_view path) const {
  for (const FieldRequirement& requirement : requirements_) {
    if (requirement.equal && requirement.path == path) {
      return &requirement.value;
    }
  }
  return nullptr;
}

std::string FieldSelector::text() const {
  std::vector<std::string> texts;
  texts.reserve(requirements_.size());
  for (const FieldRequirement& requirement : requirements_) {
    texts.push_back(
        concat(requirement.path, requirement.equal ? "=" : "!=", escape(requirement.value))
    );
  }
  return join(texts, ",");
}

}  // namespace reeve::resource
