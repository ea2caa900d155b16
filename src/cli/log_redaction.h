#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "api/services.h"
#include "store/ports.h"
#include "telemetry/log.h"

namespace reeve::cli {

/// Keeps the values of all credentials out of the log: they are opened when the first line after a
/// change is written, on the log's own thread.
///
/// Threading: any thread.
class LogRedaction {
 public:
  LogRedaction();
  ~LogRedaction();
  LogRedaction(const LogRedaction&) = delete;
  LogRedaction& operator=(const LogRedaction&) = delete;

  /// Masks what is known, also after this object has gone.
  telemetry::Redaction function() const;

  /// Where values are read from, until `detach`.
  void attach(store::Reader& reader, api::Environment::Reveal reveal);
  /// The reader may go: what is known stays masked.
  void detach();

  /// A credential was stored.
  void changed();

  /// Credentials that are not masked: they could not be opened, are shorter than 4 bytes, or are
  /// too long together.
  std::uint64_t unmasked() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace reeve::cli
