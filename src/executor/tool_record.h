#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "executor/ports.h"

/// The two files through which a shim and a tool's process talk.
namespace reeve::executor {

/// Longest input that is read, and longest record of an end.
inline constexpr std::uint64_t kToolInputBytesMax = std::uint64_t{16} << 20U;
inline constexpr std::uint64_t kToolEndBytesMax = std::uint64_t{64} << 10U;

/// What a tool's process leaves behind.
struct ToolRecord {
  ToolEnd end;
  std::vector<std::string> warnings;
};

/// `steps/<index>.json`, mode 0600: the input of a tool.
std::filesystem::path tool_input_file(const std::filesystem::path& run_dir, std::size_t index);

/// `steps/<index>.end`: its end, beside the input.
std::filesystem::path tool_end_file(const std::filesystem::path& input_file);

/// Texts that are not UTF-8 or too long are cut to fit.
std::string encode(const ToolRecord& record);

/// NotFound: the process ended without one. Corrupt: not what `encode` writes.
Result<ToolRecord> read_tool_record(const std::filesystem::path& file);

}  // namespace reeve::executor
