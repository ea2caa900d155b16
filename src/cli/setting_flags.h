#pragma once

namespace CLI {
class App;
}  // namespace CLI

namespace reeve::cli {

struct UpArgs;

/// Adds `--config` and one flag for each setting of the server; what they mean is in the reference.
/// `args` must outlive the command's parsing.
void add_setting_flags(CLI::App& command, UpArgs& args);

}  // namespace reeve::cli
