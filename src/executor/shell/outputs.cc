#include "executor/shell/outputs.h"

#include <algorithm>

#include "base/strings.h"

namespace reeve::executor::shell {

namespace {

constexpr std::string_view kPrefix = "::set-output name=";
constexpr std::string_view kStdout = "::set-output";
constexpr std::string_view kFile = "$REEVE_OUTPUT";
/// Room for the prefix, the separator and white space around the line.
constexpr std::size_t kLineBytesMax =
    model::kOutputNameBytesMax + model::kOutputValueBytesMax + std::size_t{1024};

bool is_name(std::string_view name) {
  return !name.empty() && is_utf8(name) && std::none_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20U || c == 0x7f;
  });
}

/// A name as it may be printed in a warning.
std::string printable(std::string_view name) {
  return is_name(name) ? std::string(name.substr(0, model::kOutputNameBytesMax)) : "(unprintable)";
}

/// The next line of `rest` without its newline and carriage return.
std::string_view next_line(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  std::string_view line = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  if (line.ends_with('\r')) {
    line.remove_suffix(1);
  }
  return line;
}

/// Reads the lines up to `delimiter` as one value; false: the delimiter never came.
bool read_heredoc(
    std::string_view& rest, std::string_view delimiter, int& number, std::string& value
) {
  bool first = true;
  while (!rest.empty()) {
    const std::string_view line = next_line(rest);
    ++number;
    if (line == delimiter) {
      return true;
    }
    if (!first) {
      value.push_back('\n');
    }
    first = false;
    value.append(line);
  }
  return false;
}

}  // namespace

void OutputCollector::warn(std::string text) {
  if (warnings_.size() < model::kWarningsMax) {
    warnings_.push_back(std::move(text));
  }
}

void OutputCollector::add(std::string_view name, std::string_view value, std::string_view origin) {
  const std::string label = concat("output ", printable(name.substr(0, 4096)), " (", origin, ") ");
  if (!is_name(name)) {
    return warn(concat(label, "was ignored: its name is empty or has control characters"));
  }
  if (name.size() > model::kOutputNameBytesMax) {
    return warn(
        concat(label, "was ignored: its name is longer than ", model::kOutputNameBytesMax, " bytes")
    );
  }
  if (value.size() > model::kOutputValueBytesMax) {
    return warn(concat(
        label, "was ignored: its value is longer than ", model::kOutputValueBytesMax, " bytes"
    ));
  }
  if (!is_utf8(value)) {
    return warn(concat(label, "was ignored: its value is not UTF-8"));
  }
  const auto found = std::find_if(values_.begin(), values_.end(), [&](const auto& entry) {
    return entry.first == name;
  });
  const bool known = found != values_.end();
  const std::size_t freed = known ? name.size() + found->second.size() : 0;
  const std::size_t bytes = bytes_ - freed + name.size() + value.size();
  if (bytes > model::kOutputsBytesMax) {
    return warn(concat(
        label, "was ignored: all outputs together exceed ", model::kOutputsBytesMax, " bytes"
    ));
  }
  if (!known && values_.size() >= model::kOutputsMax) {
    return warn(concat(label, "was ignored: more than ", model::kOutputsMax, " outputs"));
  }
  bytes_ = bytes;
  if (known) {
    found->second = std::string(value);
  } else {
    values_.emplace_back(std::string(name), std::string(value));
  }
}

void SetOutputScanner::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    const std::size_t room = kLineBytesMax - line_.size();
    too_long_ = too_long_ || piece.size() > room;
    line_.append(piece.substr(0, room));
    if (end == std::string_view::npos) {
      return;
    }
    take_line();
    bytes.remove_prefix(end + 1);
  }
}

void SetOutputScanner::finish() {
  take_line();
}

void SetOutputScanner::take_line() {
  const std::string_view line = trim(line_);
  if (line.starts_with(kPrefix)) {
    const std::string_view rest = line.substr(kPrefix.size());
    const std::size_t split_at = rest.find("::");
    if (split_at == std::string_view::npos) {
      out_.warn("a ::set-output line was ignored: expected ::set-output name=NAME::VALUE");
    } else if (too_long_) {
      out_.warn(concat(
          "output ",
          printable(rest.substr(0, split_at)),
          " (::set-output) was ignored: its line is longer than ",
          kLineBytesMax,
          " bytes"
      ));
    } else {
      out_.add(trim(rest.substr(0, split_at)), rest.substr(split_at + 2), kStdout);
    }
  }
  line_.clear();
  too_long_ = false;
}

OutputCollector parse_set_outputs(std::string_view text) {
  OutputCollector out;
  SetOutputScanner scanner(out);
  scanner.feed(text);
  scanner.finish();
  return out;
}

OutputCollector parse_output_file(std::string_view text) {
  OutputCollector out;
  int number = 0;
  while (!text.empty()) {
    const std::string_view line = next_line(text);
    ++number;
    if (trim(line).empty()) {
      continue;
    }
    const std::size_t equals = line.find('=');
    const std::size_t heredoc = line.find("<<");
    if (heredoc < equals) {
      const std::string_view name = trim(line.substr(0, heredoc));
      const std::string_view delimiter = trim(line.substr(heredoc + 2));
      const int start = number;
      std::string value;
      if (delimiter.empty() || !read_heredoc(text, delimiter, number, value)) {
        out.warn(concat(
            "output ",
            printable(name),
            " (",
            kFile,
            ", line ",
            start,
            ") was ignored: the delimiter that ends its value is missing"
        ));
      } else {
        out.add(name, value, kFile);
      }
    } else if (equals != std::string_view::npos) {
      out.add(trim(line.substr(0, equals)), line.substr(equals + 1), kFile);
    } else {
      out.warn(concat(
          "line ", number, " of ", kFile, " was ignored: expected NAME=VALUE or NAME<<DELIMITER"
      ));
    }
  }
  return out;
}

}  // namespace reeve::executor::shell
