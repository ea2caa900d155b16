#include "gateway/model/format/guardrail.h"

#include <algorithm>
#include <bit>
#include <cctype>
#include <utility>

#include "base/strings.h"

namespace reeve::gateway::model {

namespace {

constexpr std::size_t kNowhere = SIZE_MAX;

bool is_word(unsigned char c) {
  return std::isalnum(c) != 0;
}

/// What is before a byte. The letter of an escape ("\n" in JSON) is no letter.
unsigned char byte_before(std::string_view text, std::size_t at) {
  constexpr std::string_view kEscapes = "bfnrt";
  if (at == 0 ||
      (at >= 2 && text[at - 2] == '\\' && kEscapes.find(text[at - 1]) != std::string_view::npos)) {
    return ' ';
  }
  return static_cast<unsigned char>(text[at - 1]);
}

}  // namespace

std::string_view to_string(GuardrailAction action) {
  switch (action) {
    case GuardrailAction::Report:
      return "report";
    case GuardrailAction::Redact:
      return "redact";
    case GuardrailAction::Block:
      return "block";
  }
  return "";
}

bool GuardrailSet::any(const Places& places) const {
  for (std::size_t word = 0; word < words_; ++word) {
    if (places[word] != 0) {
      return true;
    }
  }
  return false;
}

/// A place that has matched leads to the next one, and to those behind it as long as they may be
/// left out; one that repeats leads to itself. Words beyond words_ are never touched.
void GuardrailSet::step(Places& active, unsigned char byte, unsigned char before, bool starts)
    const {
  Places next{};
  std::uint64_t carry = 0;
  for (std::size_t word = 0; word < words_; ++word) {
    next[word] = ((active[word] << 1U) | carry) & ~starts_[word];
    carry = active[word] >> 63U;
  }
  for (bool more = true; more;) {
    more = false;
    carry = 0;
    for (std::size_t word = 0; word < words_; ++word) {
      const std::uint64_t skipped = next[word] & optional_[word];
      const std::uint64_t added = ((skipped << 1U) | carry) & ~starts_[word] & ~next[word];
      carry = skipped >> 63U;
      next[word] |= added;
      more = more || added != 0;
    }
  }
  const bool at_word = starts && !is_word(before);
  for (std::size_t word = 0; word < words_; ++word) {
    std::uint64_t reached = next[word] | (active[word] & repeats_[word]);
    if (starts) {
      reached |= first_[word];
    }
    if (at_word) {
      reached |= first_of_word_[word];
    }
    active[word] = reached & of_byte_[byte][word];
  }
}

void GuardrailSet::make_begins() {
  for (unsigned first = 0; first < 256; ++first) {
    Places active{};
    step(active, static_cast<unsigned char>(first), ' ', true);
    if (!any(active)) {
      continue;
    }
    bool is_over = false;
    for (std::size_t word = 0; word < words_; ++word) {
      is_over = is_over || (active[word] & last_[word]) != 0;
    }
    for (unsigned second = 0; second < 256; ++second) {
      Places then = active;
      step(then, static_cast<unsigned char>(second), ' ', false);
      if (is_over || any(then)) {
        begins_.set(first * 256 + second);
      }
    }
  }
}

bool GuardrailSet::may_begin(std::string_view text, std::size_t at) const {
  return at + 1 >= text.size() || begins_.test(
                                      static_cast<unsigned char>(text[at]) * std::size_t{256} +
                                      static_cast<unsigned char>(text[at + 1])
                                  );
}

std::size_t GuardrailSet::begin_of(
    const Rule& rule, std::string_view text, std::size_t least, std::size_t end
) const {
  // Backwards, place by place: patterns are short, and so is what is found, mostly.
  const auto test = [](const Places& all, std::size_t at) {
    return (all[at / 64] >> (at % 64) & 1U) != 0;
  };
  std::vector<bool> active(rule.end - rule.begin, false);
  std::vector<bool> next(active.size(), false);
  std::size_t found = kNowhere;
  for (std::size_t at = end; at-- > least;) {
    const Places& of_byte = of_byte_[static_cast<unsigned char>(text[at])];
    std::fill(next.begin(), next.end(), false);
    bool any_left = false;
    bool through = at + 1 == end;  // whether the place to the right of this one was reached
    for (std::size_t i = active.size(); i-- > 0;) {
      const std::size_t place = rule.begin + i;
      // `through` says for the place to the right: it matched the byte to the right, or was left
      // out.
      const bool last = at + 1 == end && test(last_, place);
      const bool reached = at + 1 == end ? last : through || (active[i] && test(repeats_, place));
      next[i] = reached && test(of_byte, place);
      any_left = any_left || next[i];
      if (at + 1 != end) {
        through = active[i] || (through && test(optional_, place));
      }
      if (next[i] && (test(first_, place) ||
                      (test(first_of_word_, place) && !is_word(byte_before(text, at))))) {
        found = at;
      }
    }
    active.swap(next);
    if (!any_left || end - at >= kFindingBytesMax) {
      break;
    }
  }
  return found;
}

std::size_t GuardrailSet::end_of(
    const Rule& rule, std::string_view text, std::size_t begin, std::size_t end
) const {
  const std::size_t most = std::min(text.size(), begin + kFindingBytesMax);
  Places own{};
  for (std::size_t place = rule.begin; place < rule.end; ++place) {
    own[place / 64] |= 1ULL << (place % 64);
  }
  Places active{};
  for (std::size_t at = begin; at < most; ++at) {
    // It begins here, word or not: that was looked at.
    step(active, static_cast<unsigned char>(text[at]), ' ', at == begin);
    bool over = false;
    bool left = false;
    for (std::size_t word = 0; word < words_; ++word) {
      active[word] &= own[word];
      over = over || (active[word] & last_[word]) != 0;
      left = left || active[word] != 0;
    }
    if (over) {
      end = std::max(end, at + 1);
    }
    if (!left) {
      break;
    }
  }
  return end;
}

std::vector<Finding> GuardrailSet::find(std::string_view text) const {
  std::vector<Finding> found;
  std::vector<std::size_t> last_end(rules_.size(), 0);
  Places active{};
  bool is_active = false;
  for (std::size_t at = 0; at < text.size() && found.size() < kFindingsMax; ++at) {
    if (!is_active && !may_begin(text, at)) {
      continue;
    }
    step(active, static_cast<unsigned char>(text[at]), byte_before(text, at), true);
    is_active = false;
    for (std::size_t word = 0; word < words_; ++word) {
      is_active = is_active || active[word] != 0;
      for (std::uint64_t over = active[word] & last_[word]; over != 0; over &= over - 1) {
        const std::size_t place = word * 64 + static_cast<std::size_t>(std::countr_zero(over));
        const std::size_t rule = rule_of_[place];
        if (at + 1 <= last_end[rule]) {
          continue;
        }
        ByteRange range{begin_of(rules_[rule], text, last_end[rule], at + 1), at + 1};
        if (range.begin == kNowhere) {
          // It goes on from what was found before.
          range.begin = last_end[rule];
        } else {
          range.end = end_of(rules_[rule], text, range.begin, range.end);
        }
        last_end[rule] = range.end;
        found.push_back({.rule = rule, .action = rules_[rule].action, .at = range});
      }
    }
  }
  const bool too_many = found.size() >= kFindingsMax;
  std::sort(found.begin(), found.end(), [](const Finding& a, const Finding& b) {
    return std::pair(a.at.begin, a.rule) < std::pair(b.at.begin, b.rule);
  });
  std::vector<Finding> merged;
  for (const Finding& each : found) {
    const bool same = !merged.empty() && merged.back().rule == each.rule;
    if (merged.empty() || each.at.begin > merged.back().at.end ||
        (each.at.begin == merged.back().at.end && !same)) {
      merged.push_back(each);
      continue;
    }
    Finding& last = merged.back();
    last.at.end = std::max(last.at.end, each.at.end);
    if (each.action > last.action) {
      last.action = each.action;
      last.rule = each.rule;
    }
  }
  if (too_many) {
    merged.back().at.end = text.size();
    for (const Finding& each : merged) {
      merged.back().action = std::max(merged.back().action, each.action);
    }
  }
  return merged;
}

GuardrailSearch::GuardrailSearch(std::shared_ptr<const GuardrailSet> set)
    : set_(std::move(set)), found_(set_->rules_.size(), false) {}

std::vector<std::size_t> GuardrailSearch::feed(std::string_view piece) {
  std::vector<std::size_t> news;
  for (std::size_t at = 0; at < piece.size(); ++at) {
    const auto byte = static_cast<unsigned char>(piece[at]);
    if (any_active_ || set_->may_begin(piece, at)) {
      set_->step(active_, byte, before_, true);
      any_active_ = false;
      for (std::size_t word = 0; word < set_->words_; ++word) {
        any_active_ = any_active_ || active_[word] != 0;
        for (std::uint64_t over = active_[word] & set_->last_[word]; over != 0; over &= over - 1) {
          const std::size_t place = word * 64 + static_cast<std::size_t>(std::countr_zero(over));
          const std::size_t rule = set_->rule_of_[place];
          if (!found_[rule]) {
            found_[rule] = true;
            news.push_back(rule);
          }
        }
      }
    }
    before_ = byte;
  }
  return news;
}

std::string redaction_of(const GuardrailSet& set, std::size_t rule) {
  return concat("[redacted:", set.name(rule), ']');
}

std::string redact(const GuardrailSet& set, std::string_view text) {
  std::string out;
  std::size_t at = 0;
  for (const Finding& each : set.find(text)) {
    if (each.action == GuardrailAction::Report) {
      continue;
    }
    out += text.substr(at, each.at.begin - at);
    out += redaction_of(set, each.rule);
    at = each.at.end;
  }
  out += text.substr(at);
  return out;
}

}  // namespace reeve::gateway::model
