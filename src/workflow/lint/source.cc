#include "workflow/lint/source.h"

#include "base/strings.h"
#include "workflow/load/bare.h"

namespace reeve::lint {

using document::Member;
using document::Node;

Source::Source(const workflow::Workflow& workflow)
    : text_(workflow.source), lines_(split(text_, '\n')) {
  const bool native = workflow.format == workflow::Format::Native;
  const workflow::Quoted quoted = workflow::quote_bare_templates(text_, !native);
  auto parsed =
      document::parse_yaml(quoted.text, {.size_bytes_max = 2 * workflow::kSourceBytesMax});
  if (!parsed.ok()) {
    return;
  }
  root_ = std::move(parsed).value();
  top_ = native ? root_->find("spec") : &*root_;
  const Node* tasks = top_ == nullptr ? nullptr : top_->find("tasks");
  if (tasks == nullptr) {
    return;
  }
  for (const Node& task : tasks->items) {
    if (const Node* name = task.find(native ? "name" : "task_type")) {
      tasks_.emplace(name->text, &task);
    }
  }
}

Position Source::place(
    const workflow::Task* task, const std::vector<std::string_view>& path, Position fallback
) const {
  const Node* at = top_;
  if (task != nullptr) {
    const auto found = tasks_.find(task->name.view());
    at = found == tasks_.end() ? nullptr : found->second;
  }
  Position position = fallback;
  for (const std::string_view key : path) {
    const Node* next = nullptr;
    if (at != nullptr) {
      for (const Member& member : at->members) {
        if (member.key.text == key) {
          next = &member.value;
          position = member.key.position;
        }
      }
    }
    at = next;
  }
  return position;
}

std::optional<Edit> Source::replace(Position position, std::string_view before, std::string after)
    const {
  const std::string_view text = line(position.line);
  const auto column = static_cast<std::size_t>(position.column);
  if (position.column < 1 || column > text.size() || !text.substr(column - 1).starts_with(before)) {
    return std::nullopt;
  }
  return Edit{
      .begin = position,
      .end = {position.line, position.column + static_cast<int>(before.size())},
      .text = std::move(after)};
}

std::string_view Source::line(int number) const {
  const auto index = static_cast<std::size_t>(number) - 1;
  if (number < 1 || index >= lines_.size()) {
    return {};
  }
  std::string_view text = lines_[index];
  if (text.ends_with('\r')) {
    text.remove_suffix(1);
  }
  return text;
}

}  // namespace reeve::lint
