#pragma once

#include "workflow/load/decode.h"
#include "workflow/load/draft.h"
#include "workflow/load/fields.h"

/// Parts of a Formicary document. Used by formicary.cc only.
namespace reeve::workflow {

/// `method` and what belongs to it: approval policies, forks, fan-outs, requests, messages. Called
/// when the scripts of the task have been read. False if the method cannot be told.
bool decode_formicary_method(Fields& task, Decoder& decoder, TaskDraft& draft);

/// `resources` as a semaphore.
std::vector<Semaphore> decode_resources(Fields& fields, Decoder& decoder);

Cache decode_formicary_cache(
    const document::Node& node, Decoder& decoder, std::string path, Position position
);

/// `cron_trigger` and `triggers`.
void decode_formicary_triggers(Fields& job, Decoder& decoder, Workflow& workflow);

}  // namespace reeve::workflow
