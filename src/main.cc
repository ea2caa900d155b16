// The composition root: hands the process to the shim or to the command line; nothing else.

#include <string_view>

#include "cli/cli.h"
#include "host/shim.h"

int main(int argc, char** argv) {
  // First, because a shim starts for every run: nothing else is set up for it.
  if (argc > 1 && std::string_view(argv[1]) == "shim") {
    return reeve::host::shim_main(argc, argv);
  }
  return reeve::cli::run_cli(argc, argv);
}
