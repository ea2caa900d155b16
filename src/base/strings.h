#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace reeve {

namespace detail {

inline void append_piece(std::string& out, std::string_view piece) {
  out.append(piece);
}

inline void append_piece(std::string& out, char piece) {
  out.push_back(piece);
}

template <std::integral Number>

requires(!std::same_as<Number, char> && !std::same_as<Number, bool>) void append_piece(
    std::string& out, Number piece
) {
  out.append(std::to_string(piece));
}

}  // namespace detail

/// Joins strings, characters and whole numbers into one string.
template <class... Pieces>
std::string concat(const Pieces&... pieces) {
  std::string out;
  (detail::append_piece(out, pieces), ...);
  return out;
}

/// The pieces of `text` between separators; empty pieces are kept, "" gives one empty piece.
std::vector<std::string_view> split(std::string_view text, char separator);

/// The pieces of a text that is gone at the end of the expression would be, too.
template <std::same_as<std::string> Text>
std::vector<std::string_view> split(Text&& text, char separator) = delete;

/// `parts` with `separator` between them.
std::string join(const std::vector<std::string>& parts, std::string_view separator);

/// `text` without leading and trailing white space (space, tab, CR, LF, VT, FF).
std::string_view trim(std::string_view text);

/// `text` with every `from`, which must not be empty, replaced by `to`; what was put in is not
/// looked at again.
std::string replace_all(std::string_view text, std::string_view from, std::string_view to);

/// ASCII case mapping; other bytes are left alone.
std::string to_lower(std::string_view text);
std::string to_upper(std::string_view text);

/// Whether `text` is well-formed UTF-8 (no surrogates, no overlong forms).
bool is_utf8(std::string_view text);

/// Length of the well-formed UTF-8 sequence that `text` starts with, 0 if there is none.
std::size_t utf8_length(std::string_view text);

/// The candidate most like `word` (edit distance at most a third of its length, rounded up from
/// four letters on), or "". For "did you mean …".
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

/// Shell-style match of a relative path: `*` and `?` stay within one component, `**` crosses
/// components (`**/` stands for any number of whole ones), `[abc]`, `[a-z]`, `[!a]` are classes.
/// Case-sensitive. Linear in practice: no recursion deeper than the number of `**`.
bool glob_match(std::string_view pattern, std::string_view path);

/// Lower-case hex of `bytes`.
std::string to_hex(std::string_view bytes);

}  // namespace reeve
