#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "resource/managed_fields.h"

/// Handling of managedFields that updates and applies share. Private to resource.
namespace reeve::resource {

inline constexpr std::string_view kManagedFields = "metadata.managedFields";
inline constexpr std::string_view kApplyOperation = "Apply";
inline constexpr std::string_view kUpdateOperation = "Update";

/// Takes out what is nobody's: identity, and what the server owns.
void strip_unowned(FieldSet& set);

/// `metadata.managedFields`, or null.
const Json* managed_of(const Json* object);

/// Of a stored object, which may be null. What is stored was checked when it came; should it be
/// wrong nevertheless, nobody owns anything.
std::vector<ManagedEntry> stored_entries(const Json* object);

/// Writes the entries to the object; none: removes the member.
void set_managed(Json& object, const std::vector<ManagedEntry>& entries);

void remove_empty(std::vector<ManagedEntry>& entries);

/// The entry of this writer, or null.
ManagedEntry* find_entry(
    std::vector<ManagedEntry>& entries, std::string_view operation, const FieldWriter& writer
);

/// Invalid (422): more entries than kManagedEntriesMax.
Outcome<void> check_entry_count(
    const ResourceName& resource, const Json& object, const std::vector<ManagedEntry>& entries
);

}  // namespace reeve::resource
