#include "resource/schema/pattern.h"

#include <memory>
#include <utility>

#include "base/strings.h"

namespace reeve::resource::schema {

namespace {

constexpr char32_t kLastCharacter = 0x10FFFF;
constexpr int kRepeatMax = 1'000;
constexpr int kUnbounded = -1;

/// The character at `at` of well-formed UTF-8; a byte that is none stands for itself.
char32_t next_character(std::string_view text, std::size_t& at) {
  const std::size_t length = utf8_length(text.substr(at));
  const auto byte = [&](std::size_t i) {
    return static_cast<unsigned char>(text[at + i]);
  };
  char32_t value = byte(0);
  if (length > 1) {
    value = byte(0) & (0xFFU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
      value = (value << 6U) | (byte(i) & 0x3FU);
    }
  }
  at += length == 0 ? 1 : length;
  return value;
}

struct Node {
  enum class Kind : std::uint8_t { Empty, Set, Begin, End, Sequence, Choice, Repeat };

  Kind kind = Kind::Empty;
  bool negated = false;
  int min = 0;
  int max = kUnbounded;
  std::vector<Pattern::Range> ranges;
  std::vector<Node> children;
};

Node set_of(char32_t character) {
  return Node{.kind = Node::Kind::Set, .ranges = {{character, character}}, .children = {}};
}

/// The ranges of `\d`, `\w`, `\s`; empty for other letters.
std::vector<Pattern::Range> class_of(char32_t letter) {
  switch (letter) {
    case 'd':
      return {{'0', '9'}};
    case 'w':
      return {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
    case 's':
      return {{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}};
    default:
      return {};
  }
}

class PatternParser {
 public:
  explicit PatternParser(std::string_view text) : text_(text) {}

  Result<Node> parse() {
    REEVE_TRY(Node node, choice(0));
    if (!done()) {
      return fault("a closing parenthesis without an opening one");
    }
    return node;
  }

 private:
  bool done() const { return at_ >= text_.size(); }

  bool next_is(char c) const { return !done() && text_[at_] == c; }

  bool take(char c) {
    const bool found = next_is(c);
    at_ += found ? 1 : 0;
    return found;
  }

  Error fault(std::string_view what) const {
    return make_error(
        ErrorCode::Invalid, concat("not a pattern: ", what, ", at byte ", at_), std::string(text_)
    );
  }

  Result<Node> choice(int depth) {
    if (depth > kPatternDepthMax) {
      return make_error(ErrorCode::LimitExceeded, "the pattern is too deep", std::string(text_));
    }
    Node node{.kind = Node::Kind::Choice, .ranges = {}, .children = {}};
    do {
      REEVE_TRY(Node branch, sequence(depth));
      node.children.push_back(std::move(branch));
    } while (take('|'));
    if (node.children.size() == 1) {
      Node only = std::move(node.children.front());
      return only;
    }
    return node;
  }

  Result<Node> sequence(int depth) {
    Node node{.kind = Node::Kind::Sequence, .ranges = {}, .children = {}};
    while (!done() && !next_is('|') && !next_is(')')) {
      REEVE_TRY(Node piece, atom(depth));
      REEVE_CHECK(repeats(piece));
      node.children.push_back(std::move(piece));
    }
    return node;
  }

  Result<Node> atom(int depth) {
    if (take('(')) {
      if (take('?') && !take(':')) {
        return fault("groups are (…) or (?:…)");
      }
      REEVE_TRY(Node inner, choice(depth + 1));
      if (!take(')')) {
        return fault("a group without its end");
      }
      return inner;
    }
    if (take('[')) {
      return brackets();
    }
    if (take('^')) {
      return Node{.kind = Node::Kind::Begin, .ranges = {}, .children = {}};
    }
    if (take('$')) {
      return Node{.kind = Node::Kind::End, .ranges = {}, .children = {}};
    }
    if (take('.')) {
      Node any = set_of('\n');
      any.negated = true;
      return any;
    }
    if (next_is('*') || next_is('+') || next_is('?') || next_is('{')) {
      return fault("nothing to repeat");
    }
    if (take('\\')) {
      return escaped();
    }
    return set_of(next_character(text_, at_));
  }

  Result<Node> escaped() {
    if (done()) {
      return fault("a backslash at the end");
    }
    const char32_t letter = next_character(text_, at_);
    if (std::vector<Pattern::Range> ranges = class_of(letter); !ranges.empty()) {
      return Node{.kind = Node::Kind::Set, .ranges = std::move(ranges), .children = {}};
    }
    REEVE_TRY(const char32_t literal, literal_of(letter));
    return set_of(literal);
  }

  /// What a backslash before `letter` stands for.
  Result<char32_t> literal_of(char32_t letter) const {
    switch (letter) {
      case 'n':
        return U'\n';
      case 't':
        return U'\t';
      case 'r':
        return U'\r';
      default:
        break;
    }
    const bool word = (letter >= '0' && letter <= '9') || (letter >= 'A' && letter <= 'Z') ||
                      (letter >= 'a' && letter <= 'z') || letter > 0x7E;
    if (word) {
      return fault("an escape that is not known");
    }
    return letter;
  }

  Result<Node> brackets() {
    Node node{.kind = Node::Kind::Set, .ranges = {}, .children = {}};
    node.negated = take('^');
    while (!next_is(']') || node.ranges.empty()) {
      if (done()) {
        return fault("a [ without its ]");
      }
      char32_t first = next_character(text_, at_);
      if (first == '\\') {
        if (done()) {
          return fault("a backslash at the end");
        }
        first = next_character(text_, at_);
        const std::vector<Pattern::Range> ranges = class_of(first);
        node.ranges.insert(node.ranges.end(), ranges.begin(), ranges.end());
        if (!ranges.empty()) {
          continue;
        }
        REEVE_TRY(first, literal_of(first));
      }
      REEVE_TRY(const char32_t last, end_of_range(first));
      node.ranges.push_back({first, last});
    }
    ++at_;
    return node;
  }

  Result<char32_t> end_of_range(char32_t first) {
    const bool range = next_is('-') && at_ + 1 < text_.size() && text_[at_ + 1] != ']';
    if (!range) {
      return first;
    }
    ++at_;
    char32_t last = next_character(text_, at_);
    if (last == '\\' && !done()) {
      REEVE_TRY(last, literal_of(next_character(text_, at_)));
    }
    if (last < first) {
      return fault("a range that ends before it begins");
    }
    return last;
  }

  Result<void> repeats(Node& piece) {
    int min = 0;
    int max = kUnbounded;
    if (take('+')) {
      min = 1;
    } else if (take('?')) {
      max = 1;
    } else if (take('{')) {
      REEVE_TRY(min, count());
      max = min;
      if (take(',')) {
        max = kUnbounded;
        if (!next_is('}')) {
          REEVE_TRY(max, count());
        }
      }
      if (!take('}') || (max != kUnbounded && max < min)) {
        return fault("counts are {m}, {m,} or {m,n}");
      }
    } else if (!take('*')) {
      return {};
    }
    if (next_is('*') || next_is('+') || next_is('?') || next_is('{')) {
      return fault("a repetition of a repetition");
    }
    Node repeat{.kind = Node::Kind::Repeat, .min = min, .max = max, .ranges = {}, .children = {}};
    repeat.children.push_back(std::move(piece));
    piece = std::move(repeat);
    return {};
  }

  Result<int> count() {
    int value = 0;
    const std::size_t start = at_;
    while (!done() && text_[at_] >= '0' && text_[at_] <= '9') {
      value = value * 10 + (text_[at_++] - '0');
      if (value > kRepeatMax) {
        return fault("a count that is too large");
      }
    }
    if (at_ == start) {
      return fault("counts are {m}, {m,} or {m,n}");
    }
    return value;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

/// Makes states, back to front: each node is told what follows it.
class StateMaker {
 public:
  std::vector<Pattern::State> states;

  bool too_large() const { return states.size() >= kPatternStatesMax || steps_ > kStepsMax; }

  std::uint32_t add(Pattern::State state) {
    if (!too_large()) {
      states.push_back(std::move(state));
    }
    return static_cast<std::uint32_t>(states.size() - 1);
  }

  std::uint32_t make(const Node& node, std::uint32_t next) {
    ++steps_;
    if (too_large()) {
      return next;
    }
    switch (node.kind) {
      case Node::Kind::Empty:
        return next;
      case Node::Kind::Set:
        return add(
            {.op = Pattern::Op::Set, .negated = node.negated, .next = next, .ranges = node.ranges}
        );
      case Node::Kind::Begin:
        return add({.op = Pattern::Op::Begin, .next = next, .ranges = {}});
      case Node::Kind::End:
        return add({.op = Pattern::Op::End, .next = next, .ranges = {}});
      case Node::Kind::Sequence:
        for (auto child = node.children.rbegin(); child != node.children.rend(); ++child) {
          next = make(*child, next);
        }
        return next;
      case Node::Kind::Choice:
        return make_choice(node, next);
      case Node::Kind::Repeat:
        return make_repeat(node, next);
    }
    return next;
  }

 private:
  static constexpr std::size_t kStepsMax = 4 * kPatternStatesMax;

  std::uint32_t make_choice(const Node& node, std::uint32_t next) {
    std::uint32_t start = make(node.children.front(), next);
    for (std::size_t i = 1; i < node.children.size(); ++i) {
      const std::uint32_t other = make(node.children[i], next);
      start = add({.op = Pattern::Op::Split, .next = start, .other = other, .ranges = {}});
    }
    return start;
  }

  std::uint32_t make_repeat(const Node& node, std::uint32_t next) {
    const Node& body = node.children.front();
    std::uint32_t start = next;
    if (node.max == kUnbounded) {
      const std::uint32_t loop = add({.op = Pattern::Op::Split, .other = next, .ranges = {}});
      const std::uint32_t again = make(body, loop);
      states[loop].next = again;
      start = loop;
    } else {
      for (int i = node.min; i < node.max && !too_large(); ++i) {
        const std::uint32_t once = make(body, start);
        start = add({.op = Pattern::Op::Split, .next = once, .other = next, .ranges = {}});
      }
    }
    for (int i = 0; i < node.min && !too_large(); ++i) {
      start = make(body, start);
    }
    return start;
  }

  std::size_t steps_ = 0;
};

/// The states that a text may be in, each once.
class Active {
 public:
  explicit Active(const std::vector<Pattern::State>& states)
      : states_(&states), seen_(states.size(), 0) {}

  void clear() {
    list_.clear();
    ++round_;
    matched_ = false;
  }

  /// Adds `state` and what follows from it without a character.
  void add(std::uint32_t state, bool begin, bool end) {
    waiting_.push_back(state);
    while (!waiting_.empty()) {
      const std::uint32_t at = waiting_.back();
      waiting_.pop_back();
      if (seen_[at] == round_) {
        continue;
      }
      seen_[at] = round_;
      const Pattern::State& here = (*states_)[at];
      switch (here.op) {
        case Pattern::Op::Set:
          list_.push_back(at);
          break;
        case Pattern::Op::Split:
          waiting_.push_back(here.next);
          waiting_.push_back(here.other);
          break;
        case Pattern::Op::Begin:
          if (begin) {
            waiting_.push_back(here.next);
          }
          break;
        case Pattern::Op::End:
          if (end) {
            waiting_.push_back(here.next);
          }
          break;
        case Pattern::Op::Match:
          matched_ = true;
          break;
      }
    }
  }

  const std::vector<std::uint32_t>& list() const { return list_; }

  bool matched() const { return matched_; }

 private:
  const std::vector<Pattern::State>* states_;
  std::vector<std::uint32_t> list_;
  std::vector<std::uint32_t> waiting_;
  std::vector<std::uint64_t> seen_;
  std::uint64_t round_ = 1;
  bool matched_ = false;
};

bool accepts(const Pattern::State& state, char32_t character) {
  for (const Pattern::Range& range : state.ranges) {
    if (character >= range.first && character <= range.last) {
      return !state.negated;
    }
  }
  return state.negated && character <= kLastCharacter;
}

}  // namespace

Result<Pattern> Pattern::compile(std::string_view text) {
  REEVE_TRY(const Node root, PatternParser(text).parse());
  StateMaker maker;
  const std::uint32_t match = maker.add({.op = Op::Match, .ranges = {}});
  const std::uint32_t start = maker.make(root, match);
  if (maker.too_large()) {
    return make_error(ErrorCode::LimitExceeded, "the pattern is too large", std::string(text));
  }
  Pattern pattern;
  pattern.text_ = std::string(text);
  pattern.states_ = std::move(maker.states);
  pattern.start_ = start;
  return pattern;
}

bool Pattern::matches(std::string_view text) const {
  Active now(states_);
  Active then(states_);
  now.add(start_, true, text.empty());
  std::size_t at = 0;
  while (!now.matched() && at < text.size()) {
    const char32_t character = next_character(text, at);
    const bool end = at >= text.size();
    then.clear();
    for (const std::uint32_t state : now.list()) {
      if (accepts(states_[state], character)) {
        then.add(states_[state].next, false, end);
      }
    }
    // The occurrence may begin anywhere.
    then.add(start_, false, end);
    std::swap(now, then);
  }
  return now.matched();
}

}  // namespace reeve::resource::schema
