#include "telemetry/log_encoding.h"

#include <cmath>

#include "base/json.h"
#include "base/strings.h"
#include "telemetry/log.h"

namespace reeve::telemetry {
namespace {

/// A character beyond this one belongs to a longer sequence.
constexpr unsigned char kAsciiMax = 0x7F;

std::string value_text(const Field::Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    return *text;
  }
  if (const auto* flag = std::get_if<bool>(&value)) {
    return *flag ? "true" : "false";
  }
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    return std::to_string(*number);
  }
  if (const auto* number = std::get_if<std::uint64_t>(&value)) {
    return std::to_string(*number);
  }
  const double number = std::get<double>(value);
  if (std::isnan(number)) {
    return "NaN";
  }
  if (std::isinf(number)) {
    return number > 0 ? "Infinity" : "-Infinity";
  }
  return Json(number).dump();
}

/// Whether the value is a JSON text as it is.
bool is_bare(const Field::Value& value) {
  const auto* number = std::get_if<double>(&value);
  return !std::holds_alternative<std::string>(value) &&
         (number == nullptr || std::isfinite(*number));
}

void text_member(JsonWriter& writer, std::string_view name, std::string_view text) {
  writer.member(name, text);
}

/// A record with everything masked and cut, ready to be laid out.
class Encoder {
 public:
  Encoder(const LogRecord& record, const Redaction& redact)
      : record_(record), redact_(redact), truncated_(record.truncated) {}

  std::string json();
  std::string text();

 private:
  std::string clean(std::string_view raw, std::size_t bytes_max);
  void fields(JsonWriter& writer);
  bool overridden(std::size_t index) const;

  const LogRecord& record_;
  const Redaction& redact_;
  bool truncated_;
};

std::string Encoder::clean(std::string_view raw, std::size_t bytes_max) {
  constexpr std::size_t kCharacterBytesMax = 4;
  std::string masked = redact_ ? redact_(raw) : std::string(raw);
  if (raw.size() + kCharacterBytesMax > bytes_max + kLogSlackBytes) {
    // The end was cut off before: whatever a secret left there is within the slack.
    masked.resize(masked.size() > kLogSlackBytes ? masked.size() - kLogSlackBytes : 0);
    truncated_ = true;
  }
  if (masked.size() > bytes_max) {
    masked.resize(bytes_max);
    truncated_ = true;
  }
  if (truncated_) {
    masked.resize(cut_utf8(masked, bytes_max).size());
  }
  return masked;
}

bool Encoder::overridden(std::size_t index) const {
  for (std::size_t later = index + 1; later < record_.fields.size(); ++later) {
    if (record_.fields[later].name == record_.fields[index].name) {
      return true;
    }
  }
  return false;
}

void Encoder::fields(JsonWriter& writer) {
  writer.key("fields");
  writer.begin_object();
  for (std::size_t i = 0; i < record_.fields.size(); ++i) {
    if (overridden(i)) {
      continue;
    }
    const Field& field = record_.fields[i];
    const std::string raw = value_text(field.value);
    const std::string cleaned = clean(raw, kLogFieldBytesMax);
    writer.key(clean(field.name, kLogFieldBytesMax));
    if (!is_bare(field.value) || cleaned != raw) {
      writer.value(std::string_view(cleaned));
    } else if (const auto* flag = std::get_if<bool>(&field.value)) {
      writer.value(*flag);
    } else if (const auto* number = std::get_if<std::int64_t>(&field.value)) {
      writer.value(*number);
    } else if (const auto* natural = std::get_if<std::uint64_t>(&field.value)) {
      writer.value(*natural);
    } else {
      writer.value(Json(std::get<double>(field.value)));
    }
  }
  writer.end_object();
}

std::string Encoder::json() {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  text_member(writer, "timestamp", format_timestamp(record_.at));
  writer.member("level", to_string(record_.level));
  text_member(writer, "logger", record_.module);
  text_member(writer, "message", clean(record_.message, kLogMessageBytesMax));
  if (const Correlation* correlation = record_.correlation.get()) {
    if (!correlation->id.empty()) {
      text_member(writer, "correlation_id", clean(correlation->id.view(), kLogFieldBytesMax));
    }
    if (correlation->trace.valid()) {
      text_member(writer, "trace_id", correlation->trace.trace_id.hex());
      text_member(writer, "span_id", correlation->trace.span_id.hex());
    }
    if (!correlation->principal.empty()) {
      text_member(writer, "principal", clean(correlation->principal.view(), kLogFieldBytesMax));
    }
  }
  writer.member("process_id", record_.process);
  writer.member("thread_id", record_.thread);
  if (!record_.fields.empty()) {
    fields(writer);
  }
  if (truncated_) {
    writer.member("truncated", true);
  }
  writer.end_object();
  out.push_back('\n');
  return out;
}

/// `text` for a terminal: whatever could move the cursor or begin a line is spelled out.
void append_visible(std::string& out, std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text.substr(i));
    const auto first = static_cast<unsigned char>(text[i]);
    if (length == 0) {
      out.append("\xEF\xBF\xBD");
      ++i;
      continue;
    }
    // U+0080 to U+009F are control characters too.
    const bool second_set =
        length == 2 && first == 0xC2U && static_cast<unsigned char>(text[i + 1]) < 0xA0U;
    if (first == '\n') {
      out.append("\\n");
    } else if (first < ' ' || first == kAsciiMax || second_set) {
      const std::string_view last = text.substr(i + length - 1, 1);
      out.append(concat("\\x", to_hex(last)));
    } else {
      out.append(text.substr(i, length));
    }
    i += length;
  }
}

bool needs_quotes(std::string_view text) {
  return text.empty() || text.find_first_of(" \t\"=") != std::string_view::npos;
}

void append_pair(std::string& out, std::string_view name, std::string_view value) {
  out.push_back(' ');
  append_visible(out, name);
  out.push_back('=');
  if (!needs_quotes(value)) {
    append_visible(out, value);
    return;
  }
  out.push_back('"');
  append_visible(out, replace_all(value, "\"", "\\\""));
  out.push_back('"');
}

std::string Encoder::text() {
  std::string out = concat(format_timestamp(record_.at), ' ', to_upper(to_string(record_.level)));
  constexpr std::size_t kLevelWidth = 5;
  out.append(kLevelWidth - to_string(record_.level).size() + 1, ' ');
  out.append(concat(record_.module, ": "));
  append_visible(out, clean(record_.message, kLogMessageBytesMax));
  for (std::size_t i = 0; i < record_.fields.size(); ++i) {
    if (!overridden(i)) {
      append_pair(
          out,
          clean(record_.fields[i].name, kLogFieldBytesMax),
          clean(value_text(record_.fields[i].value), kLogFieldBytesMax)
      );
    }
  }
  if (const Correlation* correlation = record_.correlation.get()) {
    if (!correlation->principal.empty()) {
      append_pair(out, "principal", clean(correlation->principal.view(), kLogFieldBytesMax));
    }
    if (!correlation->id.empty()) {
      append_pair(out, "correlation_id", clean(correlation->id.view(), kLogFieldBytesMax));
    }
  }
  if (truncated_) {
    append_pair(out, "truncated", "true");
  }
  out.push_back('\n');
  return out;
}

}  // namespace

std::string_view cut_utf8(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max &&
      (text.empty() || utf8_length(text.substr(text.size() - 1)) == 1)) {
    return text;
  }
  text = text.substr(0, bytes_max);
  // At most three bytes of a sequence can be there without its end.
  for (std::size_t back = 1; back <= 4 && back <= text.size(); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if (byte <= kAsciiMax) {
      break;
    }
    if (byte >= 0xC0U) {
      const bool whole = utf8_length(text.substr(text.size() - back)) == back;
      return whole ? text : text.substr(0, text.size() - back);
    }
  }
  return text;
}

std::string encode_log_record(const LogRecord& record, LogFormat format, const Redaction& redact) {
  Encoder encoder(record, redact);
  return format == LogFormat::Json ? encoder.json() : encoder.text();
}

}  // namespace reeve::telemetry
