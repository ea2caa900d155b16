#include <algorithm>

#include "api/compat/formicary_stats.h"
#include "api/compatible_formicary.h"
#include "api/services.h"

/// Formicary's numbers about jobs.
namespace reeve::api::formicary {

namespace {

constexpr int kOk = 200;

const ApiType& missions(const CallPtr& call) {
  return call->services->types.of(Storage::Mission);
}

std::size_t slots(const CallPtr& call) {
  const Json host = call->services->environment.host();
  const Json* status = host.find("status");
  const Json* capacity = status == nullptr ? nullptr : status->find("capacity");
  const std::int64_t count = capacity == nullptr ? 1 : capacity->get_int("slots", 1);
  return static_cast<std::size_t>(std::max<std::int64_t>(count, 1));
}

}  // namespace

void get_definition_stats(const CallPtr& call, const Words& /*words*/) {
  if (const auto all = listed(call, missions(call))) {
    answer(call, kOk, job_stats(*all));
  }
}

void get_request_stats(const CallPtr& call, const Words& words) {
  get_definition_stats(call, words);
}

void get_wait_time(const CallPtr& call, const Words& words) {
  const auto all = listed(call, missions(call));
  if (!all) {
    return;
  }
  if (const view::ProjectedPtr mission = found(call, missions(call), words[0])) {
    answer(call, kOk, wait_estimate(mission->object, *all, slots(call), call->services->now()));
  }
}

void list_dead_ids(const CallPtr& call, const Words& /*words*/) {
  if (const auto all = listed(call, missions(call))) {
    answer(call, kOk, dead_ids(*all));
  }
}

}  // namespace reeve::api::formicary
