#include "telemetry/exposition.h"

#include <array>
#include <charconv>
#include <cmath>

#include "base/strings.h"

namespace reeve::telemetry {
namespace {

enum class Dialect : std::uint8_t { Prometheus, OpenMetrics };

std::string_view type_name(MetricType type) {
  switch (type) {
    case MetricType::Counter:
      return "counter";
    case MetricType::Gauge:
      return "gauge";
    case MetricType::Histogram:
      return "histogram";
  }
  return "untyped";
}

/// Backslash and line end, in labels and in all of OpenMetrics also the quote.
std::string escaped(std::string_view text, bool quotes) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out.append("\\\\");
    } else if (c == '\n') {
      out.append("\\n");
    } else if (c == '"' && quotes) {
      out.append("\\\"");
    } else {
      out.push_back(c);
    }
  }
  return out;
}

class Writer {
 public:
  Writer(const ExposedFamily& family, Dialect dialect, std::string& out)
      : family_(family), dialect_(dialect), out_(out) {}

  void write() {
    std::string_view name = family_.name;
    const bool open = dialect_ == Dialect::OpenMetrics;
    if (open && family_.type == MetricType::Counter) {
      // There the suffix belongs to the sample, not to the metric.
      name.remove_suffix(std::string_view("_total").size());
    }
    const std::string help = concat("# HELP ", name, ' ', escaped(family_.help, open), '\n');
    const std::string type = concat("# TYPE ", name, ' ', type_name(family_.type), '\n');
    out_.append(help).append(type);
    for (const ExposedSeries& series : family_.series) {
      if (family_.type == MetricType::Histogram) {
        histogram(series);
      } else {
        line("", series, {}, exposed_number(series.value));
      }
    }
  }

 private:
  void histogram(const ExposedSeries& series) {
    const Histogram::Reading& reading = series.histogram;
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < reading.counts.size(); ++i) {
      below += reading.counts[i];
      const std::string bound =
          i < family_.bounds.size() ? bound_text(family_.bounds[i]) : std::string("+Inf");
      line("_bucket", series, bound, std::to_string(below));
    }
    line("_sum", series, {}, exposed_number(reading.sum));
    line("_count", series, {}, std::to_string(reading.count));
  }

  /// OpenMetrics wants `1.0` where the number is whole.
  std::string bound_text(double bound) const {
    std::string text = exposed_number(bound);
    if (dialect_ == Dialect::OpenMetrics && text.find_first_of(".eE") == std::string::npos) {
      text.append(".0");
    }
    return text;
  }

  void line(
      std::string_view suffix,
      const ExposedSeries& series,
      std::string_view bound,
      std::string_view value
  ) {
    out_.append(family_.name).append(suffix);
    std::string labels;
    for (std::size_t i = 0; i < series.labels.size(); ++i) {
      labels.append(
          concat(i == 0 ? "" : ",", family_.labels[i], "=\"", escaped(series.labels[i], true), '"')
      );
    }
    if (!bound.empty()) {
      labels.append(concat(labels.empty() ? "" : ",", "le=\"", bound, '"'));
    }
    if (!labels.empty()) {
      out_.append(concat('{', labels, '}'));
    }
    out_.append(concat(' ', value, '\n'));
  }

  const ExposedFamily& family_;
  Dialect dialect_;
  std::string& out_;
};

std::string expose(const std::vector<ExposedFamily>& families, Dialect dialect) {
  std::string out;
  for (const ExposedFamily& family : families) {
    if (!family.series.empty()) {
      Writer(family, dialect, out).write();
    }
  }
  return out;
}

/// The weight of a media type in an `Accept` header (RFC 9110, 12.5.1), in thousandths; `q` that
/// cannot be read counts as 0.
int weight_of(std::string_view range) {
  const std::vector<std::string_view> parts = split(range, ';');
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const std::string parameter = to_lower(trim(parts[i]));
    if (!parameter.starts_with("q=")) {
      continue;
    }
    double weight = 0;
    const char* end = parameter.data() + parameter.size();
    const auto read = std::from_chars(parameter.data() + 2, end, weight);
    if (read.ec != std::errc() || read.ptr != end || !(weight >= 0 && weight <= 1)) {
      return 0;
    }
    constexpr double kThousandths = 1000;
    return static_cast<int>(std::lround(weight * kThousandths));
  }
  return 1000;
}

}  // namespace

std::string exposed_number(double number) {
  if (std::isnan(number)) {
    return "NaN";
  }
  if (std::isinf(number)) {
    return number > 0 ? "+Inf" : "-Inf";
  }
  constexpr std::size_t kRoom = 32;
  std::array<char, kRoom> buffer{};
  const auto written = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number);
  return {buffer.data(), written.ptr};
}

std::string expose_prometheus(const std::vector<ExposedFamily>& families) {
  return expose(families, Dialect::Prometheus);
}

std::string expose_openmetrics(const std::vector<ExposedFamily>& families) {
  return expose(families, Dialect::OpenMetrics) + "# EOF\n";
}

bool wants_openmetrics(std::string_view accept) {
  int open = 0;
  int text = 0;
  for (const std::string_view range : split(accept, ',')) {
    const std::string type = to_lower(trim(split(range, ';').front()));
    if (type == "application/openmetrics-text") {
      open = std::max(open, weight_of(range));
    } else if (type == "text/plain" || type == "text/*" || type == "*/*") {
      text = std::max(text, weight_of(range));
    }
  }
  return open > 0 && open >= text;
}

}  // namespace reeve::telemetry
