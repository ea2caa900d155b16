#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "workflow/cron/schedule.h"

namespace reeve::cron {

/// What a field may hold.
struct FieldRange {
  std::string_view name;
  int min = 0;
  int max = 0;
  /// Longest number: "07" is fine, "007" is not.
  std::size_t digits_max = 2;
};

/// Reads one expression into a Schedule.
class ScheduleParser {
 public:
  explicit ScheduleParser(std::string_view text) : text_(text) {}

  Result<Schedule> parse();

 private:
  /// One entry of a list: `*`, `5`, `5-20`, each with `/step`.
  struct Entry {
    bool any = false;
    int first = 0;
    int last = 0;
    int step = 1;
  };

  Result<void> read_fields(const std::vector<std::string>& fields);
  template <std::size_t N>
  Result<void> read_list(const FieldRange& range, const std::string& field, std::bitset<N>& values);
  Result<void> read_days_of_month(const std::string& field);
  Result<void> read_days_of_week(const std::string& field);

  Result<Entry> read_entry(const FieldRange& range, std::string_view text) const;
  Result<int> read_value(const FieldRange& range, std::string_view text) const;
  Result<int> read_step(const FieldRange& range, std::string_view text) const;

  std::string_view text_;
  Schedule schedule_;
};

}  // namespace reeve::cron
