#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace reeve::templates {

/// Longest text that is read as a template, in bytes.
inline constexpr std::size_t kTemplateBytesMax = std::size_t{4} << 20U;
/// Most pieces that a template may consist of.
inline constexpr std::size_t kTokensMax = 200'000;

enum class TokenKind : std::uint8_t {
  Text,
  LeftDelim,
  RightDelim,
  Dot,
  Field,     ///< ".Name", with the dot
  Variable,  ///< "$" or "$name"
  Identifier,
  Number,
  CharConstant,
  String,     ///< interpreted, with its quotes
  RawString,  ///< with its backquotes
  Bool,
  Nil,
  LeftParen,
  RightParen,
  Pipe,
  Comma,
  Declare,  ///< ":="
  Assign,   ///< "="
  If,
  Else,
  End,
  Range,
  With,
  Define,
  Block,
  TemplateCall,
  Break,
  Continue,
  EndOfText,
  Broken,  ///< the lexer gave up here; see Lexed::error
};

struct Token {
  TokenKind kind = TokenKind::EndOfText;
  /// The piece of the source; for Text with trimming already applied.
  std::string_view text;
  Position position;
  /// White space came directly before, inside the same action.
  bool space_before = false;
};

/// The tokens of a text. They refer to it, so it must outlive them. The last one is EndOfText, or
/// Broken with an error: the parser reports whichever mistake comes first.
struct Lexed {
  std::vector<Token> tokens;
  std::optional<Error> error;
};

/// Splits `text`, whose first character is at `offset` of some file.
Lexed lex(std::string_view text, Position offset);

/// How a token is named in messages: `"x"`, `{{end}}`, `end of template`.
std::string describe(const Token& token);

}  // namespace reeve::templates
