#include "cli/children_view.h"

#include <cstddef>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "cli/session.h"

namespace reeve::cli {

namespace {

/// Lines of `reeve status MISSION` about children.
constexpr std::size_t kChildrenListed = 100;
constexpr std::string_view kComplete = "COMPLETE";

/// The missions that templates of a task have asked for; nothing waits for them.
const Json::Array* submitted_by(const Json& task) {
  const Json* submitted = task.find("submitted");
  return submitted == nullptr ? nullptr : &submitted->as_array();
}

const Json::Array* children_of(const Json& task) {
  const Json* children = task.find("children");
  return children == nullptr ? nullptr : &children->find("missions")->as_array();
}

bool fans_out(const Json& task) {
  const Json* children = task.find("children");
  return children != nullptr && children->get_bool("fansOut");
}

/// The state of a mission as the store has it now.
std::string stored_state(store::Reader& reader, const Namespace& ns, const std::string& name) {
  const Result<Json> mission = read_mission(reader, ns, name);
  return mission ? mission->find("status")->get_string("state") : std::string("unknown");
}

/// What the parent knows about a child, or where it stands now.
std::string state_of(const Json& child, store::Reader& reader, const Namespace& ns) {
  const std::string name = child.get_string("mission");
  const std::string ended = child.get_string("state");
  if (!ended.empty()) {
    return ended;
  }
  return name.empty() ? std::string("WAITING") : stored_state(reader, ns, name);
}

class Lister {
 public:
  Lister(store::Reader& reader, Namespace ns) : reader_(reader), ns_(std::move(ns)) {}

  void add(const Json& task) {
    const std::string name = task.get_string("name");
    if (const Json::Array* children = children_of(task)) {
      for (std::size_t i = 0; i < children->size(); ++i) {
        const Json& child = (*children)[i];
        if (takes_one_more()) {
          const std::string mission = child.get_string("mission");
          const std::string message = child.get_string("message");
          add(fans_out(task) ? concat(name, " ", i) : name,
              mission.empty() ? "-" : mission,
              state_of(child, reader_, ns_),
              message);
        }
      }
    }
    if (const Json::Array* submitted = submitted_by(task)) {
      for (const Json& mission : *submitted) {
        if (!mission.as_string().empty() && takes_one_more()) {
          add(name, mission.as_string(), stored_state(reader_, ns_, mission.as_string()), {});
        }
      }
    }
  }

  std::string text() const {
    if (all_ == 0) {
      return {};
    }
    const std::string rest =
        all_ > kChildrenListed ? concat("  (", all_, " in all; -o json has them)\n") : "";
    return concat("\nmissions of its tasks:\n", lines_, rest);
  }

 private:
  bool takes_one_more() { return ++all_ <= kChildrenListed; }

  void add(
      std::string_view origin,
      std::string_view mission,
      std::string_view state,
      std::string_view message
  ) {
    lines_ += concat("  ", origin, "  ", mission, "  ", state);
    lines_ += message.empty() ? std::string("\n") : concat("  ", message, "\n");
  }

  store::Reader& reader_;
  Namespace ns_;
  std::size_t all_ = 0;
  std::string lines_;
};

}  // namespace

std::string children_progress(const Json& task) {
  const Json::Array* children = children_of(task);
  if (children == nullptr) {
    return {};
  }
  if (!fans_out(task)) {
    const std::string name =
        children->empty() ? std::string() : children->front().get_string("mission");
    return name.empty() ? std::string() : concat("mission ", name);
  }
  std::size_t over = 0;
  std::size_t failed = 0;
  for (const Json& child : *children) {
    const std::string state = child.get_string("state");
    over += state.empty() ? 0 : 1;
    failed += state.empty() || state == kComplete ? 0 : 1;
  }
  return concat(
      over, "/", children->size(), " items", failed > 0 ? concat(", ", failed, " failed") : ""
  );
}

std::string children_list(const Json& mission, store::Reader& reader) {
  Lister lister(reader, namespace_in(mission));
  for (const Json& task : mission.find("status")->find("tasks")->as_array()) {
    lister.add(task);
  }
  return lister.text();
}

bool is_child(const Json& mission) {
  const Json* parent = mission.find("spec")->find("parent");
  return parent != nullptr && !parent->get_bool("detached");
}

}  // namespace reeve::cli
