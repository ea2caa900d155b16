#pragma once

#include <optional>
#include <string>

#include "workflow/document/yaml.h"
#include "workflow/load/decode.h"
#include "workflow/load/draft.h"
#include "workflow/load/fields.h"

/// Blocks of a native document, one function each. Used by native.cc only.
namespace reeve::workflow {

/// `method`, and the blocks that say how a task is carried out: at most one of them. Sets the
/// method and what belongs to it; false if it cannot be told.
bool decode_method(Fields& task, Decoder& decoder, TaskDraft& draft);

/// Refuses fields that have no use with the method of the task.
void check_method_fields(const Fields& fields, Decoder& decoder, const Task& task);

Gate decode_gate(const document::Node& node, Decoder& decoder, std::string path, TaskDraft& draft);
HttpRequest decode_http(const document::Node& node, Decoder& decoder, std::string path);

/// A web socket is asked as a request is, without what only HTTP knows.
HttpRequest decode_web_socket(const document::Node& node, Decoder& decoder, std::string path);

/// `fanOut`, also written `foreach`.
std::optional<FanOut> decode_fan_out(Fields& task, Decoder& decoder);

Cache decode_cache(const document::Node& node, Decoder& decoder, std::string path);

/// `[{pool, units}]` of a task or workflow.
std::vector<Semaphore> decode_semaphores(
    const document::Node& node, Decoder& decoder, const std::string& path
);

/// A list of names, or a map of environment variables to names.
WordMap decode_credentials(const document::Node& node, Decoder& decoder, const std::string& path);

/// The word for a level, or a map with a level and limits.
model::Sandbox decode_sandbox(
    const document::Node& node, Decoder& decoder, const std::string& path
);

std::vector<std::string> decode_permissions(
    const document::Node& node, Decoder& decoder, const std::string& path
);

/// `triggers` and `schedule`.
void decode_triggers(Fields& spec, Decoder& decoder, Workflow& workflow);

}  // namespace reeve::workflow
