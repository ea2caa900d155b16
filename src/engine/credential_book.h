#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/object_book.h"
#include "workflow/render.h"

namespace reeve::engine {

/// Credentials of a namespace.
inline constexpr std::size_t kCredentialsMax = 1000;
inline constexpr std::size_t kCredentialNameBytesMax = 100;
/// Of the sealed text, which is longer than the value.
inline constexpr std::size_t kSealedBytesMax = std::size_t{64} << 10U;
/// Workflows that may use one credential.
inline constexpr std::size_t kAllowedWorkflowsMax = 100;

/// A secret value that tasks may use. What is here is sealed; nobody here can open it.
struct Credential {
  std::string name;
  Namespace ns;
  Uid uid;
  /// Text of security/sealing.
  std::string sealed;
  /// The key that it was sealed with.
  std::string key_id;
  std::string description;
  /// Which workflows may use it; none: all.
  std::vector<std::string> workflows;
  Timestamp created_at;
  Timestamp updated_at;
  Revision revision;
  bool deleted = false;
};

/// All credentials. Commands:
///
///     set     {sealed, keyId, description?, workflows?}   makes one or replaces its value
///     allow   {workflows}                                 says who may use it; none: all
///     reseal  {from, sealed, keyId}                       the same value under another key
///     delete  {}
///
/// A run may do none of this. Threading: engine loop, or one thread for an audit.
class CredentialBook final : public ObjectBook<Credential> {
 public:
  journal::Kind kind() const override { return journal::Kind::Credential; }

  Result<void> load(const journal::ObjectKey& key, const Json& row) override;
  Result<void> apply(const journal::Event& event) override;
  bool encode(const journal::ObjectKey& key, std::string& body) const override;
  Result<Reply> turn(const ObjectCommand& command, BookTurn& turn) override;
  void configure(
      const Namespace& ns, std::string_view workflow, workflow::Configuration& configuration
  ) const override;

 private:
  Result<Reply> set(const ObjectCommand& command, BookTurn& turn);
  Result<Reply> allow(const ObjectCommand& command, BookTurn& turn);
  Result<Reply> reseal(const ObjectCommand& command, BookTurn& turn);
  Result<Reply> remove(const ObjectCommand& command, BookTurn& turn);
  Result<const Credential*> existing(const journal::ObjectKey& key) const;
  void put(Credential credential);

  /// Of each namespace: what rendering needs to know.
  std::map<Namespace, workflow::Configuration::Credentials> allowed_;
};

/// Invalid: a name that no credential can have.
Result<void> check_credential_name(std::string_view name);

}  // namespace reeve::engine
