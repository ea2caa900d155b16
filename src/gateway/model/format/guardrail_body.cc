#include <algorithm>

#include "gateway/model/format/guardrail.h"
#include "gateway/model/format/json_stream.h"

namespace reeve::gateway::model {

namespace {

constexpr int kDepthMax = 512;

/// Whether the byte at `at` is behind an odd number of backslashes.
bool is_escaped(std::string_view text, std::size_t at) {
  std::size_t count = 0;
  while (count < at && text[at - count - 1] == '\\') {
    ++count;
  }
  return count % 2 == 1;
}

/// Looks into the strings of a body: where they are, and what they say.
class Strings final : public JsonSink {
 public:
  Strings(const GuardrailSet& set, std::string_view body, std::vector<Finding>& findings)
      : set_(set), body_(body), findings_(findings) {}

  void on_begin(bool /*object*/, std::size_t /*at*/) override {}

  void on_end(bool /*object*/, std::size_t /*end*/) override {}

  void on_literal(std::string_view /*text*/, ByteRange /*at*/) override {}

  void on_key(std::string_view name, ByteRange at) override {
    if (at.size() != name.size() + 2) {
      look_again(name, 0);
    }
  }

  void on_text(std::string_view piece) override { decoded_ += piece; }

  void on_string(std::string_view /*kept*/, std::size_t size, ByteRange at) override {
    // Findings and strings come in the same order.
    while (next_ < findings_.size() && findings_[next_].at.begin <= at.begin) {
      not_replaced(findings_[next_++]);
    }
    std::size_t inside = 0;
    while (next_ < findings_.size() && findings_[next_].at.begin < at.end) {
      Finding& finding = findings_[next_++];
      inside += finding.at.end < at.end ? 1U : 0U;
      if (!fit(finding, at)) {
        not_replaced(finding);
      }
    }
    // Escapes make it longer than what it says.
    if (at.size() != size + 2) {
      look_again(decoded_, inside);
    }
    decoded_.clear();
  }

  /// The severest action of what cannot be replaced where it stands.
  GuardrailAction irreplaceable() {
    while (next_ < findings_.size()) {
      not_replaced(findings_[next_++]);
    }
    return irreplaceable_;
  }

 private:
  void not_replaced(const Finding& finding) {
    irreplaceable_ = std::max(irreplaceable_, finding.action);
  }

  /// What is only there once escapes are read.
  void look_again(std::string_view decoded, std::size_t known) {
    const std::vector<Finding> found = set_.find(decoded);
    if (found.size() > known) {
      for (const Finding& each : found) {
        not_replaced(each);
      }
    }
  }

  /// Makes it end where no escape is cut in two. False: there is no such place.
  bool fit(Finding& finding, ByteRange string) {
    constexpr std::size_t kUnicodeBytes = 6;
    ByteRange& at = finding.at;
    if (at.end >= string.end) {
      return false;
    }
    at.begin -= is_escaped(body_, at.begin) ? 1U : 0U;
    at.end += is_escaped(body_, at.end) ? 1U : 0U;
    const auto cuts_unicode = [&](std::size_t place) {
      const std::size_t from = place - std::min(place, kUnicodeBytes - 1);
      return body_.substr(from, place - from).find("\\u") != std::string_view::npos;
    };
    return at.end < string.end && !cuts_unicode(at.begin) && !cuts_unicode(at.end);
  }

  const GuardrailSet& set_;
  std::string_view body_;
  std::vector<Finding>& findings_;
  std::string decoded_;
  std::size_t next_ = 0;
  GuardrailAction irreplaceable_ = GuardrailAction::Report;
};

}  // namespace

BodyFindings search_body(const GuardrailSet& set, std::string_view body) {
  BodyFindings result;
  if (set.empty()) {
    return result;
  }
  result.findings = set.find(body);
  if (result.findings.empty() && body.find('\\') == std::string_view::npos) {
    return result;
  }
  Strings strings(set, body, result.findings);
  JsonStream stream(strings, kDepthMax);
  GuardrailAction irreplaceable = GuardrailAction::Report;
  const bool is_json = stream.feed(body) && stream.finish();
  irreplaceable = strings.irreplaceable();
  for (const Finding& each : result.findings) {
    result.action = std::max(result.action, each.action);
    irreplaceable = is_json ? irreplaceable : std::max(irreplaceable, each.action);
  }
  if (irreplaceable != GuardrailAction::Report) {
    result.irreplaceable = true;
    result.action = GuardrailAction::Block;
  }
  return result;
}

}  // namespace reeve::gateway::model
