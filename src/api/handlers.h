#pragma once

#include "api/call.h"

/// Whoever answers: one function for each thing that can be asked for. All are called on the
/// network thread with a call that is identified and authorised, and answer it sooner or later.
namespace reeve::api {

// Objects.
void get_object(const CallPtr& call);
void list_objects(const CallPtr& call);
void watch_objects(const CallPtr& call);
void create_object(const CallPtr& call);
/// Many missions by one request; each is answered for itself.
void create_missions(const CallPtr& call);
void replace_object(const CallPtr& call);
void patch_object(const CallPtr& call);
void delete_object(const CallPtr& call);
void delete_collection(const CallPtr& call);

// Parts of objects, and what is done with them.
void get_log(const CallPtr& call);
void follow_mission_events(const CallPtr& call);
void follow_namespace_events(const CallPtr& call);
/// POST to a subresource: approve, abort, submit, …
void act(const CallPtr& call);
/// Whether `act` knows the subresource.
bool is_action(const Call& call);

// Kinds that are not in the view.
void get_host(const CallPtr& call);
void get_event(const CallPtr& call);
void list_events(const CallPtr& call);
void watch_events(const CallPtr& call);

// Ways in for others.
/// A request for a trigger. Not identified: the trigger says how its sender proves who it is.
void receive_hook(const CallPtr& call);

/// What agents tell by OTLP/HTTP. Decides itself who may.
void take_telemetry(const CallPtr& call);

/// What agents work through. Identifies whoever asks itself: gateways speak protocols of others, in
/// which keys and errors look different.
void serve_gateway(const CallPtr& call);

// About the server itself.
void answer_about(const CallPtr& call);
void answer_health(const CallPtr& call);
/// POST of selfsubjectaccessreviews, selfsubjectrulesreviews, selfsubjectreviews and
/// subjectaccessreviews.
void answer_review(const CallPtr& call);

}  // namespace reeve::api
