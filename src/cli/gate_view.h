#pragma once

#include <string>
#include <string_view>

#include "base/json.h"

/// Gates as people see them: texts made of the Mission object and of events. They may contain what
/// tasks wrote: make them printable.
namespace reeve::cli {

/// Whether a task of a Mission object is a gate at which people may decide now.
bool is_open_gate(const Json& task);

/// "waiting for approval, 1 of 2".
std::string gate_progress(const Json& gate);

/// Everything somebody needs who is to decide: question, context, votes, who may and how.
/// `in_namespace`: what the commands have to be given for the mission's namespace.
std::string gate_text(
    std::string_view mission, const Json& task, std::string_view in_namespace = {}
);

/// What came of `reeve approve|reject|revise`, from the owner's answer.
std::string decision_text(const Json& reply);

/// What an event of a gate says; empty for those of which other events say the same.
std::string describe_gate_event(std::string_view type, const Json& data);

}  // namespace reeve::cli
