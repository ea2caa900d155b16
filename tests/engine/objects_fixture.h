#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "engine/metadata_book.h"
#include "engine/resource_book.h"
#include "kernel_fixture.h"

namespace reeve::kernel {

/// A kernel whose objects are made, changed and deleted as the API does it. At the end the store
/// must be the fold of its journal.
class ObjectsTest : public testing::Test {
 protected:
  ObjectsTest();
  ~ObjectsTest() override;

  static journal::ObjectKey key(journal::Kind kind, std::string name, std::string ns = "default");
  /// A namespace, role, … that belongs to none.
  static journal::ObjectKey cluster_key(journal::Kind kind, std::string name);
  static journal::ObjectKey about(journal::Kind kind, std::string name, std::string ns = "default");

  /// The object of a plain kind: `metadata` and `rest` are members as JSON text, each followed by a
  /// comma or empty.
  static Json object(
      const journal::ObjectKey& key, std::string_view metadata = {}, std::string_view rest = {}
  );
  /// `{"apiVersion":…,"kind":…,"name":…,"uid":…}`, with further members as text.
  static std::string owner(
      const journal::ObjectKey& owner, const Uid& uid, std::string_view more = {}
  );
  /// `"ownerReferences":[…],`
  static std::string owners(const std::vector<std::string>& references);

  Result<engine::Reply> command(
      const journal::ObjectKey& key, std::string verb, Json body, std::string_view who = "user:ann"
  );
  Result<engine::Reply> create(
      const journal::ObjectKey& key,
      std::string_view metadata = {},
      std::string_view rest = {},
      std::string_view who = "user:ann"
  );
  /// `body` without `object`.
  Result<engine::Reply> update(
      const journal::ObjectKey& key,
      Json object,
      std::string_view body = "{}",
      std::string_view who = "user:ann"
  );
  Result<engine::Reply> remove(const journal::ObjectKey& key, std::string_view body = "{}");
  /// Of the four kinds that have their metadata beside them.
  Result<engine::Reply> describe(const journal::ObjectKey& key, std::string_view metadata);

  void make_namespace(const std::string& name);
  /// Submits a mission that waits for its host.
  engine::Reply submit(std::string_view name, std::string ns = "default", Json metadata = {});
  /// Reports the end of everything that hosts were asked for and have not reported.
  void finish_runs();

  /// Lets garbage collection come to rest.
  void collect();

  std::optional<store::Row> row(const journal::ObjectKey& key);
  /// The stored object, or null if it was deleted or never was.
  Json stored(const journal::ObjectKey& key);

  bool there(const journal::ObjectKey& key) { return !stored(key).is_null(); }

  std::vector<std::string> event_types(const journal::ObjectKey& key);
  void audit();

  Bench bench_;
};

/// "code: message" or "done".
std::string outcome(const Result<engine::Reply>& reply);

}  // namespace reeve::kernel
