#pragma once

#include <optional>
#include <vector>

#include "api/call.h"
#include "security/access/policy.h"
#include "store/ports.h"

/// Roles and bindings that this program brings along: everybody sees them, nobody changes them.
namespace reeve::api {

/// A store that also has the built-in roles and bindings, as rows as old as the journal. A row of
/// the store takes the place of the built-in one of its name.
///
/// Threading: as the store.
class WithBuiltIns final : public store::Reader {
 public:
  /// `now` is their age if the journal is empty. `store` outlives this.
  WithBuiltIns(store::Reader& store, Timestamp now) : store_(store), now_(now) {}

  Result<store::Head> head() override { return store_.head(); }

  Result<std::optional<store::Row>> get(const journal::ObjectKey& key) override {
    return store_.get(key);
  }

  Result<std::vector<store::ListedRow>> list(const store::RowQuery& query) override {
    return store_.list(query);
  }

  Result<std::vector<journal::Event>> events(const store::EventQuery& query) override {
    return store_.events(query);
  }

  Result<void> each_live_row(const std::function<Result<void>(store::Row)>& visit) override {
    return store_.each_live_row(visit);
  }

  /// The built-in ones come last.
  Result<void> each_row(const std::function<Result<void>(store::Row)>& visit) override;

  Result<void> each_timer(const std::function<Result<void>(store::Timer)>& visit) override {
    return store_.each_timer(visit);
  }

  Result<std::optional<store::InputRecord>> find_input(const InputId& id) override {
    return store_.find_input(id);
  }

  Result<std::uint64_t> count_ended(std::string_view tally, Revision up_to) override {
    return store_.count_ended(tally, up_to);
  }

 private:
  Result<Timestamp> since();

  store::Reader& store_;
  /// Nothing was written to it, so it has all of them.
  access::Policy policy_;
  Timestamp now_;
};

/// Whether the object of the call's kind and this name is a built-in one.
bool is_built_in(const Call& call, std::string_view name);

/// 403: it is built in. Nothing: it may be written.
std::optional<resource::Status> check_built_in(const Call& call, std::string_view name);

}  // namespace reeve::api
