#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace reeve::workflow {

/// One `{{ … }}` of a text, seen from outside: enough to tell what it refers to, without parsing.
struct TemplateAction {
  /// Of the braces, end exclusive.
  std::size_t begin = 0;
  std::size_t end = 0;
  /// Between the braces, trim markers left out.
  std::string_view body;
  /// Offset of `body` in the text.
  std::size_t body_offset = 0;
  bool trims_right = false;
  /// "if", "range", "with", "define", "block", "else", "end", "template", "break", "continue",
  /// "comment", "declare" (`$x :=`, `$x =`), or "" for a value.
  std::string_view keyword;
};

/// The actions of a text in order; an action that is never closed ends the search.
std::vector<TemplateAction> find_actions(std::string_view text);

/// What an action refers to.
struct Mention {
  enum class Kind : unsigned char {
    Field,      ///< `.X`: of the dot
    RootField,  ///< `$.X`
    Dot,        ///< `.`
    Root,       ///< `$`
    Variable,   ///< `$x`
    Function,   ///< a word
  };

  Kind kind = Kind::Field;
  std::string name;
  /// In the body of the action.
  std::size_t offset = 0;
};

std::vector<Mention> find_mentions(std::string_view body);

/// Names that `body` declares: `$i, $v := …`.
std::vector<std::string> declared_names(std::string_view body);

/// Whether a line holds nothing but actions, at least one of which shapes the text: conditions,
/// loops, definitions, declarations, comments.
bool is_structural_line(std::string_view line);

}  // namespace reeve::workflow
