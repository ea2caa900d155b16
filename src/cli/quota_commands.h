#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cli/arguments.h"

/// `reeve quota` and `reeve cost`; each function returns the process's exit code. Main thread.
/// Private to cli.
namespace reeve::cli {

/// `reeve quota list|show|set|raise|reset|delete`.
struct QuotaArgs {
  ConnectionArgs connection;
  std::string name;
  /// One of the whole installation.
  bool cluster = false;
  /// Members of `spec.limits`, `spec.selector` and `spec.enforcement`, and of `spec`, as given.
  std::map<std::string, std::string> limits;
  std::map<std::string, std::string> selector;
  std::map<std::string, std::string> enforcement;
  std::map<std::string, std::string> others;
  /// Why it is raised.
  std::string reason;
};

int list_quotas(const Common& common, const QuotaArgs& args);
int show_quota(const Common& common, const QuotaArgs& args);
int set_quota(const Common& common, const QuotaArgs& args);
int raise_quota(const Common& common, const QuotaArgs& args);
int reset_quota(const Common& common, const QuotaArgs& args);
int delete_quota(const Common& common, const QuotaArgs& args);

/// `reeve cost`.
struct CostArgs {
  ConnectionArgs connection;
  /// mission, agent, model, workflow, run, day, namespace, tenant
  std::string by = "mission";
  /// The dearest so many; 0: all.
  std::uint32_t limit = 0;
};

int show_cost(const Common& common, const CostArgs& args);

}  // namespace reeve::cli
