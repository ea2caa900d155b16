#include "workflow/template/lexer.h"

#include <array>
#include <utility>

#include "base/strings.h"
#include "workflow/template/text.h"

namespace reeve::templates {

namespace {

constexpr std::string_view kLeftDelim = "{{";
constexpr std::string_view kRightDelim = "}}";
constexpr std::size_t kTokenShownMax = 40;

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

struct Keyword {
  std::string_view word;
  TokenKind kind;
};

constexpr std::array<Keyword, 13> kKeywords{{
    {"if", TokenKind::If},
    {"else", TokenKind::Else},
    {"end", TokenKind::End},
    {"range", TokenKind::Range},
    {"with", TokenKind::With},
    {"define", TokenKind::Define},
    {"block", TokenKind::Block},
    {"template", TokenKind::TemplateCall},
    {"break", TokenKind::Break},
    {"continue", TokenKind::Continue},
    {"true", TokenKind::Bool},
    {"false", TokenKind::Bool},
    {"nil", TokenKind::Nil},
}};

TokenKind word_kind(std::string_view word) {
  for (const Keyword& keyword : kKeywords) {
    if (keyword.word == word) {
      return keyword.kind;
    }
  }
  return TokenKind::Identifier;
}

/// Whether a character may be part of a name. Beyond ASCII everything counts except the spaces,
/// quotes and punctuation that editors like to substitute.
bool is_name_rune(char32_t rune) {
  if (rune < 0x80) {
    return rune == '_' || (rune >= '0' && rune <= '9') || (rune >= 'a' && rune <= 'z') ||
           (rune >= 'A' && rune <= 'Z');
  }
  const bool odd = rune <= 0xBF || (rune >= 0x2000 && rune <= 0x206F) ||
                   (rune >= 0x3000 && rune <= 0x303F) || rune == 0xFEFF || rune == kReplacementRune;
  return !odd;
}

class Lexer {
 public:
  Lexer(std::string_view text, Position offset) : text_(text), position_(offset) {}

  Lexed run() {
    if (text_.size() > kTemplateBytesMax) {
      fail(
          ErrorCode::LimitExceeded,
          concat("template is larger than ", kTemplateBytesMax, " bytes"),
          0
      );
    }
    while (!failed() && next_ < text_.size()) {
      lex_text();
    }
    if (!failed()) {
      emit(TokenKind::EndOfText, text_.size(), 0);
    }
    return std::move(lexed_);
  }

 private:
  bool failed() const { return lexed_.error.has_value(); }

  std::string_view rest() const { return text_.substr(next_); }

  /// The place of `at`; asked for in ascending order only, so the text is walked once.
  Position locate(std::size_t at) {
    for (; located_ < at && located_ < text_.size(); ++located_) {
      const auto byte = static_cast<unsigned char>(text_[located_]);
      if (byte == '\n') {
        ++position_.line;
        position_.column = 1;
      } else if ((byte & 0xC0U) != 0x80U) {
        ++position_.column;
      }
    }
    return position_;
  }

  void emit(TokenKind kind, std::size_t at, std::size_t size) {
    if (lexed_.tokens.size() == kTokensMax) {
      fail(ErrorCode::LimitExceeded, concat("template has more than ", kTokensMax, " parts"), at);
      return;
    }
    Token token;
    token.kind = kind;
    token.text = text_.substr(at, size);
    token.position = locate(at);
    token.space_before = std::exchange(spaced_, false);
    lexed_.tokens.push_back(token);
    next_ = at + size;
  }

  void fail_at(ErrorCode code, std::string message, Position position, std::string hint = {}) {
    Error error = make_error(code, std::move(message));
    error.position = position;
    error.hint = std::move(hint);
    lexed_.error = std::move(error);
    Token token;
    token.kind = TokenKind::Broken;
    token.position = position;
    lexed_.tokens.push_back(token);
  }

  void fail(ErrorCode code, std::string message, std::size_t at) {
    fail_at(code, std::move(message), locate(at));
  }

  /// Bytes of the closing delimiter at `at`, with its trim marker; 0 if there is none.
  std::size_t right_delim_size(std::size_t at, bool& trims) const {
    const std::string_view here = text_.substr(at);
    trims =
        here.size() >= 4 && is_space(here[0]) && here[1] == '-' && here.substr(2, 2) == kRightDelim;
    if (trims) {
      return 4;
    }
    return here.starts_with(kRightDelim) ? kRightDelim.size() : 0;
  }

  void lex_text() {
    std::size_t begin = next_;
    const std::size_t found = text_.find(kLeftDelim, next_);
    std::size_t end = found == std::string_view::npos ? text_.size() : found;
    const bool trims = found != std::string_view::npos && found + 3 < text_.size() &&
                       text_[found + 2] == '-' && is_space(text_[found + 3]);
    if (std::exchange(trim_next_, false)) {
      while (begin < end && is_space(text_[begin])) {
        ++begin;
      }
    }
    while (trims && end > begin && is_space(text_[end - 1])) {
      --end;
    }
    if (end > begin) {
      emit(TokenKind::Text, begin, end - begin);
    }
    if (failed()) {
      return;
    }
    if (found == std::string_view::npos) {
      next_ = text_.size();
      return;
    }
    const std::size_t comment = found + kLeftDelim.size() + (trims ? 2 : 0);
    if (text_.substr(comment).starts_with("/*")) {
      lex_comment(found, comment);
      return;
    }
    emit(TokenKind::LeftDelim, found, kLeftDelim.size());
    if (failed()) {
      return;
    }
    next_ += trims ? 1 : 0;
    lex_action(lexed_.tokens.back().position);
  }

  void lex_comment(std::size_t begin, std::size_t comment) {
    const std::size_t end = text_.find("*/", comment + 2);
    if (end == std::string_view::npos) {
      fail_at(ErrorCode::Invalid, "unclosed comment", locate(begin), "close it with */}}");
      return;
    }
    const std::size_t size = right_delim_size(end + 2, trim_next_);
    if (size == 0) {
      fail_at(
          ErrorCode::Invalid,
          "comment ends before closing delimiter",
          locate(end),
          "a comment is an action of its own: {{/* text */}}"
      );
      return;
    }
    next_ = end + 2 + size;
  }

  void lex_action(Position opened) {
    parens_ = 0;
    spaced_ = false;
    while (!failed()) {
      if (next_ >= text_.size()) {
        fail_at(ErrorCode::Invalid, "unclosed action", opened, "close it with }}");
        return;
      }
      const std::size_t size = right_delim_size(next_, trim_next_);
      if (size != 0) {
        if (parens_ > 0) {
          fail_at(ErrorCode::Invalid, "unclosed left paren", locate(next_), "add the missing )");
          return;
        }
        emit(TokenKind::RightDelim, next_, size);
        return;
      }
      if (is_space(text_[next_])) {
        ++next_;
        spaced_ = true;
        continue;
      }
      lex_item(opened);
    }
  }

  void lex_item(Position opened) {
    const char c = text_[next_];
    const char after = next_ + 1 < text_.size() ? text_[next_ + 1] : '\0';
    if (c == '"' || c == '\'' || c == '`') {
      lex_quoted(c, opened);
    } else if (c == '$' || (c == '.' && !is_digit(after))) {
      lex_name(c == '$' ? TokenKind::Variable : TokenKind::Field);
    } else if (is_digit(c) || c == '.' || c == '+' || c == '-') {
      lex_number();
    } else if (c == ':' && after == '=') {
      emit(TokenKind::Declare, next_, 2);
    } else if (c == '=') {
      emit(TokenKind::Assign, next_, 1);
    } else if (c == '|') {
      emit(TokenKind::Pipe, next_, 1);
    } else if (c == ',') {
      emit(TokenKind::Comma, next_, 1);
    } else if (c == '(') {
      ++parens_;
      emit(TokenKind::LeftParen, next_, 1);
    } else if (c == ')') {
      lex_right_paren();
    } else {
      lex_name(TokenKind::Identifier);
    }
  }

  void lex_right_paren() {
    if (--parens_ < 0) {
      fail_at(
          ErrorCode::Invalid,
          "unexpected right paren",
          locate(next_),
          "remove it, or add the ( before it"
      );
      return;
    }
    emit(TokenKind::RightParen, next_, 1);
  }

  void lex_quoted(char quote, Position opened) {
    std::size_t at = next_ + 1;
    while (at < text_.size() && text_[at] != quote && (quote == '`' || text_[at] != '\n')) {
      at += quote != '`' && text_[at] == '\\' && at + 1 < text_.size() && text_[at + 1] != '\n' ? 2
                                                                                                : 1;
    }
    if (at >= text_.size() || text_[at] != quote) {
      const std::string_view what = quote == '"'    ? "unterminated quoted string"
                                    : quote == '\'' ? "unterminated character constant"
                                                    : "unterminated raw quoted string";
      fail_at(
          ErrorCode::Invalid,
          std::string(what),
          locate(next_),
          concat("inside the action opened at ", opened.line, ":", opened.column)
      );
      return;
    }
    const TokenKind kind = quote == '"'    ? TokenKind::String
                           : quote == '\'' ? TokenKind::CharConstant
                                           : TokenKind::RawString;
    emit(kind, next_, at + 1 - next_);
  }

  void lex_number() {
    std::size_t at = next_ + 1;
    const std::size_t digits = is_digit(text_[next_]) || text_[next_] == '.' ? next_ : next_ + 1;
    const std::string_view prefix = text_.substr(digits, 2);
    const bool hex = prefix == "0x" || prefix == "0X";
    for (; at < text_.size(); ++at) {
      const char c = text_[at];
      const char before = text_[at - 1];
      const bool exponent = hex ? before == 'p' || before == 'P' : before == 'e' || before == 'E';
      const bool sign = (c == '+' || c == '-') && exponent;
      if (!sign && c != '.' && !is_name_rune(static_cast<unsigned char>(c) & 0x7FU)) {
        break;
      }
      if (static_cast<unsigned char>(c) >= 0x80) {
        break;
      }
    }
    emit(TokenKind::Number, next_, at - next_);
  }

  /// Names, fields (first character '.') and variables (first character '$').
  void lex_name(TokenKind kind) {
    std::size_t at = next_ + (kind == TokenKind::Identifier ? 0 : 1);
    while (at < text_.size()) {
      const Rune rune = decode_rune(text_.substr(at));
      if (!is_name_rune(rune.value)) {
        break;
      }
      at += rune.size;
    }
    if (at == next_) {
      fail_rune("unrecognized character in action: ", next_);
      return;
    }
    const std::string_view word = text_.substr(next_, at - next_);
    if (kind == TokenKind::Field && word.size() == 1) {
      emit(TokenKind::Dot, next_, 1);
      return;
    }
    if (!at_terminator(at)) {
      fail_rune(
          "bad character ", at, kind == TokenKind::Field ? dash_hint(word, at) : std::string()
      );
      return;
    }
    emit(kind == TokenKind::Identifier ? word_kind(word) : kind, next_, word.size());
  }

  bool at_terminator(std::size_t at) const {
    if (at >= text_.size() || is_space(text_[at])) {
      return true;
    }
    const std::string_view here = text_.substr(at);
    return std::string_view(".,|:)(=").find(here[0]) != std::string_view::npos ||
           here.starts_with(kRightDelim);
  }

  /// What to do about a name that goes on with a dash at `at`; empty if it does not.
  std::string dash_hint(std::string_view field, std::size_t at) const {
    if (text_[at] != '-') {
      return {};
    }
    const std::size_t end = text_.find_first_of(" \t\r\n|()}.\"", at);
    const std::string_view rest = text_.substr(at, end == std::string_view::npos ? end : end - at);
    return concat("a name with \"-\" is read by {{ index . \"", field.substr(1), rest, "\" }}");
  }

  void fail_rune(std::string_view what, std::size_t at, std::string hint = {}) {
    const Rune rune = decode_rune(text_.substr(at));
    std::string message(what);
    append_unicode(message, rune.value, true);
    if (rune.value >= 0x2018 && rune.value <= 0x201F) {
      hint = "use plain quotes";
    } else if (rune.value == U'}') {
      hint = "close the action with }}";
    }
    fail_at(ErrorCode::Invalid, std::move(message), locate(at), std::move(hint));
  }

  std::string_view text_;
  Position position_;
  std::size_t located_ = 0;
  std::size_t next_ = 0;
  int parens_ = 0;
  bool spaced_ = false;
  bool trim_next_ = false;
  Lexed lexed_;
};

}  // namespace

Lexed lex(std::string_view text, Position offset) {
  return Lexer(text, offset).run();
}

std::string describe(const Token& token) {
  switch (token.kind) {
    case TokenKind::EndOfText:
      return "end of template";
    case TokenKind::RightDelim:
      return "}}";
    case TokenKind::If:
    case TokenKind::Else:
    case TokenKind::End:
    case TokenKind::Range:
    case TokenKind::With:
    case TokenKind::Define:
    case TokenKind::Block:
    case TokenKind::TemplateCall:
    case TokenKind::Break:
    case TokenKind::Continue:
      return concat("{{", token.text, "}}");
    case TokenKind::Text:
    case TokenKind::LeftDelim:
    case TokenKind::Dot:
    case TokenKind::Field:
    case TokenKind::Variable:
    case TokenKind::Identifier:
    case TokenKind::Number:
    case TokenKind::CharConstant:
    case TokenKind::String:
    case TokenKind::RawString:
    case TokenKind::Bool:
    case TokenKind::Nil:
    case TokenKind::LeftParen:
    case TokenKind::RightParen:
    case TokenKind::Pipe:
    case TokenKind::Comma:
    case TokenKind::Declare:
    case TokenKind::Assign:
    case TokenKind::Broken:
      break;
  }
  return concat("\"", shortened(token.text, kTokenShownMax), "\"");
}

}  // namespace reeve::templates
