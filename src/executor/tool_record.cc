#include "executor/tool_record.h"

#include "base/json.h"
#include "base/strings.h"
#include "platform/posix/files.h"

namespace reeve::executor {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kReasonBytesMax = 1024;
constexpr int kExitCodeMax = 255;

/// Json replaces bytes that are no UTF-8; what is left is cut between characters.
std::string shortened(std::string_view text, std::size_t bytes_max) {
  std::size_t end = std::min(text.size(), bytes_max);
  while (end > 0 && end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) {
    --end;
  }
  return std::string(text.substr(0, end));
}

Error corrupt(const fs::path& file, std::string_view field) {
  return make_error(
      ErrorCode::Corrupt, concat("is not the record of a tool: ", field), file.string()
  );
}

}  // namespace

fs::path tool_input_file(const fs::path& run_dir, std::size_t index) {
  return run_dir / "steps" / concat(index, ".json");
}

fs::path tool_end_file(const fs::path& input_file) {
  fs::path file = input_file;
  file.replace_extension(".end");
  return file;
}

std::string encode(const ToolRecord& record) {
  Json warnings = Json::array();
  for (const std::string& warning : record.warnings) {
    if (warnings.as_array().size() < model::kWarningsMax) {
      warnings.push(shortened(warning, model::kWarningBytesMax));
    }
  }
  Json json = Json::object();
  json.set("exitCode", record.end.exit_code);
  json.set("exitText", record.end.exit_text);
  json.set("reason", shortened(record.end.reason, kReasonBytesMax));
  json.set("scriptOutput", record.end.script_output);
  json.set("warnings", std::move(warnings));
  return json.pretty();
}

Result<ToolRecord> read_tool_record(const fs::path& file) {
  REEVE_TRY(const std::string text, platform::read_file(file, kToolEndBytesMax));
  const auto json = parse_json(text);
  if (!json.ok() || !json->is_object()) {
    return corrupt(file, "no object");
  }
  ToolRecord record;
  const std::int64_t code = json->get_int("exitCode", -1);
  if (code < 0 || code > kExitCodeMax) {
    return corrupt(file, "exitCode");
  }
  record.end.exit_code = static_cast<int>(code);
  record.end.exit_text = json->get_string("exitText");
  if (!record.end.exit_text.empty() && !model::is_exit_text(record.end.exit_text)) {
    return corrupt(file, "exitText");
  }
  record.end.reason = json->get_string("reason");
  record.end.script_output = json->get_bool("scriptOutput");
  const Json* warnings = json->find("warnings");
  if (warnings == nullptr || !warnings->is_array() ||
      warnings->as_array().size() > model::kWarningsMax) {
    return corrupt(file, "warnings");
  }
  for (const Json& warning : warnings->as_array()) {
    if (!warning.is_string()) {
      return corrupt(file, "warnings");
    }
    record.warnings.push_back(warning.as_string());
  }
  return record;
}

}  // namespace reeve::executor
