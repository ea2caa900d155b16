#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "base/strings.h"
#include "gateway/model/format/guardrail.h"

namespace reeve::gateway::model {

namespace {

using Bytes = std::bitset<256>;

constexpr std::size_t kUnlimited = SIZE_MAX;

/// What a known secret looks like. Private keys end where JSON or PEM does.
struct Known {
  std::string_view name;
  std::string_view pattern;
  bool ignore_case = false;
};

constexpr std::array kKnown = {
    Known{"provider-key", "sk-[A-Za-z0-9_-]{20,}"},
    Known{"aws-access-key", "A[KS]IA[A-Z0-9]{16}"},
    Known{"aws-secret-key", R"(aws_secret_access_key[\\"' =:]{1,8}[A-Za-z0-9/+=]{40,})", true},
    Known{"github-token", "gh[oprsu]_[A-Za-z0-9]{30,}"},
    Known{"github-token", "github_pat_[A-Za-z0-9_]{30,}"},
    Known{"gitlab-token", "glpat-[A-Za-z0-9_.-]{20,}"},
    Known{"slack-token", "xox[abeprs]-[A-Za-z0-9-]{10,}"},
    Known{"slack-token", "xapp-[A-Za-z0-9-]{10,}"},
    Known{"google-key", "AIza[A-Za-z0-9_-]{35}"},
    Known{"google-token", R"(ya29\.[A-Za-z0-9_-]{20,})"},
    Known{"stripe-key", "[rs]k_live_[A-Za-z0-9]{16,}"},
    Known{"npm-token", "npm_[A-Za-z0-9]{30,}"},
    Known{"pypi-token", "pypi-[A-Za-z0-9_-]{32,}"},
    Known{"huggingface-token", "hf_[A-Za-z0-9]{30,}"},
    Known{"xai-key", "xai-[A-Za-z0-9]{32,}"},
    Known{"groq-key", "gsk_[A-Za-z0-9]{32,}"},
    Known{"digitalocean-token", "do[opr]_v1_[a-f0-9]{32,}"},
    Known{"sendgrid-key", R"(SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,})"},
    Known{"azure-key", "AccountKey=[A-Za-z0-9+/=]{40,}"},
    Known{"jwt", R"(eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,})"},
    Known{"private-key", R"(-----BEGIN [A-Z ]*PRIVATE KEY-----[^-"]*)"},
    Known{"reeve-token", "rv[rt]_[A-Za-z0-9_]{20,}"}};

Bytes range(unsigned char first, unsigned char last) {
  Bytes made;
  for (unsigned c = first; c <= last; ++c) {
    made.set(c);
  }
  return made;
}

/// \d \w \s, or the byte itself.
Bytes escaped(char c) {
  if (c == 'd') {
    return range('0', '9');
  }
  if (c == 'w') {
    return range('0', '9') | range('a', 'z') | range('A', 'Z') | range('_', '_');
  }
  if (c == 's') {
    return range(' ', ' ') | range('\t', '\r');
  }
  const auto byte = static_cast<unsigned char>(c);
  return range(byte, byte);
}

Bytes both_cases(Bytes bytes) {
  for (unsigned c = 'a'; c <= 'z'; ++c) {
    const unsigned upper = c - 'a' + 'A';
    const bool either = bytes.test(c) || bytes.test(upper);
    bytes.set(c, either);
    bytes.set(upper, either);
  }
  return bytes;
}

Error wrong(std::string_view what, std::size_t at) {
  return make_error(ErrorCode::Invalid, concat(what, " at character ", at + 1, " of the pattern"));
}

/// Reads a pattern from left to right.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool over() const { return at_ == text_.size(); }

  Result<Bytes> bytes() {
    const char c = text_[at_++];
    if (c == '.') {
      return ~range('\n', '\n');
    }
    if (c == '[') {
      return group();
    }
    if (c == '\\') {
      return over() ? Result<Bytes>(wrong("nothing behind the backslash", at_ - 1))
                    : Result<Bytes>(escaped(text_[at_++]));
    }
    if (c == '(' || c == ')' || c == '|' || c == '^' || c == '$') {
      return wrong(concat("\"", c, "\" has no meaning (write \\", c, " for the byte)"), at_ - 1);
    }
    if (c == '*' || c == '+' || c == '?' || c == '{') {
      return wrong("nothing to repeat", at_ - 1);
    }
    return escaped_or_plain(c);
  }

  /// How often: [first, second].
  Result<std::pair<std::size_t, std::size_t>> repeats() {
    using Times = std::pair<std::size_t, std::size_t>;
    if (over()) {
      return Times(1, 1);
    }
    switch (text_[at_]) {
      case '?':
        ++at_;
        return Times(0, 1);
      case '*':
        ++at_;
        return Times(0, kUnlimited);
      case '+':
        ++at_;
        return Times(1, kUnlimited);
      case '{':
        break;
      default:
        return Times(1, 1);
    }
    const std::size_t begin = at_++;
    Times times;
    const bool has_least = number(times.first);
    times.second = times.first;
    if (take(',')) {
      times.second = kUnlimited;
      if (!over() && text_[at_] != '}' && !number(times.second)) {
        return wrong("a number is missing", at_);
      }
    }
    if (!has_least || !take('}') || times.first > times.second || times.second == 0) {
      return wrong("must be {3}, {3,} or {3,8}", begin);
    }
    const std::size_t most = times.second == kUnlimited ? times.first : times.second;
    if (most > kPatternRepeatMax) {
      return make_error(
          ErrorCode::LimitExceeded, concat("repeats more than ", kPatternRepeatMax, " times")
      );
    }
    return times;
  }

 private:
  static Bytes escaped_or_plain(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return range(byte, byte);
  }

  bool take(char c) {
    if (over() || text_[at_] != c) {
      return false;
    }
    ++at_;
    return true;
  }

  bool number(std::size_t& out) {
    const std::size_t begin = at_;
    out = 0;
    while (!over() && std::isdigit(static_cast<unsigned char>(text_[at_])) != 0 && at_ - begin < 6
    ) {
      out = out * 10 + static_cast<std::size_t>(text_[at_++] - '0');
    }
    return at_ > begin;
  }

  Result<Bytes> group() {
    const std::size_t begin = at_ - 1;
    const bool inverted = take('^');
    Bytes made;
    bool first = true;
    while (!over() && (first || text_[at_] != ']')) {
      first = false;
      const char c = text_[at_++];
      if (c == '\\') {
        if (over()) {
          break;
        }
        made |= escaped(text_[at_++]);
        continue;
      }
      if (at_ + 1 < text_.size() && text_[at_] == '-' && text_[at_ + 1] != ']') {
        const auto from = static_cast<unsigned char>(c);
        const auto to = static_cast<unsigned char>(text_[at_ + 1]);
        if (from > to) {
          return wrong("the range goes backwards", at_ - 1);
        }
        made |= range(from, to);
        at_ += 2;
        continue;
      }
      made |= escaped_or_plain(c);
    }
    if (!take(']')) {
      return wrong("there is no ]", begin);
    }
    return inverted ? ~made : made;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

bool is_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
  });
}

}  // namespace

Result<std::vector<GuardrailSet::Place>> GuardrailSet::parse(
    std::string_view pattern, bool ignore_case
) {
  if (pattern.size() > kPatternBytesMax) {
    return make_error(
        ErrorCode::LimitExceeded, concat("is longer than ", kPatternBytesMax, " characters")
    );
  }
  std::vector<Place> places;
  Reader reader(pattern);
  while (!reader.over()) {
    REEVE_TRY(Bytes bytes, reader.bytes());
    REEVE_TRY(const auto times, reader.repeats());
    if (ignore_case) {
      bytes = both_cases(bytes);
    }
    const bool unlimited = times.second == kUnlimited;
    const std::size_t count = unlimited ? std::max<std::size_t>(times.first, 1) : times.second;
    for (std::size_t i = 0; i < count; ++i) {
      places.push_back(
          {.bytes = bytes, .repeats = unlimited && i + 1 == count, .optional = i >= times.first}
      );
    }
  }
  if (std::all_of(places.begin(), places.end(), [](const Place& p) { return p.optional; })) {
    return make_error(ErrorCode::Invalid, "matches where there is nothing");
  }
  return places;
}

Result<void> GuardrailSet::add(
    std::string name,
    std::string_view pattern,
    bool ignore_case,
    bool at_word,
    GuardrailAction action
) {
  REEVE_TRY(const std::vector<Place> places, parse(pattern, ignore_case));
  if (places_ + places.size() > kPatternPlacesMax) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat("all patterns together are too long (", kPatternPlacesMax, " places)")
    );
  }
  const auto set = [](Places& all, std::size_t at) {
    all[at / 64] |= 1ULL << (at % 64);
  };
  const std::size_t begin = places_;
  for (const Place& place : places) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      if (place.bytes.test(byte)) {
        set(of_byte_[byte], places_);
      }
    }
    if (place.repeats) {
      set(repeats_, places_);
    }
    if (place.optional) {
      set(optional_, places_);
    }
    rule_of_.push_back(static_cast<std::uint32_t>(rules_.size()));
    ++places_;
  }
  set(starts_, begin);
  for (std::size_t i = 0; i < places.size(); ++i) {
    set(at_word ? first_of_word_ : first_, begin + i);
    if (!places[i].optional) {
      break;
    }
  }
  for (std::size_t i = places.size(); i-- > 0;) {
    set(last_, begin + i);
    if (!places[i].optional) {
      break;
    }
  }
  words_ = (places_ + 63) / 64;
  rules_.push_back({.name = std::move(name), .action = action, .begin = begin, .end = places_});
  return {};
}

Result<void> GuardrailSet::add_secrets(std::string_view name, GuardrailAction action) {
  for (const Known& each : kKnown) {
    REEVE_CHECK(add(
        concat(name, ':', each.name), each.pattern, each.ignore_case, each.pattern[0] != '-', action
    ));
  }
  return {};
}

Result<std::shared_ptr<const GuardrailSet>> GuardrailSet::make(
    const std::vector<GuardrailRule>& rules
) {
  auto made = std::make_shared<GuardrailSet>();
  for (const GuardrailRule& rule : rules) {
    if (!is_name(rule.name)) {
      return make_error(
          ErrorCode::Invalid, "must have letters, digits, \"-\", \"_\" and \".\" only", rule.name
      );
    }
    Result<void> added =
        rule.pattern.empty()
            ? made->add_secrets(rule.name, rule.action)
            : made->add(rule.name, rule.pattern, rule.ignore_case, false, rule.action);
    if (!added) {
      Error error = std::move(added).error();
      error.subject = rule.name;
      return error;
    }
  }
  made->make_begins();
  return std::shared_ptr<const GuardrailSet>(std::move(made));
}

std::shared_ptr<const GuardrailSet> GuardrailSet::secrets() {
  static const std::shared_ptr<const GuardrailSet> kSet = [] {
    GuardrailRule rule{.name = "secrets", .pattern = {}, .action = GuardrailAction::Redact};
    return make({rule}).value();
  }();
  return kSet;
}

}  // namespace reeve::gateway::model
