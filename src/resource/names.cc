#include "resource/names.h"

#include <algorithm>
#include <cstdint>

#include "base/strings.h"

namespace reeve::resource {

namespace {

// The words of k8s.io/apimachinery, "validation".
constexpr std::string_view kLabelRule =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used "
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
constexpr std::string_view kSubdomainRule =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
constexpr std::string_view kQualifiedRule =
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
constexpr std::string_view kLabelValueRule =
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  "
    "or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

bool is_lower_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_alnum(char c) {
  return is_lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

bool is_dns_label(std::string_view text) {
  return !text.empty() && is_lower_alnum(text.front()) && is_lower_alnum(text.back()) &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return is_lower_alnum(c) || c == '-';
         });
}

bool is_dns_subdomain(std::string_view text) {
  const std::vector<std::string_view> labels = split(text, '.');
  return std::all_of(labels.begin(), labels.end(), is_dns_label);
}

bool is_qualified_part(std::string_view text) {
  return !text.empty() && is_alnum(text.front()) && is_alnum(text.back()) &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return is_alnum(c) || c == '-' || c == '_' || c == '.';
         });
}

std::string length_problem(std::size_t bytes_max) {
  return concat("must be no more than ", bytes_max, " characters");
}

Problems problems_of(
    std::string_view text,
    std::size_t bytes_max,
    bool (*fits)(std::string_view),
    std::string_view rule
) {
  Problems problems;
  if (text.size() > bytes_max) {
    problems.push_back(length_problem(bytes_max));
  }
  if (!fits(text)) {
    problems.emplace_back(rule);
  }
  return problems;
}

constexpr std::size_t kFreeNameBytesMax = 100;
constexpr std::string_view kFreeRule =
    "must consist of letters, digits, '.', '_' or '-', begin with a letter or digit and have no "
    "\"..\"";
constexpr std::string_view kSegmentRule = "may not be '.' or '..' and may not contain '/' or '%'";

bool is_free_name(std::string_view text) {
  const auto fits = [](char c) {
    return is_alnum(c) || c == '.' || c == '_' || c == '-';
  };
  return !text.empty() && is_alnum(text.front()) && std::all_of(text.begin(), text.end(), fits) &&
         text.find("..") == std::string_view::npos;
}

bool is_segment(std::string_view text) {
  return !text.empty() && text != "." && text != ".." &&
         text.find_first_of("/%") == std::string_view::npos;
}

Problems free_name_problems(std::string_view text) {
  return problems_of(text, kFreeNameBytesMax, is_free_name, kFreeRule);
}

Problems segment_problems(std::string_view text) {
  return problems_of(text, kDnsSubdomainBytesMax, is_segment, kSegmentRule);
}

}  // namespace

Problems dns_label_problems(std::string_view text) {
  return problems_of(text, kDnsLabelBytesMax, is_dns_label, kLabelRule);
}

Problems dns_subdomain_problems(std::string_view text) {
  return problems_of(text, kDnsSubdomainBytesMax, is_dns_subdomain, kSubdomainRule);
}

Problems name_problems(NameRule rule, std::string_view name) {
  switch (rule) {
    case NameRule::Label:
      return dns_label_problems(name);
    case NameRule::Subdomain:
      return dns_subdomain_problems(name);
    case NameRule::Free:
      return free_name_problems(name);
    case NameRule::Segment:
      return segment_problems(name);
  }
  return {};
}

Problems name_prefix_problems(NameRule rule, std::string_view prefix) {
  std::string whole(prefix);
  if (whole.size() > 1 && whole.back() == '-') {
    whole.back() = 'a';
  }
  return name_problems(rule, whole);
}

Problems qualified_name_problems(std::string_view text) {
  const std::vector<std::string_view> parts = split(text, '/');
  if (parts.size() > 2) {
    return {concat(
        "a qualified name ",
        kQualifiedRule,
        " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
    )};
  }
  Problems problems;
  if (parts.size() == 2) {
    if (parts[0].empty()) {
      problems.emplace_back("prefix part must be non-empty");
    } else {
      for (const std::string& problem : dns_subdomain_problems(parts[0])) {
        problems.push_back(concat("prefix part ", problem));
      }
    }
  }
  const std::string_view name = parts.back();
  if (name.empty()) {
    problems.emplace_back("name part must be non-empty");
  } else if (name.size() > kLabelNameBytesMax) {
    problems.push_back(concat("name part ", length_problem(kLabelNameBytesMax)));
  }
  if (!is_qualified_part(name)) {
    problems.push_back(concat("name part ", kQualifiedRule));
  }
  return problems;
}

Problems label_value_problems(std::string_view text) {
  return problems_of(
      text,
      kLabelValueBytesMax,
      [](std::string_view value) { return value.empty() || is_qualified_part(value); },
      kLabelValueRule
  );
}

Problems finalizer_problems(std::string_view text) {
  Problems problems = qualified_name_problems(text);
  const bool standard =
      text == kForegroundFinalizer || text == kOrphanFinalizer || text == "kubernetes";
  if (problems.empty() && !standard && text.find('/') == std::string_view::npos) {
    problems.emplace_back("name is neither a standard finalizer name nor is it fully qualified");
  }
  return problems;
}

}  // namespace reeve::resource
