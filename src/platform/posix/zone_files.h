#pragma once

#include <filesystem>
#include <string_view>

#include "workflow/cron/ports.h"

namespace reeve::platform {

/// The time zones of this machine: the files of the package tzdata.
///
/// Names that leave the directory are refused, also by way of a symbolic link. Nothing is cached:
/// an updated database is seen by the next call.
class ZoneFiles final : public cron::ZoneSource {
 public:
  explicit ZoneFiles(std::filesystem::path directory = "/usr/share/zoneinfo")
      : directory_(std::move(directory)) {}

  Result<cron::Zone> find(std::string_view name) override;

 private:
  Error unknown(std::string_view name) const;

  std::filesystem::path directory_;
};

}  // namespace reeve::platform
