#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "gateway/model/format/json_stream.h"

namespace reeve::gateway::model {

/// What happens where a pattern is found; the severest one of several.
enum class GuardrailAction : std::uint8_t { Report, Redact, Block };

std::string_view to_string(GuardrailAction action);  ///< "report" …

/// What is looked for, and where.
struct GuardrailRule {
  /// As it is reported: letters, digits, `-`, `_`, `.`.
  std::string name = {};
  /// In the syntax below; empty: the known secrets.
  std::string pattern = {};
  bool ignore_case = false;
  GuardrailAction action = GuardrailAction::Report;
  bool in_request = true;
  bool in_response = false;
};

/// Of all patterns of a set: places that can match a byte.
inline constexpr std::size_t kPatternPlacesMax = 2'048;
inline constexpr std::size_t kPatternBytesMax = 512;
/// Longest counted repetition.
inline constexpr std::size_t kPatternRepeatMax = 128;
/// Findings of one text; the last one of so many reaches to the end of the text.
inline constexpr std::size_t kFindingsMax = 1'000;
/// What is longer is found in pieces that touch.
inline constexpr std::size_t kFindingBytesMax = 16'384;

/// Something was found.
struct Finding {
  /// Of `GuardrailSet::name`.
  std::size_t rule = 0;
  GuardrailAction action = GuardrailAction::Report;
  ByteRange at;
};

/// Patterns, made ready for searching them all at once. A pattern is a sequence of
///
///     x             this byte         \x            this byte, whatever x is: \. \[ \\
///     .             any but newline   \d \w \s      a digit; letter, digit or _; blank
///     [a-z_] [^,]   one of these; none of these
///
/// each of which may be followed by `?`, `*`, `+`, `{3}`, `{3,}` or `{3,8}`. There are no groups
/// and no alternatives: those are several rules. Bytes are compared, not characters. The time that
/// a search takes grows with the text and never with how it is made.
///
/// Immutable; any thread.
class GuardrailSet {
 public:
  /// Invalid: a pattern is wrong or matches nothing at all (`subject` is its rule, the message says
  /// where). LimitExceeded: they are too many or too long.
  static Result<std::shared_ptr<const GuardrailSet>> make(const std::vector<GuardrailRule>& rules);

  /// All secrets that are known, each one redacted: for what is kept.
  static std::shared_ptr<const GuardrailSet> secrets();

  /// Of a rule; of the known secrets also which: "secrets:aws-access-key".
  const std::string& name(std::size_t rule) const { return rules_[rule].name; }

  GuardrailAction action(std::size_t rule) const { return rules_[rule].action; }

  std::size_t size() const { return rules_.size(); }

  bool empty() const { return rules_.empty(); }

  /// In order, without overlaps, as long as they can be. Findings that overlap are one, with the
  /// severest action; so are those of one rule that touch.
  std::vector<Finding> find(std::string_view text) const;

 private:
  friend class GuardrailSearch;

  static constexpr std::size_t kWords = kPatternPlacesMax / 64;
  using Places = std::array<std::uint64_t, kWords>;

  struct Rule {
    std::string name;
    GuardrailAction action = GuardrailAction::Report;
    /// Its places, [begin, end).
    std::size_t begin = 0;
    std::size_t end = 0;
  };

  /// One place of a pattern that is being read.
  struct Place {
    std::bitset<256> bytes;
    bool repeats = false;
    bool optional = false;
  };

  static Result<std::vector<Place>> parse(std::string_view pattern, bool ignore_case);
  Result<void> add(
      std::string name,
      std::string_view pattern,
      bool ignore_case,
      bool at_word,
      GuardrailAction action
  );
  Result<void> add_secrets(std::string_view name, GuardrailAction action);
  void make_begins();
  void step(Places& active, unsigned char byte, unsigned char before, bool starts) const;
  bool any(const Places& places) const;
  bool may_begin(std::string_view text, std::size_t at) const;
  std::size_t begin_of(const Rule& rule, std::string_view text, std::size_t least, std::size_t end)
      const;
  std::size_t end_of(const Rule& rule, std::string_view text, std::size_t begin, std::size_t end)
      const;

  std::size_t words_ = 0;
  std::size_t places_ = 0;
  std::vector<Rule> rules_;
  /// The rule of each place.
  std::vector<std::uint32_t> rule_of_;
  /// Places that a byte matches.
  std::array<Places, 256> of_byte_{};
  /// Places that repeat, and that may be left out.
  Places repeats_{};
  Places optional_{};
  /// The first place of each pattern; those that may match first, and last.
  Places starts_{};
  Places first_{};
  Places last_{};
  /// Of those that may match first: only where no letter or digit is before.
  Places first_of_word_{};
  /// Whether two bytes may begin a pattern: most text does not.
  std::bitset<65536> begins_;
};

/// Searches a text that comes in pieces; what is found over their boundaries counts. Says that and
/// what, not where. One thread.
class GuardrailSearch {
 public:
  explicit GuardrailSearch(std::shared_ptr<const GuardrailSet> set);

  /// Rules that were found in this piece for the first time.
  std::vector<std::size_t> feed(std::string_view piece);

 private:
  std::shared_ptr<const GuardrailSet> set_;
  GuardrailSet::Places active_{};
  bool any_active_ = false;
  unsigned char before_ = 0;
  std::vector<bool> found_;
};

/// What a search of a request's body has come to.
struct BodyFindings {
  std::vector<Finding> findings;
  /// The severest action. What is to be redacted but cannot be replaced where it stands, because it
  /// is written with escapes or is more than one string, is blocked.
  GuardrailAction action = GuardrailAction::Report;
  /// That is why.
  bool irreplaceable = false;
};

/// Searches the bytes of a JSON text, and its strings once more where they are written with
/// escapes.
BodyFindings search_body(const GuardrailSet& set, std::string_view body);

/// What stands in place of a finding: "[redacted:<name>]".
std::string redaction_of(const GuardrailSet& set, std::size_t rule);

/// A text with everything replaced that has the action Redact or Block.
std::string redact(const GuardrailSet& set, std::string_view text);

}  // namespace reeve::gateway::model
