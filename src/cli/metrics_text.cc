#include "cli/metrics_text.h"

#include <charconv>
#include <cmath>

#include "base/strings.h"

namespace reeve::cli {

namespace {

std::optional<double> number_of(std::string_view text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  return read.ec == std::errc() && read.ptr == end && std::isfinite(value)
             ? std::optional<double>(value)
             : std::nullopt;
}

/// Takes `NAME="VALUE"` from the front; false: it is none.
bool take_label(std::string_view& rest, MetricSample& sample) {
  const std::size_t equals = rest.find("=\"");
  if (equals == std::string_view::npos) {
    return false;
  }
  std::string name(rest.substr(0, equals));
  std::string value;
  std::size_t at = equals + 2;
  for (; at < rest.size() && rest[at] != '"'; ++at) {
    if (rest[at] == '\\' && at + 1 < rest.size()) {
      ++at;
      value += rest[at] == 'n' ? '\n' : rest[at];
    } else {
      value += rest[at];
    }
  }
  if (at == rest.size()) {
    return false;
  }
  sample.labels.emplace_back(std::move(name), std::move(value));
  rest.remove_prefix(at + 1);
  return true;
}

std::optional<MetricSample> sample_of(std::string_view line) {
  MetricSample sample;
  std::size_t at = line.find_first_of("{ ");
  if (line.empty() || line.front() == '#' || at == std::string_view::npos || at == 0) {
    return {};
  }
  sample.name = line.substr(0, at);
  std::string_view rest = line.substr(at);
  if (rest.front() == '{') {
    rest.remove_prefix(1);
    while (!rest.empty() && rest.front() != '}') {
      if (!take_label(rest, sample)) {
        return {};
      }
      if (rest.starts_with(',')) {
        rest.remove_prefix(1);
      }
    }
    if (rest.empty()) {
      return {};
    }
    rest.remove_prefix(1);
  }
  // A time may follow the value.
  rest = trim(rest);
  const std::optional<double> value = number_of(rest.substr(0, rest.find(' ')));
  if (!value) {
    return {};
  }
  sample.value = *value;
  return sample;
}

}  // namespace

std::string_view MetricSample::label(std::string_view label_name) const {
  for (const auto& [known, text] : labels) {
    if (known == label_name) {
      return text;
    }
  }
  return {};
}

std::vector<MetricSample> parse_metrics(std::string_view text) {
  std::vector<MetricSample> samples;
  for (const std::string_view line : split(text, '\n')) {
    if (samples.size() == kMetricSamplesMax) {
      break;
    }
    if (std::optional<MetricSample> sample = sample_of(line)) {
      samples.push_back(std::move(*sample));
    }
  }
  return samples;
}

std::optional<double> metric_sum(const std::vector<MetricSample>& samples, std::string_view name) {
  std::optional<double> sum;
  for (const MetricSample& sample : samples) {
    if (sample.name == name) {
      sum = sum.value_or(0) + sample.value;
    }
  }
  return sum;
}

}  // namespace reeve::cli
