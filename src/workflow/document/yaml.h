#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

/// YAML text as a tree with positions. Knows nothing of workflows.
namespace reeve::document {

enum class Kind : std::uint8_t { Null, Scalar, Sequence, Map };

std::string_view to_string(Kind kind);  ///< "nothing", "text", "a list", "a map": for messages

/// How a scalar is written. Plain ones get a type from their look; the others are always text.
enum class Style : std::uint8_t { Plain, Quoted, Literal, Folded };

struct Member;

/// One value of the document.
struct Node {
  Kind kind = Kind::Null;
  Style style = Style::Plain;
  /// The text of a scalar, escapes and folding resolved; of a Null: what was written for it.
  std::string text;
  /// Where the value starts: the quote, the `|`, the first key.
  Position position;
  /// Where the text of a scalar starts: after the quote, in the first line of a block.
  Position content;
  /// Byte offset of `position` in the source.
  std::size_t offset = 0;
  std::vector<Node> items;
  std::vector<Member> members;

  bool is_null() const { return kind == Kind::Null; }

  bool is_scalar() const { return kind == Kind::Scalar; }

  bool is_sequence() const { return kind == Kind::Sequence; }

  bool is_map() const { return kind == Kind::Map; }

  /// The value of `key` in a map, or null.
  const Node* find(std::string_view key) const;
};

struct Member {
  Node key;
  Node value;
};

struct Limits {
  std::size_t size_bytes_max = std::size_t{1} << 20U;
  int depth_max = 64;
  /// Nodes after aliases and merge keys are expanded.
  std::size_t nodes_max = 100'000;
  /// Bytes of text after aliases are expanded.
  std::size_t text_bytes_max = std::size_t{8} << 20U;
};

/// Reads one YAML document. Aliases are expanded and merge keys (`<<`) applied: keys of the map
/// itself win, then earlier merged maps. Lines, columns and offsets count bytes from 1, 1 and 0.
/// Any thread.
///
/// LimitExceeded: size, depth, nodes or text. Invalid, with line and column: not UTF-8 text, no
/// document, more than one, duplicate keys, keys that are not text, an alias inside its own
/// anchor, tabs as indentation, unknown tags, any other syntax error.
Result<Node> parse_yaml(std::string_view text, const Limits& limits = {});

/// Whether `text` can be a document at all: within the size limit, UTF-8, no control characters.
/// Does not look at more than it needs; `parse_yaml` begins with it.
Result<void> check_text(std::string_view text, const Limits& limits = {});

/// The value as JSON by the core schema of YAML 1.2: only plain scalars are null, bool, int or
/// float; `yes`, `no`, `on`, `off`, dates, `012`, `.inf` and whole numbers beyond int64 are text.
Json to_json(const Node& node);

}  // namespace reeve::document
