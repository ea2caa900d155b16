#include "workflow/document/yaml.h"

#include <algorithm>
#include <istream>
#include <map>
#include <optional>
#include <set>
#include <streambuf>
#include <utility>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "base/strings.h"
#include "workflow/document/lines.h"

namespace reeve::document {

namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

Error invalid(std::string message, Position position, std::string hint = {}) {
  Error error = make_error(ErrorCode::Invalid, std::move(message));
  error.position = position;
  error.hint = std::move(hint);
  return error;
}

Error too_much(std::string message, Position position) {
  Error error = make_error(ErrorCode::LimitExceeded, std::move(message));
  error.position = position;
  error.hint = "make the document smaller; large data belongs into files that scripts read";
  return error;
}

Position position_at(std::string_view text, std::size_t offset) {
  Position position{1, 1};
  for (const char c : text.substr(0, offset)) {
    if (c == '\n') {
      ++position.line;
      position.column = 1;
    } else {
      ++position.column;
    }
  }
  return position;
}

/// Carries our own findings out of the parser's callbacks.
struct Stop {
  Error error;
};

/// The text as a stream without a copy.
class ViewBuffer : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view text) {
    // The get area is only read.
    char* begin = const_cast<char*>(text.data());  // NOLINT
    setg(begin, begin, begin + text.size());
  }
};

std::size_t text_bytes(const Node& node) {
  std::size_t bytes = node.text.size();
  for (const Node& item : node.items) {
    bytes += text_bytes(item);
  }
  for (const Member& member : node.members) {
    bytes += member.key.text.size() + text_bytes(member.value);
  }
  return bytes;
}

std::size_t count_nodes(const Node& node) {
  std::size_t count = 1;
  for (const Node& item : node.items) {
    count += count_nodes(item);
  }
  for (const Member& member : node.members) {
    count += 1 + count_nodes(member.value);
  }
  return count;
}

int depth_of(const Node& node) {
  int depth = 0;
  for (const Node& item : node.items) {
    depth = std::max(depth, depth_of(item));
  }
  for (const Member& member : node.members) {
    depth = std::max(depth, depth_of(member.value));
  }
  return depth + 1;
}

/// Turns the parser's events into the tree.
class Builder : public YAML::EventHandler {
 public:
  Builder(std::string_view text, const Limits& limits) : text_(text), limits_(limits) {
    for (std::size_t at = 0; at != std::string_view::npos; at = text.find('\n', at)) {
      at += lines_.empty() ? 0 : 1;
      lines_.push_back(at);
    }
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) {
      throw Stop{invalid(
          concat("more than one document: a second one starts at line ", mark.line + 1),
          at(mark),
          "put each workflow into a file of its own"
      )};
    }
  }

  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Node node;
    node.offset = offset(mark);
    node.position = at(mark);
    if (!stack_.empty() && stack_.back().key && node.position.line != key_line()) {
      node.position = stack_.back().key->position;
    }
    node.content = node.position;
    add(std::move(node), anchor);
  }

  void OnScalar(
      const YAML::Mark& mark,
      const std::string& tag,
      YAML::anchor_t anchor,
      const std::string& value
  ) override {
    Node node;
    node.kind = Kind::Scalar;
    node.text = value;
    node.position = at(mark);
    node.offset = skip_properties(offset(mark));
    if (node.offset != offset(mark)) {
      node.position = place(node.offset);
    }
    node.content = node.position;
    check_tag(tag, node.position);
    set_style(node);
    if (tag == "tag:yaml.org,2002:str" && node.style == Style::Plain) {
      node.style = Style::Quoted;
    }
    add(std::move(node), anchor);
  }

  void OnSequenceStart(
      const YAML::Mark& mark,
      const std::string& tag,
      YAML::anchor_t anchor,
      YAML::EmitterStyle::value /*style*/
  ) override {
    open(Kind::Sequence, mark, tag, anchor);
  }

  void OnSequenceEnd() override { close(); }

  void OnMapStart(
      const YAML::Mark& mark,
      const std::string& tag,
      YAML::anchor_t anchor,
      YAML::EmitterStyle::value /*style*/
  ) override {
    open(Kind::Map, mark, tag, anchor);
  }

  void OnMapEnd() override { close(); }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      throw Stop{invalid(
          "an alias inside its own anchor never ends",
          at(mark),
          "write the value instead of the alias"
      )};
    }
    // Charge before copying: ten levels of ten aliases must not cost ten billion nodes.
    charge(count_nodes(found->second) - 1, text_bytes(found->second), at(mark));
    if (static_cast<int>(stack_.size()) + depth_of(found->second) > limits_.depth_max) {
      throw Stop{too_deep(at(mark))};
    }
    add(found->second, 0);
  }

  int documents() const { return documents_; }

  Node take() && { return std::move(root_); }

 private:
  struct Open {
    Node node;
    std::optional<Node> key;
    YAML::anchor_t anchor = 0;
  };

  static Position at(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }

  static std::size_t offset(const YAML::Mark& mark) { return static_cast<std::size_t>(mark.pos); }

  /// The place of an offset, by the starts of the lines: anchors may be many.
  Position place(std::size_t at) const {
    const auto after = std::upper_bound(lines_.begin(), lines_.end(), at);
    return {static_cast<int>(after - lines_.begin()), static_cast<int>(at - *(after - 1)) + 1};
  }

  int key_line() const { return stack_.back().key->position.line; }

  Error too_deep(Position position) const {
    return too_much(concat("nested more than ", limits_.depth_max, " levels deep"), position);
  }

  void charge(std::size_t nodes, std::size_t bytes, Position position) {
    nodes_ += nodes;
    bytes_ += bytes;
    if (nodes_ > limits_.nodes_max) {
      throw Stop{too_much(
          concat("more than ", limits_.nodes_max, " values once aliases are expanded"), position
      )};
    }
    if (bytes_ > limits_.text_bytes_max) {
      throw Stop{too_much(
          concat("more than ", limits_.text_bytes_max, " bytes once aliases are expanded"), position
      )};
    }
  }

  static void check_tag(const std::string& tag, Position position) {
    constexpr std::string_view kCore = "tag:yaml.org,2002:";
    if (tag.empty() || tag == "?" || tag == "!") {
      return;
    }
    if (tag.starts_with(kCore)) {
      const std::string_view name = std::string_view(tag).substr(kCore.size());
      for (const std::string_view known : {"str", "int", "float", "bool", "null", "map", "seq"}) {
        if (name == known) {
          return;
        }
      }
    }
    throw Stop{
        invalid(concat("the tag \"", tag, "\" is not supported"), position, "leave the tag out")};
  }

  /// The mark of an anchored or tagged value is that of the anchor or tag.
  std::size_t skip_properties(std::size_t from) const {
    std::size_t i = from;
    while (i < text_.size() && (text_[i] == '&' || text_[i] == '!')) {
      i = text_.find_first_of(" \t\r\n", i);
      i = i == std::string_view::npos ? i : text_.find_first_not_of(" \t\r\n", i);
      if (i == std::string_view::npos) {
        return from;
      }
    }
    return i;
  }

  void set_style(Node& node) const {
    const char first = node.offset < text_.size() ? text_[node.offset] : '\0';
    if (first == '"' || first == '\'') {
      node.style = Style::Quoted;
      ++node.content.column;
      if (!quote_closes(node.offset)) {
        throw Stop{invalid(
            "the quoted text that starts here is never closed",
            node.position,
            concat("add the missing ", std::string(1, first), " at its end")
        )};
      }
    } else if (first == '|' || first == '>') {
      node.style = first == '|' ? Style::Literal : Style::Folded;
      node.content = block_start(node.offset, node.position);
    }
  }

  bool quote_closes(std::size_t from) const {
    const char quote = text_[from];
    for (std::size_t i = from + 1; i < text_.size(); ++i) {
      if (text_[i] == '\\' && quote == '"') {
        ++i;
      } else if (text_[i] == quote) {
        if (quote == '"' || i + 1 >= text_.size() || text_[i + 1] != quote) {
          return true;
        }
        ++i;
      }
    }
    return false;
  }

  /// The first character of the first line of a block that is not blank.
  Position block_start(std::size_t from, Position header) const {
    Position position{header.line + 1, 1};
    std::size_t line = text_.find('\n', from);
    const Position fallback = position;
    while (line != std::string_view::npos) {
      const std::size_t word = text_.find_first_not_of(" \t\r", line + 1);
      if (word == std::string_view::npos) {
        break;
      }
      if (text_[word] != '\n') {
        // Blank lines before it belong to the text, so the text starts in the first of them.
        return {fallback.line, static_cast<int>(word - line)};
      }
      line = word;
    }
    return fallback;
  }

  void open(Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (static_cast<int>(stack_.size()) >= limits_.depth_max) {
      throw Stop{too_deep(at(mark))};
    }
    check_tag(tag, at(mark));
    Open entry;
    entry.node.kind = kind;
    entry.node.offset = skip_properties(offset(mark));
    entry.node.position = entry.node.offset == offset(mark) ? at(mark) : place(entry.node.offset);
    entry.node.content = entry.node.position;
    entry.anchor = anchor;
    stack_.push_back(std::move(entry));
  }

  void close() {
    Open done = std::move(stack_.back());
    stack_.pop_back();
    if (done.node.is_map()) {
      finish_map(done.node);
    }
    add(std::move(done.node), done.anchor);
  }

  void add(Node node, YAML::anchor_t anchor) {
    charge(1, node.is_scalar() ? node.text.size() : 0, node.position);
    if (anchor != 0) {
      // A copy is kept for aliases: it counts, or nested anchors would multiply the document.
      charge(count_nodes(node), text_bytes(node), node.position);
      anchors_[anchor] = node;
    }
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = stack_.back();
    if (parent.node.is_sequence()) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.key) {
      check_key(node);
      parent.key = std::move(node);
    } else {
      parent.node.members.push_back({std::move(*parent.key), std::move(node)});
      parent.key.reset();
    }
  }

  void check_key(const Node& key) const {
    if (key.is_scalar()) {
      return;
    }
    if (key.is_map() && key.offset > 0 && text_[key.offset] == '{' &&
        text_[key.offset - 1] == '{') {
      const std::size_t end = text_.find("}}", key.offset);
      const std::string_view action = end == std::string_view::npos
                                          ? std::string_view("{{ … }}")
                                          : text_.substr(key.offset - 1, end - key.offset + 3);
      Position position = key.position;
      position.column -= 1;
      throw Stop{invalid(
          "a value that begins with {{ must be quoted",
          position,
          concat("quote it: \"", action, "\"")
      )};
    }
    throw Stop{invalid(
        concat("a key must be text, this one is ", to_string(key.kind)),
        key.position,
        "write \"key: value\"; quote a key that begins with a bracket"
    )};
  }

  void finish_map(Node& map) {
    std::map<std::string, const Node*, std::less<>> seen;
    bool merges = false;
    for (const Member& member : map.members) {
      const bool merge = is_merge(member);
      merges = merges || merge;
      const auto [first, fresh] = seen.emplace(member.key.text, &member.key);
      if (!fresh) {
        throw Stop{invalid(
            concat(
                "the key \"",
                member.key.text,
                "\" is there twice: line ",
                first->second->position.line,
                " and line ",
                member.key.position.line
            ),
            member.key.position,
            "remove one of them"
        )};
      }
    }
    if (merges) {
      apply_merges(map);
    }
  }

  static bool is_merge(const Member& member) {
    return member.key.style == Style::Plain && member.key.text == "<<";
  }

  void apply_merges(Node& map) {
    std::vector<Member> members;
    std::vector<Node> sources;
    std::set<std::string, std::less<>> taken;
    for (Member& member : map.members) {
      if (!is_merge(member)) {
        taken.insert(member.key.text);
        members.push_back(std::move(member));
      } else if (member.value.is_sequence()) {
        sources = std::move(member.value.items);
      } else {
        sources.push_back(std::move(member.value));
      }
    }
    for (Node& source : sources) {
      if (!source.is_map()) {
        throw Stop{invalid(
            concat("\"<<\" merges maps, this is ", to_string(source.kind)),
            source.position,
            "name the anchor of a map: \"<<: *anchor\""
        )};
      }
      for (Member& member : source.members) {
        if (taken.insert(member.key.text).second) {
          members.push_back(std::move(member));
        }
      }
    }
    map.members = std::move(members);
  }

  std::string_view text_;
  const Limits& limits_;
  std::vector<std::size_t> lines_;
  int documents_ = 0;
  std::size_t nodes_ = 0;
  std::size_t bytes_ = 0;
  std::vector<Open> stack_;
  std::map<YAML::anchor_t, Node> anchors_;
  Node root_;
};

/// The first line up to `last` that is indented with a tab where YAML would see structure.
std::optional<Position> tab_indentation(std::string_view text, int last) {
  for (const Line& line : scan_lines(text)) {
    if (line.number > last) {
      break;
    }
    const std::size_t word = line.text.find_first_not_of(" \t");
    if (line.in_block || line.blank || line.text[word] == '#') {
      continue;
    }
    const std::size_t tab = line.text.find('\t');
    if (tab < word) {
      return Position{line.number, static_cast<int>(tab) + 1};
    }
  }
  return std::nullopt;
}

/// A tab-indented line that looks like a key or a list item. YAML folds it into the text before
/// it, which nobody means.
std::optional<Position> tab_structure(std::string_view text) {
  if (text.find('\t') == std::string_view::npos) {
    return std::nullopt;
  }
  for (const Line& line : scan_lines(text)) {
    const std::size_t word = line.text.find_first_not_of(" \t");
    const std::size_t tab = line.text.find('\t');
    if (line.in_block || line.blank || tab > word) {
      continue;
    }
    const std::string_view body = line.text.substr(word);
    const std::size_t key_end = body.find_first_of(" :'\"{[");
    const bool key = key_end != std::string_view::npos && key_end > 0 && body[key_end] == ':' &&
                     (key_end + 1 == body.size() || body[key_end + 1] == ' ');
    if (key || body.starts_with("- ")) {
      return Position{line.number, static_cast<int>(tab) + 1};
    }
  }
  return std::nullopt;
}

Error tabs_error(Position position) {
  return invalid(
      "tabs cannot indent YAML", position, "replace the tabs at the start of the line by spaces"
  );
}

struct Translation {
  std::string_view theirs;
  std::string_view ours;
  std::string_view hint;
};

constexpr Translation kTranslations[] = {
    {"illegal map value",
     "\": \" is not allowed here",
     "quote the text if the colon belongs to it, or check the indentation"},
    {"end of map not found",
     "this line does not fit the map it stands in",
     "check the indentation, that the line reads \"key: value\", and that quotes above it are "
     "closed"},
    {"end of sequence not found",
     "this line does not fit the list it stands in",
     "check the indentation, that the line starts with \"- \", and that quotes above it are "
     "closed"},
    {"end of sequence flow not found", "a list in [ ] is never closed", "add the missing \"]\""},
    {"end of map flow not found", "a map in { } is never closed", "add the missing \"}\""},
    {"unknown token",
     "text cannot start with this character",
     "quote the text; between { } or [ ] a text with ? or : in it needs quotes, too"},
    {"the referenced anchor is not defined",
     "the alias names an anchor that does not exist",
     "put quotes around a text that begins with \"*\", or define the anchor before it"},
};

Error translate(const YAML::ParserException& exception, std::string_view text) {
  const Position position{exception.mark.line + 1, exception.mark.column + 1};
  const std::string_view message = exception.msg;
  if (const auto tab = tab_indentation(text, position.line)) {
    return tabs_error(*tab);
  }
  if (message.find("tab ") != std::string_view::npos) {
    return tabs_error(position);
  }
  for (const Translation& entry : kTranslations) {
    if (message == entry.theirs) {
      return invalid(std::string(entry.ours), position, std::string(entry.hint));
    }
  }
  return invalid(
      concat("not valid YAML: ", message), position, "check indentation, quotes and brackets here"
  );
}

Result<Node> build(std::string_view text, const Limits& limits) {
  ViewBuffer buffer(text);
  std::istream stream(&buffer);
  Builder builder(text, limits);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Stop& stop) {
    return stop.error;
  } catch (const YAML::ParserException& exception) {
    return translate(exception, text);
  } catch (const std::exception& exception) {
    return invalid(
        concat("not valid YAML: ", exception.what()),
        {1, 1},
        "check indentation, quotes and brackets"
    );
  }
  if (builder.documents() == 0) {
    return invalid(
        "the document is empty",
        {1, 1},
        "a workflow begins with \"apiVersion: reeve.dev/v1\" and \"kind: Workflow\""
    );
  }
  return std::move(builder).take();
}

}  // namespace

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::Null:
      return "nothing";
    case Kind::Scalar:
      return "text";
    case Kind::Sequence:
      return "a list";
    case Kind::Map:
      return "a map";
  }
  return "";
}

const Node* Node::find(std::string_view key) const {
  for (const Member& member : members) {
    if (member.key.text == key) {
      return &member.value;
    }
  }
  return nullptr;
}

Result<void> check_text(std::string_view text, const Limits& limits) {
  if (text.size() > limits.size_bytes_max) {
    return too_much(
        concat("is ", text.size(), " bytes long, at most ", limits.size_bytes_max, " are allowed"),
        {}
    );
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') {
      return invalid(
          concat("is not text: byte ", static_cast<int>(byte), " at offset ", i),
          position_at(text, i),
          "give the name of a text file"
      );
    }
  }
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text.substr(i));
    if (length == 0) {
      return invalid(
          concat("is not text: byte 0x", to_hex(text.substr(i, 1)), " is not valid UTF-8"),
          position_at(text, i),
          "save the file as UTF-8"
      );
    }
    i += length;
  }
  return {};
}

Result<Node> parse_yaml(std::string_view text, const Limits& limits) {
  REEVE_CHECK(check_text(text, limits));
  if (text.starts_with(kByteOrderMark)) {
    text.remove_prefix(kByteOrderMark.size());
  }
  if (const auto tab = tab_structure(text)) {
    return tabs_error(*tab);
  }
  return build(text, limits);
}

}  // namespace reeve::document
