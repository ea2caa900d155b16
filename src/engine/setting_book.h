#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/object_book.h"
#include "workflow/render.h"

namespace reeve::engine {

/// Settings of a namespace.
inline constexpr std::size_t kSettingsMax = 10'000;
inline constexpr std::size_t kSettingValueBytesMax = std::size_t{32} << 10U;
inline constexpr std::size_t kSettingNameBytesMax = 100;

/// A plain value for workflows: of a namespace, or of one workflow in it.
struct Setting {
  std::string name;
  /// Empty: of the namespace.
  std::string workflow;
  Namespace ns;
  Uid uid;
  std::string value;
  Timestamp created_at;
  Timestamp updated_at;
  Revision revision;
  bool deleted = false;
};

/// The name of the object: `NAME`, or `WORKFLOW:NAME`.
std::string setting_object(std::string_view workflow, std::string_view name);

/// Workflow (or nothing) and name.
std::pair<std::string, std::string> split_setting_object(std::string_view object);

/// All settings. Commands:
///
///     set    {value}   makes one or replaces its value
///     unset  {}
///
/// A run may do neither. Threading: engine loop, or one thread for an audit.
class SettingBook final : public ObjectBook<Setting> {
 public:
  journal::Kind kind() const override { return journal::Kind::Setting; }

  Result<void> load(const journal::ObjectKey& key, const Json& row) override;
  Result<void> apply(const journal::Event& event) override;
  bool encode(const journal::ObjectKey& key, std::string& body) const override;
  Result<Reply> turn(const ObjectCommand& command, BookTurn& turn) override;
  void configure(
      const Namespace& ns, std::string_view workflow, workflow::Configuration& configuration
  ) const override;

 private:
  void put(Setting setting);

  /// What rendering needs: by namespace and workflow (empty: of the namespace).
  std::map<std::pair<Namespace, std::string>, workflow::Configuration::Texts> texts_;
  std::map<Namespace, std::size_t> counts_;
};

/// Invalid: a name that no setting can have. It has to be usable as a variable.
Result<void> check_setting_name(std::string_view name);

}  // namespace reeve::engine
