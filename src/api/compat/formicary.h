#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"

/// Formicary's REST API in terms of ours: its job requests are Missions, its job definitions
/// Workflows, its executions what became of a Mission. Ids are our names. Pure; any thread.
namespace reeve::api::formicary {

inline constexpr std::size_t kPageSizeDefault = 200;
inline constexpr std::size_t kPageSizeMax = 1000;

/// `PENDING`, `READY`, `EXECUTING`, `MANUAL_APPROVAL_REQUIRED`, … of a Mission.
std::string job_state(const Json& mission);

/// Whether a state is one of `asked`: a state, or a group (`RUNNING`, `WAITING`, `HISTORY`,
/// `DONE`).
bool state_matches(std::string_view state, std::string_view asked);

/// A job request as Formicary shows it, with its execution.
Json job_request(const Json& mission);

/// A job definition. `source` is the text that is deployed.
Json job_definition(const Json& workflow, std::string_view source);

/// The Mission that a submission asks for, as it is created. Invalid: a member that is unknown or
/// has no counterpart; the subject is the member.
Result<Json> mission_of(const Json& submission);

/// An approval that waits, for the inbox.
Json pending_approval(const Json& approval);

/// Where an approval stands, as a vote is answered.
Json approval_status(const Json& approval);

/// A vote in our words.
struct Vote {
  /// "approve", "reject".
  std::string decision;
  std::string message;
};

/// Invalid: no such decision, or a rejection without comments.
Result<Vote> vote_of(const Json& body);

using Query = std::vector<std::pair<std::string, std::string>>;

/// Which page a client wants.
struct Paging {
  /// From 0.
  std::size_t page = 0;
  std::size_t size = kPageSizeDefault;
};

/// `page`, and `pageSize` or `page_size`. Invalid: no numbers, or beyond kPageSizeMax.
Result<Paging> paging_of(const Query& query);

/// Whether a job request is wanted: `id`, `job_type`, `job_state`, `user_key`, `q`. Invalid:
/// another column.
Result<bool> wanted(const Json& request, const Query& query);

/// `{"Records", "TotalRecords", "Page", "PageSize", "TotalPages"}` of one page of `records`.
Json page_of(const Json::Array& records, const Paging& paging);

}  // namespace reeve::api::formicary
