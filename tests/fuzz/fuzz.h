#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace reeve::fuzz {

/// Bytes to begin with, near to what the target takes.
std::span<const std::string_view> samples();

/// Reads any bytes. Fails by a crash, an assertion or a sanitizer's report.
void read(std::string_view bytes);

}  // namespace reeve::fuzz

/// The entry point of libFuzzer; the driver calls it, too.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

/// Defines the entry point; once in each target.
#define REEVE_FUZZ_ENTRY                                                              \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) { \
    reeve::fuzz::read(std::string_view(reinterpret_cast<const char*>(data), size));   \
    return 0;                                                                         \
  }
