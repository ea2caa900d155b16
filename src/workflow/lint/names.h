#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "workflow/lint/facts.h"
#include "workflow/template/template.h"

namespace reeve::lint {

/// Where the value of a name comes from.
enum class Origin : std::uint8_t {
  Unknown,   ///< nothing declares it
  Constant,  ///< a variable without a template
  Variable,  ///< a variable with one
  Builtin,
  Param,
  Output,      ///< of another task
  Item,        ///< of a fan-out
  Credential,  ///< that the task names
  Setting,     ///< of the installation
};

struct Name {
  Origin origin = Origin::Unknown;
  templates::ValueKind kind = templates::ValueKind::Unknown;
  /// Whether its text may come from outside of the document.
  bool outside = false;
  /// Of an Output: tasks that publish it, if they are known by name.
  std::vector<TaskIndex> publishers;
};

/// What the names in templates stand for. Refers to the facts.
class Names {
 public:
  /// `settings`: names that the installation gives a value.
  Names(const Facts& facts, const std::vector<std::string>& settings);

  /// The value that a text of `task` (null: of the workflow) sees.
  Name resolve(std::string_view name, const Task* task) const;

  /// Whether something that may run before `task` publishes names that cannot be told.
  bool anything_before(const Task* task) const;

  /// Whether anything that may run before `task` can publish outputs at all.
  bool outputs_before(const Task* task) const;

  /// Everything that could have been meant.
  std::vector<std::string> candidates(const Task* task) const;

 private:
  void add_outputs(const Task& task);
  void add_method_outputs(const Task& task, TaskIndex index);

  void add_output(std::string name, TaskIndex task) { outputs_[std::move(name)].push_back(task); }

  /// An output that the engine makes itself: a word or a number of its own.
  void add_own_output(std::string name, TaskIndex task) {
    own_outputs_.insert(name);
    add_output(std::move(name), task);
  }

  Name of_variable(const workflow::Variable& variable, const Task* task, int depth) const;
  Name of_item(const Task& task, int depth) const;
  Name resolve(std::string_view name, const Task* task, int depth) const;
  Name of_document(std::string_view name, int depth) const;
  const Task* owner_of(std::string_view name) const;
  bool mentions_outside(const std::string& text, const Task* task, int depth) const;

  const Facts& facts_;
  std::map<std::string, templates::ValueKind, std::less<>> builtins_;
  std::map<std::string, const workflow::Variable*, std::less<>> variables_;
  std::map<std::string, const workflow::Param*, std::less<>> params_;
  std::set<std::string, std::less<>> required_;
  std::set<std::string, std::less<>> settings_;
  std::map<std::string, std::vector<TaskIndex>, std::less<>> outputs_;
  std::set<std::string, std::less<>> own_outputs_;
  /// Tasks whose outputs have names that cannot be told.
  std::vector<TaskIndex> open_;
  /// By name, and by the name of the item of their fan-out.
  std::map<std::string_view, const Task*, std::less<>> tasks_;
  std::map<std::string_view, const Task*, std::less<>> items_;
};

}  // namespace reeve::lint
