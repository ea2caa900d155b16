#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "workflow/document/yaml.h"
#include "workflow/workflow.h"

/// How a field is written, for messages about one that is missing or of another type.
namespace reeve::workflow {

/// The field at `path` ("spec.tasks[2].retry.max") as one writes it: "max: 3". Empty if there is no
/// such field, or if its name was chosen by the author of the document.
std::string_view example_of(std::string_view path, Format format);

/// Every example there is.
std::vector<std::string_view> all_examples();

/// What the field is called, among those `known` here, that other tools, and Formicary, call `key`.
/// Empty if there is none.
std::string_view native_name(std::string_view key, const std::vector<std::string>& known);

/// The way out for an unknown field of a native document; `near` is the one that seems to be meant.
std::string unknown_hint(
    std::string_view key, std::string_view near, const std::vector<std::string>& known
);

/// The way out for `node`, found at `path` where `expected` belongs ("a map", "true or false").
/// Never empty.
std::string way_out(
    const document::Node& node, std::string_view path, std::string_view expected, Format format
);

}  // namespace reeve::workflow
