#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "workflow/document/yaml.h"

/// Members of objects that the API finds fault with, and where they were written. Private to cli.
namespace reeve::cli {

/// Where a member was written, or the nearest one that it is to be in: `path` as the API writes it,
/// `spec.tools[0].name`. Pure.
Position place_of_field(const document::Node& object, std::string_view path);

/// Something about one member; without `field` about the whole.
struct FieldNote {
  std::string field;
  std::string message;
};

/// All that the body of an answer (a metav1.Status) finds fault with, at least one. Pure.
std::vector<FieldNote> faults_in(std::string_view body, const Error& whole);

/// A warning that begins with the member that it is about. Pure.
FieldNote note_of_warning(std::string_view warning);

}  // namespace reeve::cli
