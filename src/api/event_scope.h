#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/call.h"
#include "journal/event.h"
#include "resource/query.h"
#include "resource/selector.h"

namespace reeve::api {

/// Events of the journal, the latest ones, among which a list finds its own.
inline constexpr std::uint64_t kListedEventsMax = 2000;
/// Events of one object that a list has: the latest ones.
inline constexpr std::size_t kDescribedEventsMax = 100;

/// Which events of the journal a client wants to see as Events of core/v1, and as which.
///
/// The journal knows missions; the API also shows their parts. Who asks for the events of a Run (or
/// of a Pod, which is a Run) or of an Approval gets those events of its mission that are about it.
///
/// Threading: the network thread.
class EventScope {
 public:
  /// From the route and the selectors. BadRequest: they cannot be read.
  static resource::Outcome<EventScope> of(const Call& call, const resource::ListOptions& options);

  /// The event as the client sees it; null: it is not wanted. To be called in order of revision.
  Json show(const journal::Event& event);

  /// The last events up to `head` about the object that is asked for, oldest first; absent: about
  /// no single one. Io: the store could not be read.
  Result<std::optional<Json::Array>> of_object(const Services& services, Revision head);

  /// Equal scopes have equal texts.
  std::string text() const;

 private:
  /// A Run or an Approval.
  struct Part {
    std::string kind;
    std::string name;
    std::string uid;
    std::string task;
    bool undo = false;
    bool gate = false;
    /// Revisions of the journal in which its events can be.
    Revision from;
    std::optional<Revision> until = {};
  };

  void find_object(const Call& call);
  void find_part(const Call& call, const std::string& kind, const std::string& name);
  bool is_about_part(const journal::Event& event);

  std::optional<std::string> ns_;
  resource::LabelSelector labels_;
  resource::FieldSelector fields_;
  /// Whose events are read; a part's mission.
  std::optional<journal::ObjectKey> object_;
  std::optional<Part> part_;
  /// There is no such object: nothing can be said about it.
  bool nothing_ = false;
};

/// Whether events of the kind are for everybody who may read events. What is said about
/// credentials, roles and the like is told by their own resources.
bool is_told(journal::Kind kind);

}  // namespace reeve::api
