#include "workflow/lint/formats.h"

#include <algorithm>

#include "base/strings.h"

namespace reeve::lint {

namespace {

constexpr std::string_view kSarifSchema = "https://json.schemastore.org/sarif-2.1.0.json";

std::string_view line_of(std::string_view text, int number) {
  std::size_t begin = 0;
  for (int line = 1; line < number; ++line) {
    const std::size_t end = text.find('\n', begin);
    if (end == std::string_view::npos) {
      return {};
    }
    begin = end + 1;
  }
  std::string_view line = text.substr(begin, text.find('\n', begin) - begin);
  if (line.ends_with('\r')) {
    line.remove_suffix(1);
  }
  return line;
}

bool inside_character(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

/// The line with a caret below the column (from 1).
std::string excerpt(std::string_view text, Position position) {
  std::string_view line = line_of(text, position.line);
  if (position.line < 1 || trim(line).empty()) {
    return {};
  }
  std::size_t column =
      std::min(line.size(), static_cast<std::size_t>(std::max(position.column, 1)) - 1);
  std::string_view dots;
  if (line.size() > kExcerptMax) {
    std::size_t begin = column > kExcerptMax / 2 ? column - kExcerptMax / 2 : 0;
    while (begin > 0 && inside_character(line[begin])) {
      --begin;
    }
    std::size_t length = std::min(kExcerptMax, line.size() - begin);
    while (begin + length < line.size() && inside_character(line[begin + length])) {
      ++length;
    }
    line = line.substr(begin, length);
    column -= begin;
    dots = begin > 0 ? "…" : "";
  }
  const std::string number = std::to_string(position.line);
  std::string below(dots.empty() ? 0 : 1, ' ');
  for (const char c : line.substr(0, column)) {
    // Tabs stay tabs, so that the caret is below its place whatever their width is.
    below += c == '\t' ? "\t" : inside_character(c) ? "" : " ";
  }
  return concat(
      "  ", number, " | ", dots, line, "\n  ", std::string(number.size(), ' '), " | ", below, "^\n"
  );
}

/// "error", "warning", "note".
std::string_view sarif_level(Severity severity) {
  switch (severity) {
    case Severity::Error:
      return "error";
    case Severity::Warning:
      return "warning";
    case Severity::Info:
      return "note";
  }
  return "none";
}

/// Path as a URI reference: everything but letters, digits and `-._~/` is escaped.
std::string to_uri(std::string_view path) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string uri = path.starts_with('/') ? "file://" : "";
  for (const char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~/").find(c) != std::string_view::npos;
    if (plain) {
      uri.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      uri += concat("%", kDigits[byte >> 4U], kDigits[byte & 0xFU]);
    }
  }
  return uri;
}

Json sarif_text(std::string text) {
  return Json::object().set("text", std::move(text));
}

Json sarif_rule(std::string_view id) {
  Json rule = Json::object();
  rule.set("id", id);
  if (const Rule* known = find_rule(id)) {
    rule.set("shortDescription", sarif_text(std::string(known->help)));
    rule.set("help", sarif_text(concat("To do: ", known->fix)));
    rule.set("defaultConfiguration", Json::object().set("level", sarif_level(known->severity)));
  }
  rule.set("helpUri", help_uri(id));
  return rule;
}

/// SARIF counts UTF-16 code units; positions count bytes.
int sarif_column(std::string_view text, Position position) {
  const std::string_view line = line_of(text, position.line);
  const std::size_t bytes =
      std::min(line.size(), static_cast<std::size_t>(std::max(position.column, 1)) - 1);
  int units = static_cast<std::size_t>(std::max(position.column, 1)) - 1 > line.size()
                  ? position.column - static_cast<int>(bytes)
                  : 1;
  for (const char c : line.substr(0, bytes)) {
    const bool beyond_16_bits = (static_cast<unsigned char>(c) & 0xF8U) == 0xF0U;
    units += inside_character(c) ? 0 : beyond_16_bits ? 2 : 1;
  }
  return units;
}

Json sarif_region(std::string_view text, Position begin, std::optional<Position> end) {
  Json region = Json::object();
  region.set("startLine", begin.line);
  region.set("startColumn", sarif_column(text, begin));
  if (end) {
    region.set("endLine", end->line).set("endColumn", sarif_column(text, *end));
  }
  return region;
}

Json sarif_artifact(std::string_view file) {
  return Json::object().set("uri", to_uri(file));
}

Json sarif_fix(const Edit& edit, const FileReport& file, std::string_view hint) {
  Json replacement = Json::object();
  replacement.set("deletedRegion", sarif_region(file.text, edit.begin, edit.end));
  replacement.set("insertedContent", sarif_text(edit.text));
  Json change = Json::object();
  change.set("artifactLocation", sarif_artifact(file.file));
  change.set("replacements", Json::array().push(std::move(replacement)));
  Json fix = Json::object();
  fix.set("description", sarif_text(std::string(hint)));
  fix.set("artifactChanges", Json::array().push(std::move(change)));
  return fix;
}

Json sarif_result(const Finding& finding, const FileReport& file, std::size_t rule_index) {
  const Error& error = finding.error;
  std::string message =
      error.subject.empty() ? error.message : concat(error.subject, ": ", error.message);
  if (!error.hint.empty()) {
    message += concat(" (", error.hint, ")");
  }
  Json physical = Json::object();
  physical.set("artifactLocation", sarif_artifact(file.file));
  if (error.position.line > 0) {
    physical.set("region", sarif_region(file.text, error.position, std::nullopt));
  }
  Json location = Json::object();
  location.set("physicalLocation", std::move(physical));
  if (!error.subject.empty()) {
    location.set(
        "logicalLocations",
        Json::array().push(Json::object().set("fullyQualifiedName", error.subject))
    );
  }
  Json result = Json::object();
  result.set("ruleId", finding.rule);
  result.set("ruleIndex", static_cast<std::int64_t>(rule_index));
  result.set("level", sarif_level(finding.severity));
  result.set("message", sarif_text(std::move(message)));
  result.set("locations", Json::array().push(std::move(location)));
  if (finding.edit) {
    result.set("fixes", Json::array().push(sarif_fix(*finding.edit, file, error.hint)));
  }
  return result;
}

}  // namespace

std::string to_text(const FileReport& file) {
  std::string out;
  for (const Finding& finding : file.report.findings) {
    const Error& error = finding.error;
    out += concat(file.file, ":");
    if (error.position.line > 0) {
      out += concat(error.position.line, ":", error.position.column, ":");
    }
    out += concat(" ", to_string(finding.severity), ": ");
    out += error.subject.empty() ? std::string() : concat(error.subject, ": ");
    out += concat(error.message, " [", finding.rule, "]\n", excerpt(file.text, error.position));
    if (!error.hint.empty()) {
      out += concat("  fix: ", error.hint, "\n");
    }
  }
  return out;
}

Json to_json(const Finding& finding) {
  Json json = Json::object();
  json.set("severity", to_string(finding.severity));
  json.set("rule", finding.rule);
  json.set("file", finding.error.file);
  json.set("line", finding.error.position.line);
  json.set("column", finding.error.position.column);
  json.set("field", finding.error.subject);
  json.set("message", finding.error.message);
  json.set("fix", finding.error.hint);
  if (finding.edit) {
    Json edit = Json::object();
    edit.set("line", finding.edit->begin.line);
    edit.set("column", finding.edit->begin.column);
    edit.set("endColumn", finding.edit->end.column);
    edit.set("text", finding.edit->text);
    json.set("edit", std::move(edit));
  }
  return json;
}

Json to_sarif(std::span<const FileReport> files, std::string_view version) {
  std::vector<std::string> ids;
  Json rules = Json::array();
  Json results = Json::array();
  Json artifacts = Json::array();
  for (const FileReport& file : files) {
    artifacts.push(Json::object().set("location", sarif_artifact(file.file)));
    for (const Finding& finding : file.report.findings) {
      const auto known = std::find(ids.begin(), ids.end(), finding.rule);
      const auto index = static_cast<std::size_t>(known - ids.begin());
      if (known == ids.end()) {
        ids.push_back(finding.rule);
        rules.push(sarif_rule(finding.rule));
      }
      results.push(sarif_result(finding, file, index));
    }
  }
  Json driver = Json::object();
  driver.set("name", "reeve lint");
  driver.set("version", version);
  driver.set("informationUri", kRulesPage);
  driver.set("rules", std::move(rules));
  Json run = Json::object();
  run.set("tool", Json::object().set("driver", std::move(driver)));
  run.set("columnKind", "utf16CodeUnits");
  run.set("artifacts", std::move(artifacts));
  run.set("results", std::move(results));
  Json sarif = Json::object();
  sarif.set("$schema", kSarifSchema);
  sarif.set("version", "2.1.0");
  sarif.set("runs", Json::array().push(std::move(run)));
  return sarif;
}

}  // namespace reeve::lint
