#include "workflow/cron/tzif.h"

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "workflow/cron/posix_tz.h"

namespace reeve::cron {

namespace {

constexpr std::size_t kHeaderBytes = 44;
constexpr std::size_t kTypeBytes = 6;
constexpr sys_seconds kEnd =
    std::chrono::sys_days(std::chrono::year(kZoneYearMax + 1) / std::chrono::January / 1);
/// Farther from 1970 than any date; leaves room for offsets.
constexpr seconds kTimeMax{std::int64_t{1} << 60U};

/// The counts in the header, in the order of the file.
struct Header {
  char version = '\0';
  std::size_t utc_flags = 0;
  std::size_t standard_flags = 0;
  std::size_t leaps = 0;
  std::size_t times = 0;
  std::size_t types = 0;
  std::size_t name_bytes = 0;

  std::size_t data_bytes(std::size_t time_bytes) const {
    return times * (time_bytes + 1) + types * kTypeBytes + name_bytes + leaps * (time_bytes + 4) +
           standard_flags + utc_flags;
  }
};

std::uint64_t unsigned_at(std::string_view bytes, std::size_t from, std::size_t count) {
  std::uint64_t value = 0;
  for (const char c : bytes.substr(from, count)) {
    value = (value << 8U) | static_cast<unsigned char>(c);
  }
  return value;
}

std::int64_t signed_at(std::string_view bytes, std::size_t from, std::size_t count) {
  const std::uint64_t value = unsigned_at(bytes, from, count);
  return count == 4 ? static_cast<std::int32_t>(static_cast<std::uint32_t>(value))
                    : static_cast<std::int64_t>(value);
}

class Parser {
 public:
  Parser(std::string name, std::string_view bytes) : name_(std::move(name)), rest_(bytes) {}

  Result<Zone> parse() {
    if (rest_.size() > kZoneFileBytesMax) {
      return corrupt(concat("is longer than ", kZoneFileBytesMax, " bytes"));
    }
    REEVE_TRY(Header header, read_header());
    std::size_t time_bytes = 4;
    if (header.version >= '2') {
      // The first block repeats the second for programs that know 32 bits only.
      if (rest_.size() < header.data_bytes(4)) {
        return corrupt("breaks off");
      }
      rest_.remove_prefix(header.data_bytes(4));
      REEVE_TRY(header, read_header());
      time_bytes = 8;
    }
    if (header.leaps > 0) {
      Error error = make_error(
          ErrorCode::Unsupported,
          "the time zone file counts leap seconds",
          concat("time zone ", name_)
      );
      error.hint = "use the zone of the same name outside \"right/\"";
      return error;
    }
    REEVE_CHECK(read_changes(header, time_bytes));
    if (header.version >= '2') {
      REEVE_CHECK(read_footer());
    }
    return Zone(name_, first_offset_, changes_);
  }

 private:
  Error corrupt(std::string_view what) const {
    Error error = make_error(
        ErrorCode::Corrupt, concat("the time zone file ", what), concat("time zone ", name_)
    );
    error.hint = "install the package tzdata again";
    return error;
  }

  Result<Header> read_header() {
    if (rest_.size() < kHeaderBytes || !rest_.starts_with("TZif")) {
      return corrupt("does not begin as one (TZif)");
    }
    const auto count = [&](std::size_t index) {
      return static_cast<std::size_t>(unsigned_at(rest_, 20 + index * 4, 4));
    };
    Header header{
        .version = rest_[4],
        .utc_flags = count(0),
        .standard_flags = count(1),
        .leaps = count(2),
        .times = count(3),
        .types = count(4),
        .name_bytes = count(5)};
    if (header.types == 0) {
      return corrupt("knows no offset");
    }
    rest_.remove_prefix(kHeaderBytes);
    return header;
  }

  Result<void> read_changes(const Header& header, std::size_t time_bytes) {
    if (rest_.size() < header.data_bytes(time_bytes)) {
      return corrupt("breaks off");
    }
    const std::string_view times = rest_.substr(0, header.times * time_bytes);
    const std::string_view indexes = rest_.substr(times.size(), header.times);
    const std::string_view types =
        rest_.substr(times.size() + indexes.size(), header.types * kTypeBytes);
    rest_.remove_prefix(header.data_bytes(time_bytes));
    const auto offset = [&](std::size_t type) {
      return seconds(signed_at(types, type * kTypeBytes, 4));
    };
    first_offset_ = offset(0);
    for (std::size_t i = 0; i < header.types; ++i) {
      if (offset(i) < -std::chrono::hours(25) || offset(i) > std::chrono::hours(26)) {
        return corrupt("has an offset of more than a day");
      }
    }
    for (std::size_t i = 0; i < header.times; ++i) {
      const auto type = static_cast<std::size_t>(static_cast<unsigned char>(indexes[i]));
      const sys_seconds at(seconds(signed_at(times, i * time_bytes, time_bytes)));
      if (at < sys_seconds(-kTimeMax) || at > sys_seconds(kTimeMax)) {
        return corrupt("has a time outside of history");
      }
      if (type >= header.types || (!changes_.empty() && at <= changes_.back().at)) {
        return corrupt("contradicts itself");
      }
      changes_.push_back({at, offset(type)});
    }
    return {};
  }

  /// Writes out what the footer says about every year up to kZoneYearMax.
  Result<void> read_footer() {
    if (rest_.size() < 2 || !rest_.starts_with('\n') || !rest_.ends_with('\n')) {
      return corrupt("breaks off");
    }
    const std::string_view text = rest_.substr(1, rest_.size() - 2);
    if (text.empty()) {
      return {};
    }
    const auto rule = PosixTz::parse(text);
    if (!rule) {
      return corrupt(concat("ends with a rule that is not understood, \"", text, "\""));
    }
    if (!rule->summer) {
      first_offset_ = changes_.empty() ? rule->offset : first_offset_;
      return {};
    }
    // Summer time all year round ends and begins at the same moment: what begins counts, which is
    // of the later year.
    std::map<sys_seconds, seconds> later;
    for (int year = 1969; year <= kZoneYearMax; ++year) {
      for (const Zone::Change& change : rule->changes_in(year)) {
        if ((changes_.empty() || change.at > changes_.back().at) && change.at < kEnd) {
          later[change.at] = change.offset;
        }
      }
    }
    for (const auto& [at, offset] : later) {
      changes_.push_back({at, offset});
    }
    return {};
  }

  std::string name_;
  std::string_view rest_;
  seconds first_offset_{0};
  std::vector<Zone::Change> changes_;
};

}  // namespace

Result<Zone> parse_tzif(std::string name, std::string_view bytes) {
  return Parser(std::move(name), bytes).parse();
}

}  // namespace reeve::cron
