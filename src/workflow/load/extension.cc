#include "workflow/load/extension.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "workflow/document/lines.h"
#include "workflow/document/yaml.h"
#include "workflow/load/bare.h"
#include "workflow/load/decode.h"
#include "workflow/load/load.h"
#include "workflow/load/native.h"

namespace reeve::workflow {

namespace {

using document::Node;

constexpr std::string_view kSeparator = "---";

bool is_separator(std::string_view line) {
  return line.starts_with(kSeparator) &&
         (line.size() == kSeparator.size() || line[kSeparator.size()] == ' ');
}

bool is_content(const document::Line& line) {
  return !line.blank && !trim(line.text).starts_with('#') && !line.text.starts_with('%');
}

/// Without a separator of its own and blank lines at the beginning: joining what was split again
/// changes nothing.
std::string_view body_of(std::string_view text) {
  for (const document::Line& line : document::scan_lines(text)) {
    if (is_separator(line.text)) {
      text.remove_prefix(line.offset + line.text.size());
      break;
    }
    if (is_content(line)) {
      break;
    }
  }
  text.remove_prefix(std::min(text.size(), text.find_first_not_of("\r\n")));
  return text;
}

void shift(Node& node, int lines) {
  node.position.line += lines;
  node.content.line += lines;
  for (Node& item : node.items) {
    shift(item, lines);
  }
  for (document::Member& member : node.members) {
    shift(member.key, lines);
    shift(member.value, lines);
  }
}

}  // namespace

std::vector<SourceDocument> split_source(std::string_view source) {
  std::vector<SourceDocument> documents = {{source, 0}};
  bool begun = false;
  for (const document::Line& line : document::scan_lines(source)) {
    if (!is_separator(line.text)) {
      begun = begun || is_content(line);
      continue;
    }
    if (begun) {
      SourceDocument& last = documents.back();
      last.text = last.text.substr(
          0, line.offset - static_cast<std::size_t>(last.text.data() - source.data())
      );
      documents.push_back({source.substr(line.offset + line.text.size()), line.number - 1});
    }
    begun = true;
  }
  return documents;
}

std::string join_source(std::string_view base, std::string_view extension) {
  const std::string_view body = body_of(extension);
  return concat(
      base,
      base.ends_with('\n') ? "" : "\n",
      kSeparator,
      "\n",
      body,
      body.ends_with('\n') ? "" : "\n"
  );
}

int line_in_extension(std::string_view base, std::string_view extension, int line) {
  const auto lines = [](std::string_view text) {
    return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
  };
  const std::size_t cut = extension.size() - body_of(extension).size();
  const int before = lines(base) + (base.ends_with('\n') ? 0 : 1) + 1;
  return std::max(0, line - before + lines(extension.substr(0, cut)));
}

void Extender::add(const SourceDocument& document, std::string& source) {
  const Quoted quoted = quote_bare_templates(document.text, false);
  report_bare_templates(quoted, document.lines_before, problems_);
  auto root = document::parse_yaml(quoted.text, {.size_bytes_max = 2 * kSourceBytesMax});
  if (!root.ok()) {
    Error error = std::move(root).error();
    error.position.line += error.position.line > 0 ? document.lines_before : 0;
    problems_.error("yaml", std::move(error));
    return;
  }
  shift(*root, document.lines_before);
  Decoder decoder(
      {.format = Format::Native, .source = quoted.text, .quote_columns = {}, .data = data_},
      problems_
  );
  std::vector<TaskDraft> tasks = decode_extension(*root, decoder);
  if (!keep_new(*root, std::move(tasks))) {
    return;
  }
  if (draft_.tasks.size() > kTasksMax) {
    problems_.too_many_tasks(draft_.tasks.size(), root->position, "spec.tasks");
  }
  source = join_source(
      source,
      decoder.patches().empty() ? document.text : apply_patches(quoted.text, decoder.patches())
  );
}

bool Extender::keep_new(const Node& root, std::vector<TaskDraft> tasks) {
  const std::size_t before = draft_.tasks.size();
  std::vector<std::pair<std::string, Json>> added;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    Json said = document::to_json(root.find("spec")->find("tasks")->items[i]);
    const auto known = known_.find(tasks[i].task.name.view());
    if (known != known_.end() && known->second == said) {
      continue;
    }
    added.emplace_back(tasks[i].task.name.str(), std::move(said));
    draft_.tasks.push_back(std::move(tasks[i]));
  }
  for (auto& [name, said] : added) {
    known_.emplace(std::move(name), std::move(said));
  }
  return draft_.tasks.size() > before;
}

}  // namespace reeve::workflow
