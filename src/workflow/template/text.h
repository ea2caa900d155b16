#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace reeve::templates {

/// What stands for a byte that is not part of well-formed UTF-8.
inline constexpr char32_t kReplacementRune = 0xFFFD;

/// One decoded character. A malformed byte gives kReplacementRune with size 1.
struct Rune {
  char32_t value = kReplacementRune;
  std::size_t size = 1;

  /// False for a malformed byte (a real U+FFFD has size 3).
  bool valid() const { return value != kReplacementRune || size == 3; }
};

/// The first character of `text`, which must not be empty.
Rune decode_rune(std::string_view text);

/// Appends the UTF-8 form; what is no code point becomes U+FFFD.
void append_rune(std::string& out, char32_t rune);

/// The beginning of `text`, at most `size_max` bytes and whole characters; "..." if cut.
std::string shortened(std::string_view text, std::size_t size_max);

/// Number of characters, malformed bytes counting as one each.
std::size_t rune_count(std::string_view text);

/// Whether Go's %q would leave the character as it is (close to Unicode's graphic characters and
/// the ASCII space; unassigned code points count as printable).
bool is_printable(char32_t rune);

/// Appends `U+0041`, and ` 'A'` if asked and printable.
void append_unicode(std::string& out, char32_t rune, bool with_character);

/// Appends a Go string literal, or a character literal if `quote` is '\''. `ascii` escapes
/// everything beyond ASCII.
void append_quoted(std::string& out, std::string_view text, char quote, bool ascii);

/// The meaning of a Go literal including its quotes (`"`, `'` or backquote); nothing if malformed.
std::optional<std::string> unquote(std::string_view literal);

// Escapers of the functions html, js and urlquery.
std::string escape_html(std::string_view text);
std::string escape_js(std::string_view text);
std::string escape_query(std::string_view text);

/// Case mapping of ASCII, Latin-1, Greek and Cyrillic letters; others are left alone.
std::string map_case(std::string_view text, bool upper);

/// The first letter of every word in upper case; words are separated by white space.
std::string title_case(std::string_view text);

/// `'text'` for a POSIX shell; single quotes inside become `'\''`.
std::string quote_shell(std::string_view text);

}  // namespace reeve::templates
