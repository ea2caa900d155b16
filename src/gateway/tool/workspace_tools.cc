#include "gateway/tool/workspace_tools.h"

#include <optional>
#include <utility>

#include "base/strings.h"
#include "platform/posix/beneath.h"

namespace reeve::gateway {

namespace {

using platform::Beneath;

ToolOutcome failed(const Error& error) {
  return {.result = text_result(error.describe(), true), .undo = {}};
}

Json undo_write(const std::string& path, const std::optional<std::string>& before) {
  Json arguments = Json::object();
  arguments.set("path", path);
  if (before) {
    arguments.set("content", *before);
  }
  Json undo = Json::object();
  undo.set("tool", before ? "write_file" : "delete_file");
  return undo.set("arguments", std::move(arguments));
}

/// What has to be done to have the file as it is now; null: it is too large, or no text.
Json undo_of(const Beneath& files, const std::string& path) {
  const Result<std::string> before = files.read(path, kWorkspaceUndoBytesMax);
  if (before && is_utf8(*before)) {
    return undo_write(path, *before);
  }
  const bool absent = !before && before.error().code == ErrorCode::NotFound;
  return absent ? undo_write(path, std::nullopt) : Json();
}

ToolOutcome read(const Beneath& files, const std::string& path) {
  Result<std::string> text = files.read(path, kWorkspaceFileBytesMax);
  if (!text) {
    return failed(text.error());
  }
  if (!is_utf8(*text)) {
    return {.result = text_result(concat(path, " is no UTF-8 text"), true), .undo = {}};
  }
  return {.result = text_result(std::move(*text)), .undo = {}};
}

ToolOutcome change(
    const Beneath& files, std::string_view tool, const Json& arguments, bool keep_undo
) {
  const std::string path = arguments.get_string("path");
  Json undo = keep_undo ? undo_of(files, path) : Json();
  const bool write = tool == "write_file";
  const Result<void> done =
      write ? files.write(path, arguments.get_string("content")) : files.remove(path);
  if (!done) {
    return failed(done.error());
  }
  return {
      .result = text_result(concat(write ? "wrote " : "removed ", path)), .undo = std::move(undo)};
}

ToolOutcome list(const Beneath& files, const std::string& path) {
  const auto entries = files.list(path, kWorkspaceEntriesMax);
  if (!entries) {
    return failed(entries.error());
  }
  std::string text;
  for (const platform::DirectoryEntry& entry : *entries) {
    text += entry.directory ? concat(entry.name, "/\n")
                            : concat(entry.name, " ", entry.size_bytes, "\n");
  }
  return {.result = text_result(std::move(text)), .undo = {}};
}

}  // namespace

Result<ToolOutcome> run_workspace_tool(
    std::string_view tool,
    const Json& arguments,
    const ToolCaller& caller,
    bool keep_undo,
    const ToolPorts& ports
) {
  if (caller.run.empty()) {
    return failed(make_error(ErrorCode::NotFound, "only runs have a working directory", "run"));
  }
  const auto directory = ports.workspace(caller.ns, caller.mission, caller.run);
  if (!directory) {
    return failed(directory.error());
  }
  const Result<Beneath> files = Beneath::open(*directory);
  if (!files) {
    return failed(make_error(ErrorCode::NotFound, "the run has no working directory", "run"));
  }
  if (tool == "read_file") {
    return read(*files, arguments.get_string("path"));
  }
  if (tool == "list_files") {
    return list(*files, arguments.get_string("path"));
  }
  if (tool == "write_file" || tool == "delete_file") {
    return change(*files, tool, arguments, keep_undo);
  }
  return make_error(ErrorCode::NotFound, "there is no such tool", std::string(tool));
}

}  // namespace reeve::gateway
