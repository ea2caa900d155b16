// Credentials and settings under crashes and lost or repeated replies: what was acknowledged is
// there, once, and a value that was replaced or deleted does not come back.

#include <map>

#include "base/strings.h"
#include "installation.h"

namespace reeve::sim {
namespace {

using namespace std::chrono_literals;
using Object = Json::Object;

journal::ObjectKey key_of(journal::Kind kind, std::string name) {
  return {.kind = kind, .ns = Namespace("default"), .name = std::move(name)};
}

/// One client for each object, which sends its next command when the last one was answered; so the
/// last command decides what the row must be.
class ConfigurationClients {
 public:
  explicit ConfigurationClients(Installation& sim) : sim_(sim) {}

  void order(const std::string& name, int number) {
    const std::string value = concat(name, "-", number);
    const bool removes = number % 4 == 3;
    setting(
        name, removes ? "unset" : "set", removes ? Json::object() : Json(Object{{"value", value}})
    );
    credential(
        name,
        removes ? "delete" : "set",
        removes ? Json::object()
                : Json(Object{{"sealed", concat("v1.k1.", value)}, {"keyId", "k1"}})
    );
    last_[name] = removes ? std::string() : value;
  }

  bool all_answered() const {
    for (const std::size_t request : requests_) {
      if (sim_.client().answer(request) == nullptr) {
        return false;
      }
    }
    return true;
  }

  /// What the rows must be when everything was answered.
  void expect_rows() const {
    for (const auto& [name, value] : last_) {
      for (const journal::Kind kind : {journal::Kind::Setting, journal::Kind::Credential}) {
        const auto row = sim_.disk().get(key_of(kind, name));
        ASSERT_TRUE(row.ok() && row->has_value()) << name;
        EXPECT_EQ((*row)->live, !value.empty()) << name;
        const std::string& body = (*row)->body;
        EXPECT_EQ(
            body.find(value.empty() ? std::string("sealed") : value) != std::string::npos,
            !value.empty()
        ) << body;
      }
    }
  }

 private:
  void setting(const std::string& name, std::string verb, Json body) {
    requests_.push_back(
        sim_.client().order(key_of(journal::Kind::Setting, name), std::move(verb), std::move(body))
    );
  }

  void credential(const std::string& name, std::string verb, Json body) {
    requests_.push_back(sim_.client().order(
        key_of(journal::Kind::Credential, name), std::move(verb), std::move(body)
    ));
  }

  Installation& sim_;
  std::vector<std::size_t> requests_;
  std::map<std::string, std::string> last_;
};

TEST(Configuration, ACrashAtAnyBoundaryKeepsExactlyWhatWasAcknowledged) {
  std::uint64_t boundaries = 1;
  for (std::uint64_t crash = 0; crash <= boundaries; ++crash) {
    SCOPED_TRACE(crash);
    Installation sim(crash + 1);
    ConfigurationClients clients(sim);
    sim.controller().crash_at(crash);
    for (int number = 0; number < 6; ++number) {
      clients.order("A", number);
      clients.order("B", number + 1);
      for (int i = 0; i < 600 && !clients.all_answered(); ++i) {
        ASSERT_TRUE(sim.advance(1s)) << *sim.violation();
      }
      ASSERT_TRUE(clients.all_answered());
    }
    boundaries = crash == 0 ? sim.controller().boundaries() : boundaries;
    sim.heal();
    sim.run_until_idle();
    sim.finish(false);
    ASSERT_FALSE(sim.violation().has_value()) << *sim.violation();
    clients.expect_rows();
  }
  EXPECT_GT(boundaries, 10U);
}

}  // namespace
}  // namespace reeve::sim
